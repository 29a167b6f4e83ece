"""The parts of a name, for systems that ask for them apart."""


def given_and_family(name: str | None) -> tuple[str, str]:
    """Return the first word and the rest, either of which may be empty.

    Names have no order that holds everywhere; this is what a caller can say without sounding wrong most often.
    """
    given, _, family = " ".join((name or "").split()).partition(" ")
    return given, family
