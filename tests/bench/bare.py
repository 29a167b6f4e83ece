"""The bare handlers, as a process: the trigger itself, with its flows' functions called as plain functions.

It is the same FastAPI application with the same clients, statements, places and responses. Only Prefect is left out:
inside `without_prefect` every node is a plain function, and the flow is `cancel_subscription.fn`, so nothing is
reported to a server. A run's log lines go to the process's log.

`GET /offers` and the cancel page start no flow: their bare handlers make the same calls to Stripe and PostgreSQL,
concurrently where none needs another's result, and compute nothing from them.
"""

import asyncio

import uvicorn
from fastapi import APIRouter, Request
from fastapi.responses import Response

from deployments.http.app import create_app
from deployments.http.dependencies import Caller, TheServices, TheSessionTokens
from deployments.http.pages.cancel.cookie import remember, session_in
from nodes.clients.billing.calls import together
from nodes.clients.billing.previews import Discounts
from nodes.messages.customer_locale import customer_locale
from nodes.node import without_prefect
from nodes.offers.counting import count_shown
from nodes.offers.shape import history_of
from nodes.rules.ways_to_stay import DiscountTerms, PlanChangeTerms
from nodes.services import Services, using
from nodes.sessions.opening import open_session
from nodes.sessions.passing import step_shown
from nodes.sessions.records import Browser
from nodes.sessions.screens import Shown
from nodes.settings import TriggerSettings, load
from nodes.subscriptions.find import find_subscription
from nodes.subscriptions.records import ActiveSubscription

router = APIRouter()


@router.get("/offers")
async def offers(caller: Caller, services: TheServices) -> dict[str, str]:
    """Make the calls of `GET /offers` for a customer with a monthly plan and no discount."""
    with using(services):
        subscription = await find_subscription(caller, None)
        async with services.database.as_user(caller) as transaction:
            await customer_locale(transaction, caller)
        await history_of(subscription)
        await _previews(subscription, services)
        found = services.catalog.plan(subscription.plan).all_offers
        await count_shown(
            subscription, "offers_listed", ids=[each.id for each in found], kinds=[each.kind for each in found]
        )
    return {"subscription_id": subscription.id}


@router.get("/cancel")
async def cancel_page(
    request: Request, tokens: TheSessionTokens, services: TheServices, token: str | None = None
) -> Response:
    """Make the calls that opening a session makes, or those of its first screen; respond with a line of text."""
    with using(services):
        if token is not None:
            browser = Browser.new()
            response = Response("opened")
            remember(response, await open_session(await tokens.read(token), browser, None), browser)
            return response
        session = await session_in(request)
        if session is None:
            return Response("no session", 401)
        async with services.database.as_user(session.user_id) as transaction:
            await customer_locale(transaction, session.user_id)
        subscription = await find_subscription(session.user_id, session.subscription_id)
        await step_shown(session, Shown("step", subscription))
    return Response("shown")


async def _previews(subscription: ActiveSubscription, services: Services) -> None:
    """Ask Stripe for each coupon and price of the plan's offers, and for an invoice with each."""
    billing, billed = services.billing, subscription.billed
    terms = [each.terms for each in services.catalog.plan(subscription.plan).all_offers]
    now = await billing.changes.time_of(billed)
    coupons, prices = await asyncio.gather(
        together(*(billing.coupons.ensure(each, key="bare") for each in terms if isinstance(each, DiscountTerms))),
        together(*(billing.changes.prices(each.prices) for each in terms if isinstance(each, PlanChangeTerms))),
    )
    await together(
        billing.previews.next(billed.id, None),
        *(billing.previews.next(billed.id, Discounts((), each)) for each in coupons),
        *(
            billing.previews.with_price(billed.id, billed.items[0].id, price.id, proration="none", as_of=now)
            for found in prices
            for price in found
        ),
    )


def main() -> None:
    """Serve until asked to stop."""
    settings = load(TriggerSettings)
    with without_prefect():
        app = create_app(settings)
        app.router.routes[:0] = router.routes  # before the trigger's own
        uvicorn.run(
            app,
            host=settings.http_host,
            port=settings.http_port,
            loop="asyncio",
            access_log=False,
            log_level="info",
            server_header=False,
        )


if __name__ == "__main__":
    main()
