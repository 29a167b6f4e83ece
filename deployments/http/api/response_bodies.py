"""Types of the response bodies, from which the OpenAPI document is made."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from nodes.rules.offers import Fate

_MESSAGE = "what the company's hook says to the customer; absent if it says nothing"


class Money(BaseModel):
    """An amount in the currency's smallest unit, and as the customer reads it."""

    amount: int = Field(examples=[1450])
    currency: str = Field(examples=["usd"])
    formatted: str = Field(examples=["$14.50"])


class Preview(BaseModel):
    """What the customer is charged and when, computed by Stripe. A negative `charged_now` is a credit."""

    charged_now: Money
    next_charge: Money
    next_charge_at: datetime
    price_again: Money | None = Field(description="the charge from `price_again_at` on, once the offer is over")
    price_again_at: datetime | None
    saved: Money | None = Field(description="the amount saved until `saved_until`")
    saved_until: datetime | None
    text: str = Field(description="the same as a text for the customer")


class OfferOption(BaseModel):
    """One way to accept an offer: send its `months`, `weeks` or `price` with the acceptance."""

    months: int | None = None
    weeks: int | None = None
    price: str | None = None
    plan_name: str | None = Field(default=None, description="of a change of plan: its name in the customer's language")
    billed: str | None = Field(
        default=None, description="of a change of plan: how often it is billed", examples=["Billed every year"]
    )
    resumes_at: datetime | None = Field(default=None, description="of a pause: when billing resumes")
    access: bool | None = Field(default=None, description="of a pause: whether the product can be used meanwhile")
    trial_ends_at: datetime | None = None
    starts_at: datetime | None = Field(default=None, description="of a change of plan: when it takes effect")
    url: str | None = Field(default=None, description="of a contact or redirect: where it leads")
    preview: Preview | None = None


class Offer(BaseModel):
    """An offer that fits the subscription."""

    id: str = Field(examples=["pause"])
    kind: str = Field(
        description="discount, pause, plan_change, trial_extension, contact or redirect", examples=["pause"]
    )
    description: str = Field(examples=["Pause billing for 1 to 3 months"])
    text: str | None = Field(description="the company's own text for the customer")
    options: list[OfferOption]


class InEffect(BaseModel):
    """A pause, discount or scheduled change that is running already."""

    kind: str = Field(examples=["pause"])
    until: datetime | None = Field(description="when it ends by itself, if it does")
    text: str = Field(examples=["Your billing is paused until March 1, 2027."])


class Offers(BaseModel):
    """The offers that fit the subscription, in order, and what is in effect already."""

    subscription_id: str
    as_of: datetime = Field(description="send this back with the acceptance")
    in_effect: list[InEffect]
    offers: list[Offer]


class Changed(BaseModel):
    """The offer is accepted, or the pause ended, and Stripe confirms it."""

    success: Literal[True] = True
    change: str = Field(
        description="discount, pause, resume, plan_change, trial_extension, contact or redirect", examples=["pause"]
    )
    offer_id: str | None
    subscription_id: str
    resumes_at: datetime | None = None
    access: bool | None = None
    trial_ends_at: datetime | None = None
    starts_at: datetime | None = None
    price: str | None = None
    url: str | None = None
    preview: Preview | None = None
    message: str | None = Field(default=None, description=_MESSAGE)


class Reactivated(BaseModel):
    """The subscription is active and will renew; also if it was not cancelled."""

    success: Literal[True] = True
    status: str = Field(description="the subscription's status in Stripe", examples=["active"])
    subscription_id: str
    renews_at: datetime


class Cancelled(BaseModel):
    """The subscription is cancelled (step 11B)."""

    success: Literal[True] = True
    status: Literal["pending_cancellation", "canceled"] = Field(
        description="`canceled` if the subscription ended immediately"
    )
    cancel_at: datetime
    data_retention_until: datetime = Field(description="`cancel_at` + 90 days")
    access_until: datetime | None = Field(
        default=None, description="when access ends; only if the plan has a `cancellation` policy"
    )
    refund: Money | None = Field(default=None, description="the same; null if nothing is refunded")
    message: str | None = Field(default=None, description=_MESSAGE)


