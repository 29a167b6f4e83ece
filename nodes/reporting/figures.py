"""The report as tables of text, for a terminal and for a page."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Line = Mapping[str, Any]
# The result of `report` in sql/migrations: counts, and rates between 0 and 1 or null if there are too few rows.
Report = dict[str, Any]


@dataclass(frozen=True)
class Column:
    """A column: its heading, and the function that renders a line's cell."""

    head: str
    cell: Callable[[Line], str]
    is_number: bool = True


@dataclass(frozen=True)
class Table:
    """A figure: its short definition, and its lines as text."""

    figure: str
    title: str
    definition: str
    final: bool
    columns: tuple[Column, ...]
    lines: list[tuple[str, ...]]


def _label(name: str) -> Column:
    return Column(name, lambda line: "all" if line[name] is None else str(line[name]), is_number=False)


def _count(name: str, head: str | None = None) -> Column:
    return Column(head or name.replace("_", " "), lambda line: f"{line[name]:,}")


def _rate(of: str) -> Column:
    return Column("rate", lambda line: _spoken(line["rate"], line[of], lambda rate: f"{rate * 100:.1f} %"))


def _measure(name: str, head: str, of: str, words: str) -> Column:
    return Column(head, lambda line: _spoken(line[name], line[of], words.format))


def _spoken(value: float | None, rows: int, words: Callable[[float], str]) -> str:
    """Return the formatted value, or the number of rows if there are too few of them."""
    return f"too few rows ({rows})" if value is None else words(value)


_SHAPES: dict[str, tuple[str, tuple[Column, ...]]] = {
    "offer_acceptance": (
        "Offers accepted",
        (_label("plan"), _label("reason"), _count("shown"), _count("accepted"), _rate("shown")),
    ),
    "reason_share": (
        "Reasons given",
        (_label("plan"), _label("reason"), _count("cancellations"), _count("of_all"), _rate("of_all")),
    ),
    "feedback": ("Attempts with a reason", (_count("attempts"), _count("with_reason"), _rate("attempts"))),
    "saved": (
        "Customers saved",
        (_label("plan"), _count("accepted"), _count("judged"), _count("saved"), _rate("judged")),
    ),
    "retained_revenue": (
        "Paid by saved customers, in minor units",
        (
            _label("plan"),
            _label("currency"),
            _count("customers", "who paid"),
            _count("invoices"),
            _count("amount_paid", "paid"),
            _measure("average", "per customer", "customers", "{:,}"),
        ),
    ),
    "win_back": ("Won back", (_count("cancellations"), _count("judged"), _count("won_back"), _rate("judged"))),
    "email_time": (
        "From decision to email",
        (
            _count("emails"),
            _count("not_sent"),
            _measure("median_seconds", "median", "emails", "{:.1f} s"),
            _measure("p95_seconds", "p95", "emails", "{:.1f} s"),
        ),
    ),
    "offers": (
        "Offers of every kind",
        (
            *(_label(name) for name in ("plan", "kind", "offer")),
            *(_count(name) for name in ("shown", "accepted", "saved")),
            _count("left_after", "left"),
            _rate("accepted"),
        ),
    ),
    "fixes": (
        "Won back by fixes",
        (*map(_label, ("tag", "outcome")), *map(_count, ("customers", "judged", "won_back")), _rate("judged")),
    ),
    "refusals": (
        "Attempts refused",
        (_label("action"), _label("cause"), _count("refused"), _count("attempts"), _rate("attempts")),
    ),
}


def tables(report: Report) -> list[Table]:
    """Return all figures of the report, in order; a figure without rows has no lines."""
    return [_table(figure) for figure in report["figures"]]


def without_rows(found: list[Table]) -> str | None:
    """Return a sentence that names the figures without rows, or None if every figure has rows."""
    empty = [table.title for table in found if not table.lines]
    if len(empty) == len(found):
        return "No offers, cancellations or refused attempts."
    return f"No rows for: {'; '.join(empty)}." if empty else None


def lines_of(report: Report, figure: str) -> list[Line]:
    """Return the lines of a figure, ordered: totals first, then by plan, the most frequent first."""
    [found] = [each for each in report["figures"] if each["figure"] == figure]
    return _told(found)


def _table(found: Mapping[str, Any]) -> Table:
    title, columns = _SHAPES[found["figure"]]
    lines = [tuple(column.cell(line) for column in columns) for line in _told(found)]
    return Table(found["figure"], title, found["definition"], found["closed_at"] is not None, columns, lines)


def _told(found: Mapping[str, Any]) -> list[Line]:
    # The view includes attempts without a refusal only as the denominator of the rates.
    lines = [line for line in found["lines"] if found["figure"] != "refusals" or line["cause"] is not None]
    return sorted(lines, key=_order)


def _order(line: Line) -> tuple[Any, ...]:
    size = next(
        (line[name] for name in ("shown", "cancellations", "refused", "accepted", "customers") if name in line), 0
    )
    plan, reason = line.get("plan"), line.get("reason")
    names = [str(line.get(name) or "") for name in ("plan", "currency", "action", "tag")]
    return (
        plan is not None,
        *names,
        reason is not None or "cause" in line,
        -size,
        reason or line.get("cause") or line.get("outcome") or "",
    )
