"""Types of the request bodies, from which the OpenAPI document is made."""

import json
from datetime import MAXYEAR, MINYEAR, datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from nodes.clients.calls.phone_numbers import read_phone_number
from nodes.rules.consents import Channel, Source
from nodes.rules.reasons import MAX_FEEDBACK_CHARACTERS, REASONS
from nodes.rules.user_ids import MAX_CHARACTERS

MAX_BODY_BYTES = 64 * 1024
MAX_EVIDENCE_BYTES = 4096  # as sql/migrations/0019 checks

UserId = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_CHARACTERS,
        pattern="^[^\\x00]*$",
        description="the user id in the caller's token; any other is refused",
    ),
]
SubscriptionId = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9_]{1,255}$", description="Stripe's id of the subscription, sub_…")
]
EverySubscription = Annotated[
    bool,
    Field(
        description="true applies it to each live subscription of the user, instead of one. The response then has "
        "`results`; one that fails does not undo the others",
    ),
]


class OneOrEvery(BaseModel):
    """The subscriptions that a body is about."""

    subscription_id: SubscriptionId | None = Field(
        default=None, description="which subscription, if the user has several live ones"
    )
    every_subscription: EverySubscription = False

    @model_validator(mode="after")
    def _not_both(self) -> Self:
        if self.every_subscription and self.subscription_id is not None:
            raise ValueError("give either subscription_id or every_subscription: true, not both")
        return self


def _of_our_age(as_of: datetime) -> datetime:
    if not MINYEAR < as_of.year < MAXYEAR:  # in UTC it might be in no year at all
        raise ValueError("as_of must be the time that the preview returned")
    return as_of


AsOf = Annotated[AwareDatetime, AfterValidator(_of_our_age)]


def _whole(number: object) -> object:
    """Return 2 for 2.0, which is an integer in JSON."""
    return int(number) if isinstance(number, float) and number.is_integer() else number


HowMany = Annotated[int, Field(ge=1), BeforeValidator(_whole)]


class CancelSubscriptionRequest(OneOrEvery):
    """Body of `POST /cancel-subscription`. Unknown members are refused: a misspelt `accept_offer` would cancel."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "user_id": "550e8400-e29b-41d4-a716-446655440000",
                    "reason": "too_expensive",
                    "feedback": "Great product but can't justify cost for my usage",
                    "accept_offer": False,
                }
            ]
        },
    )

    user_id: UserId
    reason: Annotated[str | None, Field(json_schema_extra={"enum": [*REASONS, "", None]})] = Field(
        default=None, description="required to cancel, optional to accept the offer"
    )
    feedback: str | None = Field(
        default=None, max_length=MAX_FEEDBACK_CHARACTERS, pattern="^[^\\x00]*$", description="the customer's own text"
    )
    accept_offer: bool = Field(default=False, description="true accepts the retention offer and cancels nothing")
    as_of: AsOf | None = Field(
        default=None,
        description="the `as_of` of the `GET /cancellation-preview` that the customer saw: they get exactly what it "
        "showed, for an hour. Without it, the cancellation is computed as of now",
    )

    @field_validator("reason")
    @classmethod
    def _one_of_ours(cls, reason: str | None) -> str | None:
        if not reason:
            return None
        if reason not in REASONS:
            raise ValueError("reason must be one of: " + ", ".join(REASONS))
        return reason


class ReactivateSubscriptionRequest(BaseModel):
    """Body of `POST /reactivate-subscription`."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"user_id": "550e8400-e29b-41d4-a716-446655440000"}]}
    )

    user_id: UserId
    subscription_id: SubscriptionId | None = Field(
        default=None, description="which subscription, if the user has several live ones"
    )


class AcceptOfferRequest(OneOrEvery):
    """Body of `POST /offers/{offer_id}/accept`: the subscription, and the choice that the offer asks for."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"months": 2}]})

    months: HowMany | None = Field(default=None, description="of a pause: how many")
    weeks: HowMany | None = Field(default=None, description="of a pause: how many")
    price: Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,255}$")] | None = Field(
        default=None, description="of a change of plan: the id of the price, as `GET /offers` returned it"
    )
    as_of: AsOf | None = Field(
        default=None,
        description="the `as_of` of the `GET /offers` that the customer saw: they get exactly what it showed, for an "
        "hour. Without it, the change is computed as of now",
    )


class ResumeSubscriptionRequest(OneOrEvery):
    """Body of `POST /resume-subscription`."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{}]})


class RecordBookingRequest(BaseModel):
    """Body of `POST /bookings`."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"request_id": "550e8400-e29b-41d4-a716-446655440000", "booking_id": "cal_8f2K1"}]
        },
    )

    request_id: UUID = Field(description="of the acceptance: the `Change-Request-Id`, or `{request_id}` in the URL")
    booking_id: str = Field(pattern="^[!-~]{1,255}$", description="as your calendar names it; no spaces")


def _small(evidence: dict[str, Any]) -> dict[str, Any]:
    try:
        size = len(json.dumps(evidence, allow_nan=False))
    except ValueError:
        raise ValueError("evidence must not contain NaN or Infinity, which are not JSON") from None
    if size > MAX_EVIDENCE_BYTES:
        raise ValueError(f"evidence has {size:,} bytes as JSON: at most {MAX_EVIDENCE_BYTES:,}, so name a file instead")
    return evidence


def _with_country_code(written: str) -> str:
    number = read_phone_number(written, None)
    if number is None:
        raise ValueError("phone_number must be a phone number with its country code, such as +14155552671")
    return number.e164


class RecordConsentRequest(BaseModel):
    """Body of `POST /consents`."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "channel": "phone",
                    "accepted": True,
                    "wording_version": 2,
                    "language": "en",
                    "source": "form",
                    "evidence": {"page": "https://example.com/account"},
                },
                {"channel": "phone", "accepted": False},
            ]
        },
    )

    user_id: UserId | None = Field(default=None, description="required with a service token, which is no user's")
    channel: Channel
    accepted: bool = Field(description="false revokes, until a new acceptance")
    wording_version: Annotated[int, Field(ge=1, le=2**31 - 1), BeforeValidator(_whole)] | None = Field(
        default=None, description="required to accept: the version of the text that the user saw"
    )
    language: str | None = Field(
        default=None, max_length=35, pattern="^[^\\x00]*$", description="needed if that version has several languages"
    )
    source: Source | None = Field(
        default=None,
        description="required to accept: how it reached you. With a user's own token, only `form`. An `import` doesn't "
        "undo a revocation",
    )
    evidence: Annotated[dict[str, Any], AfterValidator(_small)] = Field(
        default={}, description="what else proves it, such as the page or the call; up to 4,096 bytes, never a secret"
    )

    phone_number: Annotated[str, Field(max_length=50), AfterValidator(_with_country_code)] | None = Field(
        default=None,
        description="of `phone` or `sms`: the number that the customer agreed to, with its country code, as "
        "+14155552671; without it, the one in Stripe is called",
    )

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.phone_number and not (self.accepted and self.channel in ("phone", "sms")):
            raise ValueError("phone_number belongs to an acceptance of phone or sms: leave it out")
        missing = [name for name in ("wording_version", "source") if getattr(self, name) is None]
        if self.accepted and missing:
            raise ValueError(f"an acceptance needs {' and '.join(missing)}, which prove what the customer agreed to")
        if not self.accepted and (self.wording_version, self.language) != (None, None):
            raise ValueError("a revocation has no wording: leave out wording_version and language")
        return self
