"""User ids: the company's own identifiers, opaque to this product (sql/migrations/0001)."""

MAX_CHARACTERS = 255  # at four bytes each, within Pub/Sub's 1,024 bytes for an ordering key


def is_user_id(text: str) -> bool:
    """Return whether the text has 1 to 255 characters, each of which PostgreSQL can store."""
    return 1 <= len(text) <= MAX_CHARACTERS and not any(char == "\0" or "\ud800" <= char <= "\udfff" for char in text)


def user_id_of(claim: object) -> str | None:
    """Return the user id that a token's claim holds, an integer as its decimal string; None if it is not one."""
    if isinstance(claim, int) and not isinstance(claim, bool):
        claim = str(claim)
    return claim if isinstance(claim, str) and is_user_id(claim) else None
