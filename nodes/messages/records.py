"""The result of a node that sends something."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Delivered:
    """An effect that exists: an email, an event or a job."""

    what: str
