"""What a session token says about a session of the cancel page."""

from dataclasses import replace
from typing import Annotated, Literal

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from nodes.messages.customer_locale import CustomerLocale
from nodes.rules.carriers import Handler
from nodes.rules.texts import in_language
from nodes.rules.user_ids import user_id_of


def _id(claim: object) -> str:
    found = user_id_of(claim)
    if found is None:
        raise ValueError("PostgreSQL can't store this as an id")
    return found


# Each has the form of a user id.
Id = Annotated[str, BeforeValidator(_id)]


class _Claims(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore")


class Localization(_Claims):
    """The page's language, and the company's own texts for it (FEATURES C12)."""

    lang: str | None = Field(default=None, max_length=35)
    messages: dict[str, dict[str, str]] = {}

    def instead_of(self, reads: CustomerLocale) -> CustomerLocale:
        """Return the language and texts of the token where it has some, else the customer's.

        `messages`: by language, the page's text in English and what replaces it.
        """
        locale = self.lang or reads.locale
        texts = in_language(self.messages, locale) or {}
        return replace(reads, locale=locale, texts=tuple(sorted(texts.items())))


class DynamicDiscount(_Claims):
    """The coupon that replaces the discounts offered in this session (FEATURES C13)."""

    coupon_id: Id


class DynamicPlanChange(_Claims):
    """The only prices offered in this session (FEATURES C14)."""

    plan_ids: tuple[Id, ...]


class DynamicOffers(_Claims):
    """What replaces the catalogue's offers in this session."""

    discount: DynamicDiscount | None = None
    plan_change: DynamicPlanChange | None = None


class SessionClaims(_Claims):
    """What a token says, with the option names that people know from other cancel flows (FEATURES C01 to C14)."""

    iss: Id
    jti: Id
    user_id: Id | None = Field(default=None, validation_alias="sub")
    customer: Id | None = Field(default=None, validation_alias=AliasChoices("customerId", "customer"))
    subscription_id: Id | None = Field(
        default=None, validation_alias=AliasChoices("subscription_id", "subscriptionId", "subscription")
    )
    mode: Literal["live", "test"]
    record: bool = True
    preview: bool = False
    report: bool = True
    bypass_discount_applied_screen: bool = False
    bypass_pause_applied_screen: bool = False
    customer_attributes: dict[str, object] = {}  # those of another type are ignored (FEATURES C11)
    i18n: Localization = Localization()
    dynamic_offers: DynamicOffers = DynamicOffers()
    handlers: tuple[Handler, ...] = ()  # what the company's page may carry out itself (FEATURES C15, C16)

    @model_validator(mode="after")
    def _names_a_customer(self) -> "SessionClaims":
        if self.user_id is None and self.customer is None:
            raise ValueError("sub or customerId is missing")
        return self
