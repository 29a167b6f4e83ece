"""What a matrix of faults tried and what survived, as a table under the test run's output."""

from dataclasses import dataclass, field


@dataclass
class Table:
    """Rows of words under a heading; shown by conftest.py."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)

    def add(self, *cells: object) -> None:
        self.rows.append(tuple(f"{cell:.1f}" if isinstance(cell, float) else str(cell) for cell in cells))

    def lines(self) -> list[str]:
        """As Markdown, so that it can be copied into a document."""
        everything = [self.columns, *self.rows]
        widths = [max(len(row[column]) for row in everything) for column in range(len(self.columns))]
        ruler = tuple("-" * width for width in widths)
        return [
            "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
            for row in (self.columns, ruler, *self.rows)
        ]


TABLES: list[Table] = []


def table(title: str, *columns: str) -> Table:
    """A table that is shown at the end of the run."""
    made = Table(title, columns)
    TABLES.append(made)
    return made
