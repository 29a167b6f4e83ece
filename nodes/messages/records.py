"""What a node that sends something returns."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Delivered:
    """Record that an effect is there: an email, an event, a job."""

    what: str
