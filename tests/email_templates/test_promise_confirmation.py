"""The email that confirms promises: each of them, as text and never as markup."""

from dataclasses import replace

import pytest

from email_templates.promise_confirmation import PromiseConfirmation
from tests.email_templates.test_cancellation_confirmation import Page, parts

USUAL = PromiseConfirmation(
    name="Ada Lovelace",
    promises=("Send the invoice.", "Tell the <b>team</b>.\r\nBcc: all@example.com"),
    locale="en_US",
    company_name="Example & Sons",
    request_id="req-1",
)


def test_the_email_names_each_promise() -> None:
    email = USUAL.email()
    assert email.subject == "What we promised you on the phone"
    for text in parts(email):
        assert "Send the invoice." in text
        assert "Tell the <b>team</b>. Bcc: all@example.com" in text
        assert "agreed to get emails from us" in text
    assert "\n- Send the invoice.\n- Tell the" in email.text
    assert "<b>" not in email.html
    assert Page(email.html).links == {}


@pytest.mark.parametrize(("locale", "text"), [("de", "zugesagt"), ("fr", "promis"), ("es", "prometimos")])
def test_the_email_is_in_the_customers_language(locale: str, text: str) -> None:
    for each in parts(replace(USUAL, locale=locale).email()):
        assert text in each
