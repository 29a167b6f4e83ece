"""Realistic user ids."""

import uuid

USER_IDS = [
    "42",
    "user_2abPz0Q9fSsTkE7mB1cXyR",
    "auth0|5f7c8ec7c33c6c004bbafe82",
    "550E8400-e29b-41d4-a716-446655440000",
    'O\'Neil "the" $1 %s %(user_id)s {0}',
    "C:\\users\\robin\\",
    "../robin/?a=b&c#d",
    " two  words ",
    "ümläut-名前-🙂",
    "x" * 255,
    "🙂" * 255,
]


def unused(like: str) -> str:
    """Return an id like this one that no earlier test run has used on the same stack."""
    return like[:1] + uuid.uuid4().hex[:12] + like[1:243]
