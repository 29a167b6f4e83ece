"""The new text of a reply, as mail programs in four languages send it."""

import time

import pytest

from nodes.replies.html_text import html_text
from nodes.replies.new_text import first_paragraph, new_text

QUOTED = "> Thanks for being with us.\n>\n> What made you decide to leave?\n"
UNMARKED = "Thanks for being with us.\nWhat made you decide to leave?\n"


@pytest.mark.parametrize(
    "quoted",
    [
        "On Tue, Nov 24, 2026 at 3:12 PM Support <support@example.com> wrote:\n\n" + QUOTED,
        "On Tue, Nov 24, 2026 at 3:12 PM Support\n<support+7krq3mzz@example.com> wrote:\n\n" + QUOTED,
        "On Nov 24, 2026, at 15:12, Support <support@example.com> wrote:\n\n" + UNMARKED,
        "    On Tuesday, November 24, 2026 at 03:12:00 PM GMT+1, Support <s@example.com> wrote:  \n \n " + UNMARKED,
        "Am Di., 24. Nov. 2026 um 15:12 Uhr schrieb Support <support@example.com>:\n\n" + QUOTED,
        "Am 24.11.2026 um 15:12 schrieb Support:\n" + QUOTED,
        "Le mar. 24 nov. 2026 à 15:12, Support <support@example.com> a écrit :\n\n" + QUOTED,
        "El mar, 24 nov 2026 a las 15:12, Support (<support@example.com>) escribió:\n\n" + QUOTED,
        "From: Support <s@example.com>\nSent: Tuesday, November 24, 2026\nTo: Jo\nSubject: One question\n\n" + UNMARKED,
        "*Von:* Support\n*Gesendet:* Dienstag, 24. November 2026\n*An:* Jo\n*Betreff:* Eine Frage\n\n" + UNMARKED,
        "De : Support\nEnvoyé : mardi 24 novembre 2026\nÀ : Jo\nObjet : Une question\n\n" + UNMARKED,
        "De: Support\nEnviado el: martes, 24 de noviembre de 2026\nPara: Jo\nAsunto: Una pregunta\n\n" + UNMARKED,
        "Gesendet: Dienstag, 24. November 2026\nVon: Support\nAn: Jo\nBetreff: Eine Frage\n\n" + UNMARKED,
        "Sent: Tuesday, November 24, 2026\nTo: Jo\nFrom: Support\n\n" + UNMARKED,
        "________________________________\nFrom: Support\n\n" + UNMARKED,
        "-----Original Message-----\n" + UNMARKED,
        "-----Ursprüngliche Nachricht-----\n" + UNMARKED,
        QUOTED,
    ],
)
def test_the_quoted_email_is_removed(quoted: str) -> None:
    assert new_text(f"Too expensive.\nAnd slow.\n\n{quoted}") == "Too expensive.\nAnd slow."
    assert new_text(f"Too expensive.\r\n\r\n{quoted}".replace("\n", "\r\n")) == "Too expensive."


def test_answers_between_quoted_lines_are_kept() -> None:
    reply = (
        f"On Nov 24, 2026, Support wrote:\n{QUOTED}\nThe price.\n\n> If you'd rather not, that's fine.\n\nNo problem!"
    )
    assert new_text(reply) == "The price.\n\nNo problem!"


@pytest.mark.parametrize(
    "end",
    [
        "-- \nJo Miller\n+1 555 123 4567",
        "Best regards,\nJo Miller\nCEO, Example Inc.",
        "Thanks, Jo",
        "Cheers\nJo",
        "Best,\nJo Miller\nCEO, Example Inc.",
        "Danke!\nMaria von der Heide",
        "Liebe Grüße aus Berlin\nJo",
        "Muchas gracias",
        "Mit freundlichen Grüßen\nJo Müller",
        "Viele Grüße, Jo",
        "Cordialement,\nJean",
        "Un saludo,\nJosé",
        "Sent from my iPhone",
        "Von meinem iPhone gesendet",
        "Envoyé de mon iPhone",
        "Enviado desde mi iPhone",
        "Get Outlook for Android",
    ],
)
def test_a_signature_is_removed(end: str) -> None:
    assert new_text(f"Too slow.\n\n{end}\n") == "Too slow."