class InvoiceOnCancelling(BaseModel):
    """An open invoice, and what becomes of it."""

    amount_due: Money
    outcome: Literal["kept", "voided"]


class CancellationPreview(BaseModel):
    """What cancelling now does."""

    subscription_id: str
    as_of: datetime = Field(description="send this back with the cancellation")
    ends_now: bool = Field(description="whether the subscription ends immediately, rather than with its period")
    ends_at: datetime
    access_until: datetime
    refund: Money | None = Field(description="null if nothing is refunded")
    invoices: list[InvoiceOnCancelling] = Field(description="the invoices that are open")
    data_retention_until: datetime


class Retained(BaseModel):
    """The offer is accepted, and the discount applied (step 6A)."""

    success: Literal[True] = True
    retention_applied: Literal[True] = True
    discount: str = Field(examples=["30% off"])
    duration: str = Field(examples=["3 months"])
    current_discount: Fate | None = Field(
        default=None, description="what happened to a discount that was running; absent if there was none"
    )
    message: str | None = Field(default=None, description=_MESSAGE)


class Result(BaseModel):
    """What became of one subscription: what a call about it alone would have returned."""

    subscription_id: str
    status_code: int
    response: dict[str, Any]


class Results(BaseModel):
    """What became of each subscription, oldest first. `success`: all of them."""

    success: bool
    results: list[Result]


class Underway(BaseModel):
    """The request is still in progress; look it up with its id."""

    success: Literal[True] = True
    status: Literal["in_progress"] = "in_progress"
    request_id: UUID


class OfferTerms(BaseModel):
    """The terms of an offer."""

    discount: int = Field(description="percent off")
    description: str = Field(examples=["30% off for 3 months"])
    current_discount: Fate | None = Field(
        default=None, description="what would happen to a discount that is running; absent if there is none"
    )


class RetentionOffer(BaseModel):
    """The offer, or null if there is none to show."""

    retention_offer: OfferTerms | None
    show_offer: bool


class RunningDiscount(BaseModel):
    """A discount in effect; `until` is null for the next invoice only, or forever."""

    coupon: str | None
    until: datetime | None


class ScheduledChange(BaseModel):
    """A change of price at a later time."""

    price: str
    plan_name: str | None
    at: datetime


class NextCharge(Money):
    """The next invoice, as Stripe previews it."""

    at: datetime


class SubscriptionStatus(BaseModel):
    """The subscription as a dashboard shows it."""

    subscription_id: str
    plan: str = Field(description="the plan's key in the catalogue", examples=["professional"])
    plan_name: str = Field(description="the plan's name in the customer's language", examples=["Professional"])
    status: str = Field(description="the status in Stripe, or `pending_cancellation`")
    access: bool = Field(description="whether the customer may use the product now")
    current_period_end: datetime
    cancel_at_period_end: bool
    cancel_at: datetime | None
    banner: str | None = Field(
        description="text for the customer, with the date in their time zone", examples=["Cancels on January 26, 2026"]
    )
    paused: bool = Field(description="whether billing is paused")
    resumes_at: datetime | None = Field(description="when billing resumes by itself")
    discounts: list[RunningDiscount] | None = Field(description="null while Stripe is not reachable")
    scheduled_change: ScheduledChange | None
    next_charge: NextCharge | None = Field(description="null if there is none, or while Stripe is not reachable")


class BookingRecorded(BaseModel):
    """The booking is stored with the acceptance, and the company's team has a task."""

    success: Literal[True] = True
    request_id: UUID
    booking_id: str


class Problem(BaseModel):
    """RFC 9457, with the specification's text in `detail`."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["urn:cancelflow:problem:no-active-subscription"])
    title: str
    status: int
    detail: str = Field(examples=["No active subscription to cancel"])
    success: Literal[False] = False


class Health(BaseModel):
    """The process is up. `service` distinguishes it from another one at the same address."""

    status: Literal["ok"] = "ok"
    service: Literal["cancelflow"] = "cancelflow"


class Readiness(BaseModel):
    """Each dependency by name: `ok`, or what is wrong."""

    status: Literal["ready", "not ready"]
    checks: dict[str, str]
