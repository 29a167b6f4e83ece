"""The email that asks for a reason: plain like a personal email, with no other request."""

from email_templates.reason_email import ReasonEmail

FEEDBACK = "https://billing.example.com/feedback/a.b.c"
EMAIL = ReasonEmail(
    name="Ada Lovelace",
    plan="Professional",
    feedback_url=FEEDBACK,
    locale="en_US",
    company_name="Example & Sons",
    request_id="req-1",
).email()


def test_the_email_is_plain_text_with_one_question() -> None:
    assert EMAIL.html == ""
    assert (EMAIL.subject + EMAIL.text).count("?") == 1
    assert "\n\nWhat made you decide to leave?\n\n" in EMAIL.text


def test_the_email_names_its_recipient_sender_and_cause() -> None:
    assert EMAIL.text.startswith("Hello Ada Lovelace,\n")
    assert "\n--\nExample & Sons\nYou're receiving this email because your cancellation came" in EMAIL.text
    assert f"\n{FEEDBACK}\n" in EMAIL.text
    assert EMAIL.text.endswith("Reference: req-1\n")


def test_the_email_contains_no_offer_and_no_pressure() -> None:
    for word in ("%", "offer", "discount", "too late", "miss you", "sorry", "are you sure", "reactivate", "delete"):
        assert word not in EMAIL.text.lower()
