"""The command's progress display while the parts are checked."""

import asyncio

from rich.console import Console
from rich.status import Status

from deployments.doctor.examination import Results, examine
from deployments.doctor.parts import parts


def examined(console: Console, *, fix: bool) -> Results:
    """Check every part; return the findings. A terminal shows which parts are still running."""
    with console.status("") as status:
        return asyncio.run(examine(parts(fix=fix), told=lambda waiting: _tell(status, waiting)))


def _tell(status: Status, waiting: dict[str, str]) -> None:
    status.update("Checking " + ", ".join(f"{name} ({came})" if came else name for name, came in waiting.items()))
