"""STOP as the whole of a reply."""

import pytest

from nodes.rules.replies.revocation import is_revocation


@pytest.mark.parametrize(
    "text",
    [
        "STOP",
        "stop",
        " Stop! ",
        "«STOP»",
        "Stop, please.",
        "S'il vous plaît : STOP",
        "Unsubscribe\n",
        "UNSUBSCRIBE ME!!",
        "opt-out",
        "Don\u2019t call me",
        "Abmelden",
        "Bitte abbestellen.",
        "Keine E-Mails mehr!",
        "Arrêtez",
        "Désabonner, merci",
        "désinscription",
        "BAJA",
        "Darme de baja, por favor.",
        "No más correos",
    ],
)
def test_a_wish_to_stop_is_recognized(text: str) -> None:
    assert is_revocation(text)


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
        "stop " * 1000,
    ],
)
def test_any_other_reply_is_not(text: str) -> None:
    assert not is_revocation(text)
