"""STOP as the whole of a reply: which channels it revokes."""

import pytest

from nodes.rules.consents import CHANNELS
from nodes.rules.replies.revocation import revoked_channels


@pytest.mark.parametrize(
    "text",
    [
        "STOP",
        "stop",
        " Stop! ",
        "«STOP»",
        "Stop, please.",
        "StopAll",
        "opt-out",
        "S'il vous plaît : STOP",
        "Do not contact me",
        "Don't contact me again",
        "Please stop contacting me.",
        "Remove me from your list",
        "Kein Kontakt mehr, bitte",
        "Arrêtez",
        "Ne me contactez plus",
        "No me contacten más",
        "no más",
    ],
)
def test_stop_revokes_every_channel(text: str) -> None:
    assert revoked_channels(text) == CHANNELS


@pytest.mark.parametrize(
    "text",
    [
        "Don\u2019t call me",
        "dont call me",
        "Do not call me again",
        "Please don't call me again.",
        "Please don't call me any more",
        "Never call me again!",
        "Stop calling me",
        "No more calls, please.",
        "Keine Anrufe mehr!",
        "Bitte rufen Sie mich nicht mehr an.",
        "Plus d'appels",
        "Ne m'appelez plus, s'il vous plaît",
        "No me llamen más",
        "No más llamadas, por favor",
    ],
)
def test_a_wish_about_calls_revokes_the_consent_to_calls(text: str) -> None:
    assert revoked_channels(text) == ("phone",)


@pytest.mark.parametrize(
    "text",
    [
        "Unsubscribe\n",
        "UNSUBSCRIBE ME!!",
        "Stop sending me emails",
        "Please stop emailing me",
        "Stop the e-mails!",
        "Do not email me again",
        "Don't send me any more emails.",
        "No more emails",
        "Remove me from your mailing list",
        "Abmelden",
        "Bitte abbestellen.",
        "Keine E-Mails mehr!",
        "Schicken Sie mir bitte keine E-Mails mehr",
        "Désabonner, merci",
        "désinscription",
        "Plus d'e-mails",
        "ne m'écrivez plus",
        "BAJA",
        "Darme de baja, por favor.",
        "No más correos",
        "No me escriban más",
    ],
)
def test_a_wish_about_emails_revokes_the_consent_to_emails(text: str) -> None:
    assert revoked_channels(text) == ("email_marketing",)


@pytest.mark.parametrize("text", ["Stop texting me", "Don't text me anymore", "Keine SMS mehr", "No más SMS"])
def test_a_wish_about_text_messages_revokes_the_consent_to_them(text: str) -> None:
    assert revoked_channels(text) == ("sms",)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "!",
        "please",
        "thanks",
        "It stopped working.",
        "Stop raising prices.",
        "I cancelled because I want to stop paying for things that I don't use.",
        "the end",
        "Wann endet mein Zugang? Stopp ist das nicht.",
        "La bajada de calidad",
        "más baja",
        "Don't call it a day",
        "Why did nobody call me again?",
        "stop " * 1000,
    ],
)
def test_any_other_reply_revokes_nothing(text: str) -> None:
    assert revoked_channels(text) == ()
