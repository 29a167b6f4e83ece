"""The bodies that the component sends. What a later version adds to them is ignored."""

from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from nodes.rules.reasons import MAX_FEEDBACK_CHARACTERS

Id = Field(min_length=1, max_length=255)


class _Body(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Acceptance(_Body):
    """An offer's acceptance. `kind`: of the offer."""

    kind: ClassVar[str]

    @property
    def wanted(self) -> dict[str, Any]:
        """Return what is accepted, as the session's options have it."""
        return self.model_dump()


class Discount(Acceptance):
    """`actions/discount`."""

    kind = "discount"
    coupon: str = Id


class Pause(Acceptance):
    """`actions/pause`."""

    kind = "pause"
    duration: int
    interval: Literal["month", "week"] = "month"


class ChangePlan(Acceptance):
    """`actions/change-plan`."""

    kind = "plan_change"
    plan_id: str = Field(alias="planId", min_length=1, max_length=255)

    @property
    def wanted(self) -> dict[str, Any]:
        """Return what is accepted, as the session's options have it."""
        return self.model_dump(by_alias=True)


class ExtendTrial(Acceptance):
    """`actions/extend-trial`."""

    kind = "trial_extension"
    days: int


class Cancel(_Body):
    """`actions/cancel`. When the plan ends is the company's policy, so a browser can't ask for more."""

    cancel_at_period_end: Literal[True] = Field(alias="cancelAtPeriodEnd")


class PresentedOffer(_Body):
    """An offer that the component showed. `guid`: our offer's id; the component has none for a reason's offer."""

    guid: str | None = None
    offer_type: str | None = Field(default=None, alias="offerType")
    declined_at: str | None = Field(default=None, alias="declinedAt")


class AcceptedOffer(_Body):
    """The offer that the component says was accepted."""

    offer_type: str | None = Field(default=None, alias="offerType")


class SessionRecord(_Body):
    """`/api/sessions/sdk`, of which this much is read. `canceled`, `accepted_offer`: what it claims is done."""

    canceled: bool = False
    accepted_offer: AcceptedOffer | None = Field(default=None, alias="acceptedOffer")
    survey_choice_id: str | None = Field(default=None, alias="surveyChoiceId", max_length=255)
    feedback: str | None = None
    aborted: bool = False
    presented_offers: tuple[PresentedOffer, ...] = Field(default=(), alias="presentedOffers", max_length=100)

    @field_validator("feedback")
    @classmethod
    def _storable(cls, feedback: str | None) -> str | None:
        """Return what can be stored, as of a text from Stripe's portal: the component has no limit."""
        return (feedback or "").replace("\0", "").strip()[:MAX_FEEDBACK_CHARACTERS] or None
