"""Settings of the company's business rules."""

from typing import Annotated

from pydantic import DirectoryPath, Field, FilePath, field_validator, model_validator
from pydantic_settings import NoDecode

from nodes.rules.catalog import PastDuePolicy
from nodes.rules.offers import WhenDiscounted
from nodes.settings.group import SettingsGroup


class PolicySettings(SettingsGroup):
    """The company's business rules."""

    catalog: FilePath | None = Field(
        default=None, description="your plans and their offers, YAML; without it, the specification's three plans"
    )
    past_due_policy: PastDuePolicy = Field(
        default="end_and_void",
        description="what happens when a customer cancels without having paid for the current period, unless the plan "
        "says otherwise: end_and_void, end_and_keep_invoice or keep_period",
    )
    reason_optional_countries: Annotated[frozenset[str], NoDecode] = Field(
        default=frozenset(), description="ISO 3166 codes, comma-separated: customers there needn't give a reason"
    )
    offer_when_discounted: WhenDiscounted = Field(
        default="skip", description="if a discount is active: skip the offer, replace the discount, or add to it"
    )

    access_while_paused: bool = Field(
        default=False, description="whether customers can use the product while their billing is paused"
    )
    pause_reminder_days: int = Field(
        default=5, ge=0, le=30, description="days before billing resumes after a pause, for the email that says so"
    )

    attempts_per_minute: int = Field(
        default=60, ge=0, description="attempts to cancel or reactivate per user and minute; 0: no limit"
    )

    reason_email_after: Annotated[int, Field(ge=0)] | None = Field(
        default=3600, description="seconds from a cancellation in Stripe to the email that asks why, or never"
    )

    @field_validator("reason_email_after", mode="before")
    @classmethod
    def _read_never(cls, seconds: object) -> object:
        return None if seconds == "never" else seconds

    @model_validator(mode="before")
    @classmethod
    def _split_countries(cls, values: dict[str, object]) -> dict[str, object]:
        countries = values.get("reason_optional_countries")
        if isinstance(countries, str):
            values["reason_optional_countries"] = {c.strip().upper() for c in countries.split(",") if c.strip()}
        return values


class BlueprintSettings(PolicySettings):
    """The settings of `cancelflow blueprints`. The trigger reads what was published."""

    blueprints: DirectoryPath | None = Field(
        default=None, description="a folder with the steps of your cancel page, YAML; without it, the default set"
    )
