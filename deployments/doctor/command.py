"""The command: asks every part, showing which are still awaited, and prints the report."""

import asyncio

from rich.console import Console
from rich.status import Status

from deployments.doctor.examination import Results, examine
from deployments.doctor.parts import parts


def examined(console: Console, *, fix: bool) -> Results:
    """Return what every part finds; shows on the console what is still awaited, if people see it."""
    with console.status("") as status:
        return asyncio.run(examine(parts(fix=fix), told=lambda waiting: _tell(status, waiting)))


def _tell(status: Status, waiting: dict[str, str]) -> None:
    status.update("Checking " + ", ".join(f"{name} ({came})" if came else name for name, came in waiting.items()))
