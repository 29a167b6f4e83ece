"""No figure is invented: with too few rows there is no share, and the text says how many rows there are."""

from typing import Any

import pytest

from nodes.reporting.figures import tables
from tests.world import World


@pytest.mark.parametrize(
    ("part", "whole", "share"),
    [(0, 0, None), (1, 1, None), (19, 19, None), (0, 20, 0.0), (5, 20, 0.25), (20, 20, 1.0), (1, 3000, 0.0003)],
)
def test_a_share_needs_twenty_rows(world: World, part: int, whole: int, share: float | None) -> None:
    found = world.row("SELECT share(%s, %s) AS share, fewest_rows() AS fewest", part, whole)
    assert found["fewest"] == 20
    assert found["share"] is None if share is None else float(found["share"]) == share


def shown(figure: str, **line: Any) -> tuple[str, ...]:
    each = {"figure": figure, "definition": "as it is", "closed_at": None, "lines": [line]}
    [table] = tables({"month": "2026-10", "fewest_rows": 20, "figures": [each], "months": []})
    return table.lines[0]


def test_a_rate_is_shown_as_a_percentage_or_as_too_few_rows() -> None:
    line = {"plan": None, "accepted": 1200, "judged": 1000, "saved": 183}
    assert shown("saved", **line, rate=0.183) == ("all", "1,200", "1,000", "183", "18.3 %")
    assert shown("saved", **line | {"judged": 7}, rate=None)[-1] == "too few rows (7)"
    assert shown("saved", **line, rate=0.0)[-1] == "0.0 %"


def test_averages_and_times_are_shown_with_their_units() -> None:
    paid = {"plan": "gold", "currency": "usd", "customers": 20, "invoices": 40, "amount_paid": 81220}
    assert shown("retained_revenue", **paid, average=4061) == ("gold", "usd", "20", "40", "81,220", "4,061")
    assert shown("retained_revenue", **paid | {"customers": 3}, average=None)[-1] == "too few rows (3)"
    emails = shown("email_time", emails=30, not_sent=0, median_seconds=1.25, p95_seconds=4.0)
    assert emails == ("30", "0", "1.2 s", "4.0 s")
