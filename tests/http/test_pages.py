"""The pages behind an email's links: each kind of link, without changes or disclosure on GET (W15)."""

import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest

from nodes.clients.links import Links, Purpose
from nodes.settings import LinkSettings, load
from tests.world import Person, World, links

PAGES: tuple[Purpose, ...] = ("reactivate", "feedback")
OTHER: dict[Purpose, Purpose] = {"reactivate": "feedback", "feedback": "reactivate"}
TITLES = {"reactivate": "Keep your Professional plan?", "feedback": "Your feedback"}


def token(purpose: Purpose, *, ends_in: timedelta = timedelta(days=1)) -> str:
    return Links(load(LinkSettings)).sign(
        purpose, subscription_id="sub_1", request_id=str(uuid4()), expires_at=datetime.now(UTC) + ends_in
    )


def title(page: httpx.Response) -> str:
    [found] = re.findall(r"<h1>(.*?)</h1>", page.text)
    return str(found)


@pytest.fixture(scope="module")
def opened(world: World) -> dict[str, str]:
    """Return the links of a real email."""
    person = world.person("professional")
    assert world.cancel(person).status_code == 200
    [email] = world.emails(person)
    return links(email)


@pytest.mark.parametrize("purpose", PAGES)
def test_a_valid_link_opens_its_page(world: World, opened: dict[str, str], purpose: Purpose) -> None:
    page = world.http.get(opened[purpose])
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert title(page) == TITLES[purpose]
    assert "Reference: " in page.text


@pytest.mark.parametrize("purpose", PAGES)
def test_a_link_to_deleted_data_has_expired(world: World, purpose: Purpose) -> None:
    page = world.http.get(f"/{purpose}", params={"token": token(purpose)})
    assert (page.status_code, title(page)) == (410, "This link has expired")


def altered(good: str) -> str:
    return good[:-6] + ("A" if good[-6] != "A" else "B") + good[-5:]


@pytest.mark.parametrize("purpose", PAGES)
@pytest.mark.parametrize("kind", ["missing", "empty", "altered", "cut short", "made longer", "for another", "rubbish"])
def test_any_other_link_is_invalid(world: World, purpose: Purpose, kind: str) -> None:
    good = token(purpose)
    query = {
        "missing": {},
        "empty": {"token": ""},
        "altered": {"token": altered(good)},
        "cut short": {"token": good[:-1]},
        "made longer": {"token": good + "A" * 4000},
        "for another": {"token": token(OTHER[purpose])},
        "rubbish": {"token": "<script>alert(1)</script>\x00ü"},
    }[kind]
    page = world.http.get(f"/{purpose}", params=query)
    assert page.status_code == 400
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert title(page) == "This link is not valid"
    assert "Reference" not in page.text
    assert "alert(1)" not in page.text


@pytest.mark.parametrize("purpose", PAGES)
def test_an_old_link_has_expired(world: World, purpose: Purpose) -> None:
    page = world.http.get(f"/{purpose}", params={"token": token(purpose, ends_in=timedelta(seconds=-1))})
    assert page.status_code == 410
    assert title(page) == "This link has expired"


@pytest.mark.parametrize("purpose", PAGES)
@pytest.mark.parametrize("kind", ["good", "altered", "expired", "missing"])
def test_a_page_is_not_cached_and_does_not_leak_its_address(
    world: World, opened: dict[str, str], purpose: Purpose, kind: str
) -> None:
    good = opened[purpose].partition("token=")[2]
    of_kind = {"good": good, "altered": altered(good), "expired": token(purpose, ends_in=timedelta(days=-1))}
    query = {"token": of_kind[kind]} if kind in of_kind else {}
    page = world.http.get(f"/{purpose}", params=query)
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["x-content-type-options"] == "nosniff"
    policy = dict(rule.split(" ", 1) for rule in page.headers["content-security-policy"].split("; "))
    assert re.fullmatch(r"'self' 'nonce-[\w-]{22}'", policy.pop("style-src"))
    assert policy == {
        "default-src": "'none'",
        "img-src": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
    }
    assert "set-cookie" not in page.headers
    # The page contains nothing that its policy forbids: nothing is loaded, and no script runs.
    assert re.findall(r"<script|<link|<img|<iframe|\bsrc=|\bon\w+=|url\(", page.text) == []
    if kind in of_kind and kind != "good":  # a valid token is only in the form
        assert of_kind[kind] not in page.text


