"""What can go wrong with the embedded stack, by name."""

from nodes.errors import CancelflowError


class StackError(CancelflowError):
    """The embedded stack cannot start or go on; the message says why and what to do."""


class AlreadyUp(StackError):
    """Another stack runs in this directory."""


class PortBusy(StackError):
    """A port that was asked for by name is taken."""


class PartFailed(StackError):
    """A part did not start, or ended while the stack was running. Carries the last lines of its log."""

    def __init__(self, part: str, what: str, log_tail: str) -> None:
        super().__init__(f"{part} {what}" + (f"\n{log_tail}" if log_tail else ""))
        self.part = part
