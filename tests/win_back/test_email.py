"""The email about a fix: its languages, its way back, its replies, and its unsubscribe by one click (RFC 8058)."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from urllib.parse import parse_qs, urlsplit

import pytest

from nodes.clients.links import Links
from nodes.settings import LinkSettings, load
from tests.consents.company import Company
from tests.win_back.conftest import PLANS
from tests.win_back.leavers import NOTES, SUBJECT, Fix
from tests.world import Person, Row

# The Stripe SDK triggers this httpx deprecation warning.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning"),
]

ENDED = "UPDATE subscriptions SET status = 'canceled', ended_at = now() WHERE user_id = %s"


def received(fix: Fix, email: Row) -> EmailMessage:
    """Return the email as the mailbox has it."""
    raw = fix.company.world.inbox.get(f"/messages/{email['id']}.eml").content
    parsed: EmailMessage = message_from_bytes(raw, policy=policy.default)
    return parsed


def one_line(email: Row) -> str:
    return " ".join(email["text"].split())


def paragraphs(email: Row) -> list[str]:
    return [" ".join(each.split()) for each in email["text"].split("\n\n")]


def shipped_to(fix: Fix, person: Person, **notes: str) -> Row:
    fix.ship(**notes)
    [email] = [each for each in fix.company.world.emails(person) if "/preferences?token=" in each["text"]]
    return email


def test_the_email_says_what_was_fixed_in_one_paragraph(fix: Fix) -> None:
    email = shipped_to(fix, fix.leaver())
    assert (email["subject"], email["html"]) == (SUBJECT, None)
    assert NOTES["en"] in paragraphs(email)
    assert "We won't email you about this again." in one_line(email)
    assert "Example Inc., 1 Main Street, Springfield" in email["text"]


def test_the_email_puts_no_pressure_on_the_customer(fix: Fix) -> None:
    text = one_line(shipped_to(fix, fix.leaver())).lower()
    for word in ("%", "discount", "too late", "miss you", "sorry", "last chance", "hurry", "limited", "win back"):
        assert word not in text


def test_the_way_back_is_reactivation_until_the_plan_ends(fix: Fix) -> None:
    person = fix.leaver()
    email = shipped_to(fix, person)
    [link] = [line for line in email["text"].splitlines() if "/reactivate?" in line]
    token = parse_qs(urlsplit(link).query)["token"][0]
    opened = Links(load(LinkSettings)).verify(token, "reactivate")
    assert (opened.subscription_id, opened.request_id) == (person.subscription_id, str(fix.request(person)["id"]))
    assert opened.expires_at == fix.request(person)["cancel_at"]
    assert PLANS not in email["text"]


def test_the_way_back_is_a_new_subscription_afterwards(fix: Fix) -> None:
    person = fix.leaver()
    fix.company.world.admin.execute(ENDED, [person.user_id])
    email = shipped_to(fix, person)
    assert PLANS in email["text"].splitlines()
    assert "/reactivate?" not in email["text"]


@pytest.mark.parametrize(
    ("locale", "subject", "note"),
    [
        ("de_AT", "Was Ihnen in Professional gefehlt hat", "Sie können sich jetzt mit SSO anmelden."),
        ("fr_FR", SUBJECT, NOTES["en"]),  # no note in French, so the whole email is in English
    ],
)
def test_an_email_is_in_one_language(fix: Fix, locale: str, subject: str, note: str) -> None:
    person = fix.leaver()
    fix.company.world.admin.execute("UPDATE users SET locale = %s WHERE id = %s", [locale, person.user_id])
    email = shipped_to(fix, person, **NOTES, de="Sie können sich jetzt mit SSO anmelden.")
    assert email["subject"] == subject
    assert note in paragraphs(email)


def test_replies_go_to_the_cancellations_own_address(fix: Fix) -> None:
    person = fix.leaver()
    email = shipped_to(fix, person)
    [confirmation] = [each for each in fix.company.world.emails(person) if "Cancellation" in each["subject"]]
    assert "support+" in email["reply_to"]
    assert email["reply_to"] == confirmation["reply_to"]


def test_one_click_in_the_received_email_unsubscribes(fix: Fix, company: Company) -> None:
    person = fix.leaver()
    email = received(fix, shipped_to(fix, person))
    assert email["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = email["List-Unsubscribe"].strip("<>")
    name, value = email["List-Unsubscribe-Post"].split("=")
    assert link in email.get_content().split()  # for readers whose mail program has no such button

    answer = company.http.post(link, data={name: value})  # without cookies or a redirect, as mail providers do

    assert answer.status_code == 200
    assert company.current(person.user_id) == {"email_marketing": False}
    assert company.ledger(person.user_id)[-1]["evidence"] == {"unsubscribe": "one-click"}
    again = Fix(company, f"{fix.tag[:30]}-2")
    again.tagged(person)
    assert again.ship() == "wrote to 0 customers; not to 1"
    assert again.outcome(person) == "no_consent"
