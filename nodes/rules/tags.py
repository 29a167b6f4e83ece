"""Tags of what customers wrote: what they missed, as `sso` (FEATURES N07)."""

import re

MAX_TAG = 40
_TAG = re.compile("[a-z0-9]+(-[a-z0-9]+)*")


def normalized(given: str) -> str | None:
    """Return the tag as it is stored, "Single Sign-On" as `single-sign-on`; None if it is none."""
    tag = re.sub(r"[\s_-]+", "-", given.strip().lower())
    return tag if len(tag) <= MAX_TAG and _TAG.fullmatch(tag) else None
