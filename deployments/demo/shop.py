"""A demo shop in the embedded stack: its button opens the cancel page as a company's own account page would."""

import asyncio
from datetime import datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from deployments.demo.cases import Case
from deployments.demo.customers import seed
from deployments.http.dependencies import TheServices
from deployments.http.pages.opened import page_of_link
from deployments.http.pages.page import read_form, render
from deployments.session_tokens import session_token
from email_templates.dates import long_date
from nodes.offers.live import live_members
from nodes.refusals.cancellation import NoActiveSubscription
from nodes.refusals.requests import SeveralSubscriptions
from nodes.rules.user_ids import is_user_id
from nodes.settings import SeedSettings, SessionTokenSettings, TriggerSettings, load
from nodes.subscriptions.status import subscription_status

CUSTOMERS = {
    "Robin: Professional": Case("professional"),
    "Jürgen: Professional, in German": Case(
        "german", customer_name="Jürgen Groß", locale="de_DE", time_zone="Europe/Berlin", country="DE"
    ),
    "Chloé: Starter, in French": Case(
        "french", ("starter",), customer_name="Chloé Durand", locale="fr_FR", time_zone="Europe/Paris", country="FR"
    ),
    "Lucía: Enterprise, in Spanish": Case(
        "spanish", ("enterprise",), customer_name="Lucía Pérez", locale="es_ES", time_zone="Europe/Madrid", country="ES"
    ),
    "Sam: on trial": Case("trialing", twist="trial", customer_name="Sam Lee"),
    "Kim: has a discount": Case("discounted", twist="other_discount", customer_name="Kim Park"),
    "Alex: two subscriptions": Case("two_subscriptions", ("professional", "starter"), customer_name="Alex Cole"),
}
_COOKIE = "cancelflow_demo_customer"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}

# The embed on the shop's button; without JavaScript, or without EMBED_ORIGINS, the button isn't there.
_SCRIPT = """const button = document.getElementById("embed")
if (button && window.cancelflow) {
  const token = () => fetch("shop/token", {method: "POST"}).then((response) => response.text())
  button.hidden = false
  button.onclick = () => cancelflow.init("show", {token, onClose: (results) => results.outcome && location.reload()})
}
"""


def shop(settings: TriggerSettings) -> APIRouter | None:
    """Return a router with the shop, or None outside of the embedded stack.

    In the shop anyone can be any customer, so all must be invented: Stripe must be a simulator on this machine.
    """
    simulated = urlsplit(settings.stripe_api_base or "").hostname in _LOOPBACK
    if not (settings.start_page and simulated and settings.session_secrets) or settings.live:
        return None
    router = APIRouter(tags=["pages"], include_in_schema=False)
    router.add_api_route("/shop", _account)
    router.add_api_route("/shop", _sign_in, methods=["POST"])
    router.add_api_route("/shop/cancel", _cancel)
    router.add_api_route("/shop/token", _token, methods=["POST"])
    router.add_api_route("/shop/shop.js", _script)
    return router


@page_of_link
async def _account(request: Request, available: TheServices, customer: str | None = None) -> Response:
    """Show the account of the customer who is signed in; `customer` signs in by user id."""
    if customer and is_user_id(customer):
        response = RedirectResponse("shop", 303, headers=_HEADERS)
        response.set_cookie(_COOKIE, customer, httponly=True, samesite="lax")
        return response
    user_id = request.cookies.get(_COOKIE)
    subscriptions = await _subscriptions(user_id) if user_id else []
    title = "Your account" if user_id else "Demo shop"
    shown = render("shop.html", title=title, user_id=user_id, subscriptions=subscriptions, customers=list(CUSTOMERS))
    shown.headers["Content-Security-Policy"] += "; script-src 'self'; frame-src 'self'; connect-src 'self'"
    return shown


@page_of_link
async def _sign_in(request: Request, available: TheServices) -> Response:
    """Create a customer of the chosen kind, and sign in as them."""
    case = CUSTOMERS.get((await read_form(request)).get("customer", ""))
    if case is None:
        return RedirectResponse("shop", 303)
    [made] = await asyncio.to_thread(seed, load(SeedSettings), lambda _: None, (case,))
    return RedirectResponse(f"shop?{urlencode({'customer': made.user_id})}", 303, headers=_HEADERS)


async def _cancel(request: Request) -> Response:
    """Redirect to the cancel page with a new token, as the company's server does for the customer who is signed in."""
    user_id = request.cookies.get(_COOKIE)
    if user_id is None:
        return RedirectResponse("../shop", 303, headers=_HEADERS)
    token = session_token(load(SessionTokenSettings), user_id)
    return RedirectResponse(f"../cancel?{urlencode({'token': token})}", 303, headers=_HEADERS)


async def _token(request: Request) -> Response:
    """Return a new token for the embed."""
    user_id = request.cookies.get(_COOKIE)
    if user_id is None:
        return Response(status_code=401, headers=_HEADERS)
    return Response(session_token(load(SessionTokenSettings), user_id), media_type="text/plain", headers=_HEADERS)


async def _script() -> Response:
    return Response(_SCRIPT, media_type="text/javascript", headers=_HEADERS)


async def _subscriptions(user_id: str) -> list[dict[str, str]]:
    try:
        found = [await subscription_status(user_id, None, live_members)]
    except SeveralSubscriptions as several:
        ids = [each["subscription_id"] for each in several.extensions["subscriptions"]]
        found = [await subscription_status(user_id, each, live_members) for each in ids]
    except NoActiveSubscription:
        found = []
    return [{"plan": each["plan_name"], "text": _text(each)} for each in found]


def _text(subscription: dict[str, Any]) -> str:
    """Return what a customer wants to know first: that it is cancelled, paused or ended, or what it costs next."""
    charge = subscription["next_charge"]
    if subscription["banner"]:
        return str(subscription["banner"])
    if subscription["paused"]:
        return "Billing is paused"
    if charge is None:
        return "No further charge"
    return f"Next charge: {charge['formatted']} on {long_date(datetime.fromisoformat(charge['at']), 'en', 'UTC')}"
