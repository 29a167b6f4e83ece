"""Errors of the embedded stack."""

from nodes.errors import CancelflowError


class StackError(CancelflowError):
    """The embedded stack cannot start or keep running; the message says why and what to do."""


class AlreadyUp(StackError):
    """Another stack is running in this directory."""


class PortBusy(StackError):
    """A port requested explicitly is in use."""


class PartFailed(StackError):
    """A part failed to start or exited while the stack was running; the message includes the last lines of its log."""

    def __init__(self, part: str, what: str, log_tail: str) -> None:
        super().__init__(f"{part} {what}" + (f"\n{log_tail}" if log_tail else ""))
        self.part = part
