"""The preferences page: what it shows, what a press records, and one-click unsubscribes (RFC 8058)."""

import html
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from tests.acceptance.subscribers import subscriber
from tests.cancel_page.visitor import Visitor, token
from tests.consents.company import Company, Preferences, asking_for_consent, link_of
from tests.reactivation.people import title
from tests.world import World

NEWEST = {"phone": "2:en", "email_marketing": "2:"}
STALE = "Your choices were changed in the meantime."


def opened(company: Company, user_id: str) -> Preferences:
    return Preferences(company, link_of(user_id))


def test_nothing_is_ticked_before_the_customer_agrees(company: Company) -> None:
    user = company.customer()

    shown = opened(company, user)

    assert (shown.page.status_code, title(shown.page)) == (200, "How may we contact you?")
    assert (shown.boxes, shown.ticked) == (NEWEST, {})
    assert "You may call me once after I cancel. An AI may make the call." in shown.text
    assert company.ledger(user) == []  # a mail scanner follows links
    assert shown.page.headers["cache-control"] == "no-store"


def test_a_press_records_what_was_ticked_with_the_wording_shown(company: Company) -> None:
    user = company.customer()
    shown = opened(company, user)

    shown.press(phone=NEWEST["phone"])

    assert shown.page.status_code == 200
    assert "Your choices are saved." in shown.text
    assert shown.ticked == {"phone": "2:en"}
    [row] = company.ledger(user)
    kept = [row[name] for name in ("channel", "accepted", "version", "language", "source", "evidence")]
    assert kept == ["phone", True, 2, "en", "form", {"page": "preferences"}]

    shown.press(phone=None, email_marketing=NEWEST["email_marketing"])

    assert company.current(user) == {"phone": False, "email_marketing": True}
    assert "You turned this off on " in shown.text
    assert "You agreed to this on " in shown.text


def test_a_press_without_a_change_records_nothing(company: Company) -> None:
    user = company.customer()
    shown = opened(company, user)
    shown.press()
    assert company.ledger(user) == []
    company.accepts(user)
    opened(company, user).press()
    assert len(company.ledger(user)) == 1


def test_a_customer_who_agreed_to_an_old_wording_is_asked_again(company: Company) -> None:
    user = company.customer()
    company.accepts(user, "phone", 1)  # older than CONSENT_MIN_VERSION
    company.accepts(user, "email_marketing", 1)  # still counts

    shown = opened(company, user)

    assert shown.boxes == {"phone": "2:en", "email_marketing": "1:"}
    assert shown.ticked == {"email_marketing": "1:"}
    assert "but we've changed the text since, so we're asking you again." in shown.text
    shown.press(phone="2:en")
    assert [(row["channel"], row["version"]) for row in company.ledger(user)][2:] == [("phone", 2)]


def test_everything_is_turned_off_with_one_press(company: Company) -> None:
    user = company.customer()
    company.accepts(user)
    shown = opened(company, user)
    company.accepts(user, "email_marketing")  # after the page was opened: a revocation counts anyway

    shown.press("stop")

    assert company.current(user) == {"phone": False, "sms": False, "email_marketing": False}
    entries = len(company.ledger(user))
    shown.press("stop")
    assert len(company.ledger(user)) == entries


def test_a_page_that_is_sent_again_does_not_undo_a_revocation(company: Company) -> None:
    user = company.customer()
    shown = opened(company, user)
    shown.press(phone=NEWEST["phone"])
    first = shown.hidden | {"phone": NEWEST["phone"], "action": "save", "seen": "0"}
    assert company.post(user, channel="phone", accepted=False).status_code == 200

    again = company.http.post("/preferences", data=first)

    assert (again.status_code, STALE in html.unescape(again.text)) == (409, True)
    assert company.current(user) == {"phone": False}


def test_a_double_press_is_one_entry(company: Company) -> None:
    user = company.customer()
    shown = opened(company, user)
    form = shown.hidden | {"phone": NEWEST["phone"], "action": "save"}
    pages = [company.http.post("/preferences", data=form) for _ in range(2)]
    assert ["Your choices are saved." in each.text for each in pages] == [True, True]
    assert len(company.ledger(user)) == 1


@pytest.mark.parametrize("value", ["9:en", "2:fr", "", "2", "x" * 500, "2:en\0"])
def test_a_tick_for_a_wording_that_does_not_exist_records_nothing(company: Company, value: str) -> None:
    user = company.customer()
    form = opened(company, user).hidden | {"phone": value, "action": "save"}
    assert company.http.post("/preferences", data=form).status_code == 409
    assert company.ledger(user) == []


@pytest.mark.parametrize("seen", ["", "-1", "x", "9" * 30, "²"])
def test_a_form_without_what_was_seen_records_nothing(company: Company, seen: str) -> None:
    user = company.customer()
    form = opened(company, user).hidden | {"phone": NEWEST["phone"], "action": "save", "seen": seen}
    assert company.http.post("/preferences", data=form).status_code == 409
    assert company.ledger(user) == []