def state(world: World, person: Person) -> object:
    tables = (
        "users",
        "subscriptions",
        "cancellation_requests",
        "cancellation_reasons",
        "data_retention_jobs",
        "audit_log",
    )
    rows = [
        world.rows(f"SELECT * FROM {table} WHERE {'id' if table == 'users' else 'user_id'} = %s", person.user_id)
        for table in tables
    ]
    return rows, len(world.simulator.writes(person.subscription_id)), len(world.emails(person))


def test_opening_an_emails_links_changes_nothing(world: World) -> None:
    person = world.person("professional")
    assert world.cancel(person, feedback="too dear").status_code == 200
    [email] = world.emails(person)
    before = state(world, person)
    opened = links(email)
    assert set(PAGES) <= set(opened)
    for purpose in PAGES:
        for method in ("GET", "HEAD", "POST", "PUT", "DELETE"):
            page = world.http.request(method, opened[purpose])
            assert page.status_code == {"GET": 200, "POST": 400}.get(method, 405)  # a POST requires the form
    assert state(world, person) == before
    assert world.stripe.subscriptions.retrieve(person.subscription_id).cancel_at_period_end


def language(page: httpx.Response) -> str:
    [found] = re.findall(r'<html lang="(.*?)" dir="ltr">', page.text)
    return str(found)


def test_a_customers_pages_are_in_their_language_whatever_the_browsers(world: World) -> None:
    person, french = world.person("other_locale"), {"Accept-Language": "fr"}
    assert world.cancel(person).status_code == 200
    [email] = world.emails(person)
    reactivate, feedback = links(email)["reactivate"], links(email)["feedback"]

    for url, expected in ((reactivate, "Abonnement „Professional“ behalten?"), (feedback, "Ihre Rückmeldung")):
        page = world.http.get(url, headers=french)
        assert (language(page), title(page)) == ("de-DE", expected)

    sent = {"token": feedback.partition("token=")[2], "feedback": "Zu teuer"}
    titles = [title(world.http.post("/feedback", data=sent, headers=french)) for _ in range(2)]
    assert titles == ["Vielen Dank für Ihre Rückmeldung", "Vielen Dank, wir haben Ihre Rückmeldung"]
    page = world.http.post("/reactivate", data={"token": reactivate.partition("token=")[2]}, headers=french)
    assert (page.status_code, title(page)) == (200, "Ihr Abonnement „Professional“ ist aktiv")


def test_billing_is_resumed_in_the_customers_language(world: World) -> None:
    person = world.person("professional")
    world.admin.execute(b"UPDATE users SET locale = 'fr_FR' WHERE id = %s", [person.user_id])
    paused = {"months": 1}
    assert world.http.post("/offers/pause/accept", json=paused, headers=person.headers).status_code == 200
    [email] = world.emails(person)
    resume = links(email)["resume"]
    assert email["subject"].startswith("Votre abonnement Professional est en pause jusqu\u2019au ")

    page = world.http.get(resume)
    assert (language(page), title(page)) == ("fr-FR", "Reprendre la facturation maintenant\u202f?")
    page = world.http.post("/resume", data={"token": resume.partition("token=")[2]})
    assert (page.status_code, title(page)) == (200, "Votre facturation est de nouveau active")
    assert "Votre prochain paiement est de " in page.text


@pytest.mark.parametrize(
    ("accepted", "tag", "expected"),
    [
        ("es-MX, en;q=0.8", "es-MX", "Este enlace no es válido"),
        ("it, fr;q=0.5", "fr", "Ce lien n\u2019est pas valide"),
        ("it", "en", "This link is not valid"),
    ],
)
def test_a_page_is_in_the_browsers_language_before_the_customer_is_known(
    world: World, accepted: str, tag: str, expected: str
) -> None:
    page = world.http.get("/reactivate", headers={"Accept-Language": accepted})
    assert (language(page), title(page)) == (tag, expected)
