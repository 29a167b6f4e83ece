"""Try a code that a customer has typed."""

from dataclasses import dataclass
from uuid import UUID

from nodes.cancel_codes.derivation import is_code_of
from nodes.services import services

# Right ones count too: a customer with several subscriptions sends the code again with the one that they chose.
MOST_TRIES = 6
# Names our own codes among the issuers of session tokens, each of which opens one session (sql/migrations/0018).
ISSUER = "cancel-code"


@dataclass(frozen=True)
class Opens:
    """What a right code opens: the subscriptions of these users. `session_id`: the session that it has opened."""

    user_ids: list[str]
    session_id: UUID | None


@dataclass(frozen=True)
class _Tried:
    seed: UUID
    user_ids: list[str]
    session_id: UUID | None


async def try_code(code_id: UUID, typed: str) -> Opens | None:
    """Return what the code opens; None if it is wrong, or can't be used, whatever the reason."""
    found = await services().database.call_all("try_code", _Tried, code_id=code_id, most_tries=MOST_TRIES)
    for tried in found:
        if is_code_of(tried.seed, typed) and tried.user_ids:
            return Opens(tried.user_ids, tried.session_id)
    return None
