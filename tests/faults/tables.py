"""Tables of the fault matrices' results, shown after the test run."""

from dataclasses import dataclass, field


@dataclass
class Table:
    """Rows of text under a heading; shown by conftest.py."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)

    def add(self, *cells: object) -> None:
        self.rows.append(tuple(f"{cell:.1f}" if isinstance(cell, float) else str(cell) for cell in cells))

    def lines(self) -> list[str]:
        """Return the table as Markdown, for copying into a document."""
        everything = [self.columns, *self.rows]
        widths = [max(len(row[column]) for row in everything) for column in range(len(self.columns))]
        ruler = tuple("-" * width for width in widths)
        return [
            "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
            for row in (self.columns, ruler, *self.rows)
        ]


TABLES: list[Table] = []


def table(title: str, *columns: str) -> Table:
    """Return a table that is shown at the end of the run."""
    made = Table(title, columns)
    TABLES.append(made)
    return made