@pytest.mark.parametrize(
    "text",
    [
        "Thanks",
        "Thanks for asking.\n\nThanks to the price increase we left.",
        "Reasons:\n- price\n- it is slow\n- support never answered",
        "From: where I stand, it is too dear\nTo: be honest, also slow",
        "To: be honest, it is too dear\nSent: three tickets, no answer\nDate: never",
        "On Tuesday your support wrote: 'no'. And then nothing.",
        "Hi,\n\nThanks for asking.\n\nWe left because it became too expensive.",
        "Hi Sam,\nThanks Sam,\nit was too expensive",
        "Hi Sam,\n\nThanks!\n\nPrice.",
        "Hallo,\n\ndanke für die Nachricht.\nEs war zu teuer.",
        "Bonjour,\n\nMerci de votre message.\n\nC'est trop cher.",
        "Hola,\n\nGracias por escribir.\n\nEs muy caro.",
        "We left.\nBest feature was missing\nreally, no SSO.",
        "Regards to the team.\nRegards are not enough for me.",
        "Sent from my account three tickets.\nNobody answered.\nSo we left.",
        "Best tool I had, but\nBest of all was the price of the other one.",
        "Merci\n\nC'était trop cher, et lent",
        "",
    ],
)
def test_what_the_customer_wrote_stays(text: str) -> None:
    assert new_text(text) == text


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("STOP\n\nJane Doe\nHead of IT", "STOP"),
        ("Unsubscribe please\nJo", "Unsubscribe please"),
        ("Stop.\nJo Miller\n\nExample Inc.\n+49 30 123", "Stop."),
        ("Stop\nraising prices", "Stop\nraising prices"),
        ("Stop\n\n" + "It was one of those tools that one needs every single day of the week.", ""),
        ("Stop\n\nfour\nlines\n\nthat\nfollow", ""),
        ("Stop", "Stop"),
        ("", ""),
    ],
)
def test_the_first_paragraph_counts_above_no_more_than_a_signature(text: str, first: str) -> None:
    assert first_paragraph(text) == first


def test_html_becomes_text_without_what_is_hidden_or_quoted() -> None:
    html = """<!DOCTYPE html><html><head><title>x</title><style>p > a {color: red}</style></head><body>
    <!-- <p>no</p> --><!--[if mso]><p>no</p><![endif]--><script>if (1 < 2) { "<p>no</p>" }</script>
    <div dir="ltr">Too <b>expensive</b> &amp; 3 &lt; 4,<br>caf&eacute;<div>second line</div></div>
    <div class="gmail_quote"><div class="gmail_attr">On Tue, Support wrote:</div><blockquote>no</blockquote></div>
    <blockquote>no <blockquote>no</blockquote> no</blockquote><p>a < b</p></body></html>"""
    assert [line for line in html_text(html).split("\n") if line] == [
        "Too expensive & 3 < 4,",
        "café",
        "second line",
        "a < b",
    ]


def test_outlooks_html_is_cut_at_its_headers() -> None:
    html = (
        "<p>Too slow</p><hr><div id='divRplyFwdMsg'><b>From:</b> Support<br><b>Sent:</b> Tuesday<br><b>To:</b> Jo<br>"
        "<b>Subject:</b> One question</div><p>Thanks for being with us.</p>"
    )
    assert new_text(html_text(html)) == "Too slow"


@pytest.mark.parametrize(
    "piece",
    ["On 1 ", "On 1 wrote\n", "> ", "_", "\n", "From: a\n", " ", "a", "--", "<", "<!--", "<a ", "<!", '<a b="', "&"],
)
def test_hostile_text_takes_no_longer_than_any_other(piece: str) -> None:
    text = (piece * 50_000)[:50_000]
    before = time.process_time()
    new_text(text)
    new_text(html_text(text))
    assert time.process_time() - before < 5
