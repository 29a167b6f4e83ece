"""The gates before a call, each with its reason: the first that is closed decides (FEATURES A01 to A06, A19, G06)."""

from datetime import datetime, timedelta

from nodes.calls.callee import billed_customer, phone_number_of
from nodes.calls.records import Closed, WaitingCall
from nodes.clients.calls.phone_numbers import PhoneNumber
from nodes.clients.calls.script import CallScriptInvalid, read_call_script
from nodes.clients.yaml_files import FileUnreadable
from nodes.consents.ledger import standing_consent
from nodes.node import run_log
from nodes.rules.calls.hours import next_call
from nodes.rules.consents import Consent
from nodes.services import services
from nodes.subscriptions.reversal import is_reversed

# Later, a call about a cancellation would surprise.
LATEST = timedelta(days=3)
# A script is corrected by an operator.
SCRIPT_AGAIN = timedelta(minutes=15)


async def closed_gate(call: WaitingCall) -> Closed | None:
    """Return the first gate that is closed now; None if the call may be placed. Raises `BillingFailed`."""
    if call.now - call.created_at > LATEST:
        return Closed("too_late")
    async with services().database.as_user(call.user_id) as transaction:
        consent = await standing_consent(transaction, call.user_id, "phone")
    if consent is None:
        return Closed("no_consent")
    if call.revoked or await is_reversed(call.subscription_id):
        return Closed("reactivated")
    return await _number(call, consent) or _script(call.now)


async def _number(call: WaitingCall, consent: Consent) -> Closed | None:
    customer = await billed_customer(call)
    if customer is None:
        return Closed("customer_deleted")
    if not (consent.phone_number or customer.phone):
        return Closed("no_phone_number")
    number = phone_number_of(customer, consent)
    if number is None:
        return Closed("phone_number_invalid")
    return _hours(call, number)


def closed_meanwhile(call: WaitingCall, number: PhoneNumber) -> Closed | None:
    """Return the gate that is closed by the row as it is now, which was read again after waiting for Stripe."""
    return Closed("reactivated") if call.revoked else _hours(call, number)


def _hours(call: WaitingCall, number: PhoneNumber) -> Closed | None:
    zones = {*number.zones, *([call.time_zone] if call.time_zone else [])}
    at = next_call(call.now, zones)
    if at is None:
        return Closed("no_calling_hours")
    return Closed("outside_calling_hours", at) if at > call.now else None


def _script(now: datetime) -> Closed | None:
    settings = services().settings
    try:
        read_call_script(settings.call_script, settings.call_script_fields)
    except (CallScriptInvalid, FileUnreadable) as error:
        run_log().error("no call is placed: %s", error)
        return Closed("script_invalid", now + SCRIPT_AGAIN)
    return None
