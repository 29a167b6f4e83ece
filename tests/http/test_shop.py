"""The demo shop: it opens the cancel page as a company's server does, and exists in the embedded stack only."""

import re
from html import unescape

import pytest

from deployments.demo.shop import CUSTOMERS, shop
from deployments.http.app import create_app
from nodes.settings import TriggerSettings, load
from tests.cancel_page.visitor import Visitor, path_of, sessions_of, token
from tests.conftest import Addresses
from tests.world import World


def test_a_customer_of_the_shop_reaches_the_cancel_page(world: World) -> None:
    customer = world.person("professional")
    with Visitor(world) as visitor:
        page = visitor.http.get("/shop", params={"customer": customer.user_id})
        assert "customer=" not in str(page.url)
        assert "<h2>Professional</h2><p>Next charge: $49.00 on " in page.text
        assert '<a class="button" href="shop/cancel">Cancel subscription</a>' in page.text
        visitor.page = visitor.http.get("/shop/cancel")
        assert visitor.title == "What's your main reason for cancelling?"
        assert str(visitor.page.url) == world.addresses["cancel_page"]
        visitor.press("cancel")
        assert visitor.title == "Your subscription is cancelled"
        assert "Professional</h2><p>Cancels on " in visitor.http.get("/shop").text


@pytest.mark.parametrize("name", CUSTOMERS)
def test_each_kind_of_customer_can_sign_in_and_open_the_cancel_page(world: World, name: str) -> None:
    with Visitor(world) as visitor:
        page = visitor.http.get("/shop")
        names = [unescape(each) for each in re.findall(r'name="customer" value="([^"]*)"', page.text)]
        assert names == list(CUSTOMERS)
        page = visitor.http.post("/shop", data={"customer": name})
        assert page.text.count('<section class="plan">') == len(CUSTOMERS[name].plans)
        page = visitor.http.get("/shop/cancel")
        assert page.status_code == 200
        assert f'<html lang="{CUSTOMERS[name].locale.replace("_", "-")}"' in page.text


def test_an_expired_link_leads_back_through_the_shop_and_the_session_continues(world: World) -> None:
    customer = world.person("professional")
    with Visitor(world) as visitor:
        visitor.http.get("/shop", params={"customer": customer.user_id})
        visitor.page = visitor.http.get("/shop/cancel")
        visitor.press("next", reason="switched_service")
        visitor.open(token(customer, exp=1))
        assert visitor.title == "This link has expired"
        [link] = re.findall(r'<a class="button" href="([^"]*)"', visitor.page.text)
        visitor.page = visitor.http.get(link)
        assert visitor.title == "Cancel your subscription?"
    assert len(sessions_of(world, customer)) == 1
    assert [kind for kind, _ in path_of(world, customer)].count("resumed") == 1


def test_without_a_customer_the_button_leads_to_the_sign_in(world: World) -> None:
    with Visitor(world) as visitor:
        assert visitor.http.get("/shop/cancel").url.path == "/shop"
        assert visitor.http.post("/shop", data={"customer": "nobody"}).url.path == "/shop"
        assert "Sign in as one of these demo customers" in visitor.http.get("/shop", params={"customer": "\0"}).text


@pytest.mark.parametrize(
    "settings",
    [
        {"START_PAGE": "false"},
        {"STRIPE_API_KEY": "sk_live_1"},
        {"STRIPE_API_BASE": ""},
        {"STRIPE_API_BASE": "https://stripe.example.com"},
        {"SESSION_SECRETS": ""},
    ],
)
def test_there_is_no_shop_outside_of_the_embedded_stack(
    stack: Addresses, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str]
) -> None:
    assert shop(load(TriggerSettings))
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    changed = load(TriggerSettings)
    assert shop(changed) is None
    assert [route for route in create_app(changed).routes if "shop" in getattr(route, "path", "")] == []
