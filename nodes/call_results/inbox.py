"""The inbox of results: each is stored in its call's row, once; a customer who wants no calls gets no more."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nodes.calls.owner import call_named
from nodes.consents.ledger import revoke_in, said_at
from nodes.rules.calls.results import Heard, Status, Warmth
from nodes.rules.reason_classes import ReasonClass
from nodes.services import services


@dataclass(frozen=True)
class CallResult:
    """What the vendor reports about a call, which `named` with our id. `fingerprint`: of the whole result.

    Personal data: it goes into the call's row, and into no log, run or event.
    """

    vendor_call_id: str
    named: str | None
    ended_at: datetime | None
    fingerprint: bytes
    status: Status
    reason_class: ReasonClass | None
    warmth: Warmth | None
    transcript: str | None
    recording_url: str | None
    summary: str | None
    action_items: list[str]
    requests_heard: list[Heard]


async def receive(result: CallResult) -> bool:
    """Store the result, to be routed; return False if it is a repetition, or its call is not known here.

    "Don't call me" is a revocation in the same transaction: it doesn't depend on the routing (FEATURES A03, A13, G06).
    A call revokes once: a consent that is given after it stands, whatever is reported of the call later.
    """
    call = await call_named(_id(result.named), result.vendor_call_id)
    if call is None:
        await _keep_unknown(result)
        return False
    stored = {name: value for name, value in vars(result).items() if name not in ("named", "ended_at")}
    async with services().database.as_user(call.user_id) as transaction:
        await transaction.run("one_intake_at_a_time", user_id=call.user_id)
        if not await transaction.run("store_call_result", call_id=call.id, **stored):
            return False
        if "do_not_call" in result.requests_heard and await transaction.run("call_revokes", call_id=call.id):
            evidence = {"call": str(call.id), **said_at(result.ended_at)}
            await revoke_in(transaction, call.user_id, ["phone"], "call", evidence)
    return True


async def _keep_unknown(result: CallResult) -> None:
    async with services().database.without_user() as transaction:
        await transaction.run(
            "keep_unknown_call", vendor_call_id=result.vendor_call_id, named=result.named, status=result.status
        )


def _id(named: str | None) -> UUID | None:
    try:
        return UUID(named) if named else None
    except ValueError:
        return None
