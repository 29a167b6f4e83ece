"""Who is called: personal data, read when it is needed and passed to no node."""

from dataclasses import dataclass
from typing import Any

from nodes.calls.records import WaitingCall
from nodes.clients.billing.customers import Customer
from nodes.clients.calls.phone_numbers import PhoneNumber, read_phone_number
from nodes.messages.emails import Customer as Recipient
from nodes.rules.consents import Consent
from nodes.rules.names import given_and_family
from nodes.services import services

# A call that was checked long ago should be checked anew. If Stripe takes longer, the call is due again later.
STRIPE_SECONDS = 10.0


@dataclass(frozen=True)
class Callee:
    """The customer, as the vendor is told."""

    phone_number: PhoneNumber
    first_name: str
    last_name: str
    email: str

    @property
    def event(self) -> dict[str, Any]:
        """Return exactly what the vendor takes (FEATURES A07)."""
        return {
            "type": "calls.execute",
            "data": {
                "phoneNumber": self.phone_number.e164,
                "firstName": self.first_name,
                "lastName": self.last_name,
                "email": self.email,
            },
        }


async def billed_customer(call: WaitingCall) -> Customer | None:
    """Return the customer in Stripe; None if they were deleted there. Raises `BillingFailed`."""
    return await services().customers.customer(call.stripe_customer_id, seconds=STRIPE_SECONDS)


def phone_number_of(customer: Customer, consent: Consent) -> PhoneNumber | None:
    """Return the number that the customer agreed to, or else the one in Stripe (FEATURES A06); None if it is none."""
    return read_phone_number(consent.phone_number or customer.phone or "", customer.country)


async def callee_of(call: WaitingCall, consent: Consent) -> Callee | None:
    """Return the customer of a call; None if they have no number any more. Raises `BillingFailed`."""
    customer = await billed_customer(call)
    number = phone_number_of(customer, consent) if customer else None
    async with services().database.as_user(call.user_id) as transaction:
        ours = await transaction.one("customer", Recipient, user_id=call.user_id)
    if customer is None or number is None or ours is None:
        return None
    first_name, last_name = given_and_family(ours.name or customer.name)
    return Callee(number, first_name, last_name, ours.email or customer.email or "")
