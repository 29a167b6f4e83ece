"""`GET /retention-offer`, which counts the offer as shown, `GET /cancellation-preview` and `GET /subscription`."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from deployments.http.api.bodies import SubscriptionId
from deployments.http.api.response_bodies import CancellationPreview, RetentionOffer, SubscriptionStatus
from deployments.http.api.responses import problems, respond
from deployments.http.dependencies import Caller, TheServices
from nodes.cancellation.preview import cancellation_preview
from nodes.offers.current import show_offer
from nodes.offers.live import live_members
from nodes.services import using
from nodes.subscriptions.find import find_subscription, refuse_ended
from nodes.subscriptions.status import subscription_status

router = APIRouter(tags=["look-ups"])

Which = Annotated[SubscriptionId | None, Query(description="which subscription, if the user has several")]


@router.get("/retention-offer", response_model=RetentionOffer, responses=problems(400, 401, 404, 409, 503))
async def retention_offer(caller: Caller, services: TheServices, subscription_id: Which = None) -> JSONResponse:
    """Return the offer that `accept_offer: true` would accept, or null.

    It is shown on at most two days of a paid period, and can still be accepted after that.
    """
    # SPEC, Decided 1 and 2; FEATURES W06, W31.
    with using(services):
        subscription = await find_subscription(caller, subscription_id)
        refuse_ended(subscription)
        terms = await show_offer(subscription)
    offer = {"discount": terms.percent_off, "description": terms.description} if terms else None
    if offer and terms and terms.current_discount:
        offer["current_discount"] = terms.current_discount
    return respond(200, {"retention_offer": offer, "show_offer": offer is not None})


@router.get("/cancellation-preview", response_model=CancellationPreview, responses=problems(400, 401, 404, 409, 503))
async def preview(caller: Caller, services: TheServices, subscription_id: Which = None) -> JSONResponse:
    """Return what cancelling now does: when the subscription and access end, and the refund, computed by Stripe."""
    with using(services):
        return respond(200, await cancellation_preview(await find_subscription(caller, subscription_id)))


@router.get("/subscription", response_model=SubscriptionStatus, responses=problems(400, 401, 404, 409, 503))
async def subscription(caller: Caller, services: TheServices, subscription_id: Which = None) -> JSONResponse:
    """Return the subscription for a dashboard, with the text of a banner while it is cancelled."""
    with using(services):
        return respond(200, await subscription_status(caller, subscription_id, live_members))