@pytest.mark.parametrize(
    ("kind", "status"), [("missing", 400), ("forged", 400), ("for another", 400), ("expired", 410), ("deleted", 410)]
)
def test_a_link_that_is_not_valid_shows_and_records_nothing(company: Company, kind: str, status: int) -> None:
    user = company.customer()
    of_user = {
        "missing": "",
        "forged": link_of(user)[:-4] + "AAAA",
        "for another": link_of(user).rpartition(".")[0] + "." + link_of(company.customer()).rpartition(".")[2],
        "expired": link_of(user, timedelta(seconds=-5)),
        "deleted": link_of("nobody"),
    }[kind].rpartition("/")[2]
    pages = [
        company.http.get("/preferences", params={"token": of_user}),
        company.http.post("/preferences", data={"token": of_user, "phone": NEWEST["phone"], "seen": "0"}),
        company.http.post("/preferences", params={"token": of_user}, data={"List-Unsubscribe": "One-Click"}),
    ]
    for page in pages:
        assert page.status_code == status
        assert title(page) == ("This link is not valid" if status == 400 else "This link has expired")
    assert company.ledger(user) == []


def test_too_many_presses_change_nothing(company: Company) -> None:
    user = company.customer()
    used_up = "INSERT INTO attempts (user_id, since, counted) VALUES (%s, now() + interval '1 hour', 10000)"
    company.world.admin.execute(used_up, [user])
    shown = opened(company, user)
    assert shown.press(phone=NEWEST["phone"]).status_code == 429
    assert company.ledger(user) == []


def test_the_page_and_its_wordings_are_in_the_customers_language(company: Company) -> None:
    shown = opened(company, company.customer("de_DE"))
    assert title(shown.page) == "Wie dürfen wir Sie kontaktieren?"
    assert shown.boxes["phone"] == "2:de"
    assert "Sie dürfen mich nach meiner Kündigung einmal anrufen." in shown.text
    assert '<label for="phone" lang="de">' in shown.page.text


# One-click unsubscribe


@pytest.mark.parametrize("encoding", ["urlencoded", "multipart"])
def test_one_click_unsubscribes_for_good(company: Company, encoding: str) -> None:
    user = company.customer()
    company.accepts(user, "email_marketing")
    company.accepts(user)
    link = opened(company, user).token

    def click() -> httpx.Response:
        if encoding == "multipart":
            fields = {"List-Unsubscribe": (None, b"One-Click")}
            return company.http.post("/preferences", params={"token": link}, files=fields)
        return company.http.post("/preferences", params={"token": link}, data={"List-Unsubscribe": "One-Click"})

    page = click()

    assert (page.status_code, html.unescape(title(page))) == (200, "You're unsubscribed")
    assert company.current(user) == {"phone": True, "email_marketing": False}
    assert company.ledger(user)[-1]["evidence"] == {"unsubscribe": "one-click"}
    assert click().status_code == 200
    assert len(company.ledger(user)) == 3
    assert company.accepts(user, "email_marketing")["counts"] is True  # a new opt-in


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b'{"List-Unsubscribe": "One-Click"}', "application/json"),
        (b"\xff\xfe", "multipart/form-data; boundary=x"),
        (b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n\xff\r\n--x--", "multipart/form-data; boundary=x"),
        (b"", "multipart/form-data"),
    ],
)
def test_another_body_unsubscribes_nobody(company: Company, content: bytes, media_type: str) -> None:
    user = company.customer()
    company.accepts(user, "email_marketing")
    token = opened(company, user).token
    answer = company.http.post(
        "/preferences", params={"token": token}, content=content, headers={"Content-Type": media_type}
    )
    assert answer.status_code in (400, 409)
    assert company.current(user) == {"email_marketing": True}


# Where it is linked


def test_every_email_links_to_the_page(company: Company) -> None:
    person = subscriber(company.world)
    body = {"user_id": person.user_id, "reason": "unused"}
    with company.world.simulator.losing_webhooks():  # the stack would confirm the same cancellation to its own customer
        assert company.http.post("/cancel-subscription", json=body, headers=person.headers).status_code == 200

    [email] = company.world.emails(person)

    [in_html] = [part for part in email["html"].split('"') if "/preferences/" in part]
    assert in_html in email["text"].splitlines()
    assert "?" not in in_html  # the email that asks why has one question mark
    shown = Preferences(company, in_html)
    assert shown.press(phone=NEWEST["phone"]).status_code == 200
    assert company.current(person.user_id) == {"phone": True}


def test_the_cancel_page_links_to_the_page(company: Company) -> None:
    person = subscriber(company.world)
    with Visitor(company.world, str(company.http.base_url)) as visitor:
        shown = visitor.open(token(person))
        [link] = [part for part in shown.text.split('"') if "/preferences/" in part]
        assert title(Preferences(company, link).page) == "How may we contact you?"
        assert visitor.press("cancel").text.count("/preferences/") == 1


def test_a_company_that_asks_for_no_consent_shows_nothing_of_it(world: World, tmp_path: Path) -> None:
    with asking_for_consent(world, tmp_path, None) as company:
        person = subscriber(company.world)
        with Visitor(company.world, str(company.http.base_url)) as visitor, world.simulator.losing_webhooks():
            assert "preferences" not in visitor.open(token(person)).text
            assert visitor.press("cancel").status_code == 200
            assert "preferences" not in visitor.page.text
        [email] = company.world.emails(person)
        assert "preferences" not in email["text"] + email["html"]
        link = link_of(person.user_id).rpartition("/")[2]
        assert company.http.get("/preferences", params={"token": link}).status_code == 400
        assert company.http.get("/consents", headers=person.headers).json() == {"consents": []}
        refused = company.post(person.user_id, channel="phone", accepted=True, wording_version=1, source="form")
        assert (refused.status_code, "published: none" in refused.json()["detail"]) == (400, True)
        assert company.ledger(person.user_id) == []
