"""How commands print ages, times, and what customers wrote."""

from datetime import datetime, timedelta


def age(since: timedelta) -> str:
    """Return an age in its largest unit."""
    minutes = int(since.total_seconds()) // 60
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // (24 * 60)} days"


def time(at: datetime | None) -> str:
    """Return a time to the second, with its time zone."""
    return f"{at:%Y-%m-%d %H:%M:%S %Z}"


def printable(text: str) -> str:
    """Return what a stranger wrote without the characters that would control the terminal."""
    return "".join(each if each.isprintable() or each == "\n" else " " for each in text)
