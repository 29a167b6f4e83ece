"""A feedback option that Stripe refuses is left out of the cancellation, and nothing else is (FEATURES F22, F28)."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from uuid import uuid4

import pytest

from nodes.cancellation.feedback_option import with_option
from nodes.clients.billing.client import Billing
from nodes.clients.billing.objects import BillingSubscription
from nodes.errors import BillingFailed
from nodes.settings import BillingSettings
from tests.contract.stripe.process import KEY, Simulator
from tests.contract.stripe.shop import Shop

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning")

Cancel = Callable[[Billing, str, str | None, str | None], Awaitable[BillingSubscription]]
PERSONAL = "ada@example.com: too dear for me"


async def at_period_end(
    billing: Billing, subscription: str, option: str | None, comment: str | None
) -> BillingSubscription:
    return await billing.cancel_at_period_end(
        subscription, feedback="unused", feedback_option=option, comment=comment, key=f"{option}:{uuid4()}"
    )


async def now(billing: Billing, subscription: str, option: str | None, comment: str | None) -> BillingSubscription:
    return await billing.cancel_now(subscription, feedback="unused", feedback_option=option, comment=comment)


def cancel(
    simulator: Simulator, how: Cancel, subscription: str, option: str | None, comment: str | None = PERSONAL
) -> tuple[BillingSubscription | BillingFailed, list[str | None]]:
    """Return what the cancellation gives, and the options that were sent."""
    sent: list[str | None] = []

    async def scenario() -> BillingSubscription | BillingFailed:
        billing = Billing(BillingSettings.model_validate({"stripe_api_key": KEY, "stripe_api_base": simulator.url}))

        async def write(option: str | None) -> BillingSubscription:
            sent.append(option)
            return await how(billing, subscription, option, comment)

        try:
            return await with_option(option, write)
        except BillingFailed as error:
            return error
        finally:
            await billing.close()

    return asyncio.run(scenario()), sent


def option(shop: Shop, *, active: bool = True) -> str:
    made = shop.v1.billing.feedback_options.create({"description": "Moved abroad"}).id
    if not active:
        shop.v1.billing.feedback_options.deactivate(made)
    return made


@pytest.mark.parametrize("how", [at_period_end, now])
@pytest.mark.parametrize("state", ["active", "inactive", "unknown", "none"])
def test_only_a_refused_option_is_left_out(
    simulator: Simulator, shop: Shop, caplog: pytest.LogCaptureFixture, how: Cancel, state: str
) -> None:
    caplog.set_level(logging.WARNING, "cancelflow.run")
    made = shop.subscription()
    options = {"active": option(shop), "inactive": option(shop, active=False), "unknown": "fo_none"}
    named = options.get(state)
    found, sent = cancel(simulator, how, made.id, named)
    assert isinstance(found, BillingSubscription)
    assert found.pending or found.status == "canceled"
    refused = state in ("inactive", "unknown")
    assert sent == ([named, None] if refused else [named])
    details = shop.fresh(made).cancellation_details
    assert details is not None
    shown = (details.feedback, details.feedback_option, details.comment)
    assert shown == ("unused", named if state == "active" else None, PERSONAL)
    warnings = [each.getMessage() for each in caplog.records if each.name == "cancelflow.run"]
    assert len(warnings) == refused
    assert all(str(named) in each and PERSONAL not in each for each in warnings)


@pytest.mark.parametrize("how", [at_period_end, now])
def test_another_refusal_stays_one(simulator: Simulator, shop: Shop, how: Cancel) -> None:
    ended = shop.v1.subscriptions.cancel(shop.subscription().id)
    found, sent = cancel(simulator, how, ended.id, option(shop))
    assert isinstance(found, BillingFailed)
    assert len(sent) == 1


@pytest.mark.parametrize("how", [at_period_end, now])
def test_an_uncertain_write_is_not_repeated_without_the_option(simulator: Simulator, shop: Shop, how: Cancel) -> None:
    made = shop.subscription()
    simulator.fault(kind="lost_answer", contains=made.id, times=2)
    found, sent = cancel(simulator, how, made.id, option(shop, active=False))
    assert isinstance(found, BillingFailed)
    assert (found.uncertain, len(sent)) == (True, 1)


def test_a_refused_comment_is_no_refused_option(simulator: Simulator, shop: Shop) -> None:
    found, sent = cancel(simulator, at_period_end, shop.subscription().id, option(shop), comment="x" * 5001)
    assert isinstance(found, BillingFailed)
    assert (found.param, len(sent)) == ("cancellation_details[comment]", 1)
