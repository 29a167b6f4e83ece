"""Every text for customers is marked, and translated into every language; what is missing is English."""

import ast
import re
from collections.abc import Iterator
from dataclasses import replace
from gettext import NullTranslations
from pathlib import Path
from typing import get_args

import pytest
from babel import Locale
from babel.messages.catalog import Catalog, Message
from babel.messages.frontend import CommandLineInterface
from babel.messages.pofile import read_po
from jinja2 import Environment

import email_templates
from deployments.http.pages.feedback_link import REASONS
from deployments.http.pages.page import Button, render
from deployments.http.pages.preferences import NAMES
from email_templates import translations
from email_templates.languages import TRANSLATIONS, browser_locale
from email_templates.money import per_interval
from email_templates.translations import Language, compiled, language_of, translate
from nodes.clients.catalog import read_catalog
from nodes.consents.preferences import Choice
from nodes.messages.customer_locale import CustomerLocale
from nodes.offers.wording import discount
from nodes.rules.blueprints.blueprint import Step, StepKind
from nodes.rules.consents import CHANNELS, Wording
from nodes.rules.offers import ENTITLEMENTS, Fate
from nodes.rules.reasons import STRIPE_FEEDBACK
from nodes.rules.ways_to_stay import DiscountTerms
from nodes.sessions.passing import Filled
from tests.email_templates.every_email import every_email
from tests.email_templates.test_cancellation_confirmation import USUAL, Page
from tests.test_architecture import MODULES, ROOT, modules

CATALOGUES = ROOT / "email_templates" / "locales"
LANGUAGES = sorted(TRANSLATIONS - {"en"})


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """Return the texts in code and templates, as `make messages` finds them."""
    found = tmp_path_factory.mktemp("texts") / "messages.pot"
    arguments = ["-F", str(ROOT / "pyproject.toml"), "-k", "translatable", "-o", str(found), str(ROOT)]
    CommandLineInterface().run(["pybabel", "-q", "extract", *arguments])  # type: ignore[no-untyped-call]
    return _read(found, None)


def _read(path: Path, language: str | None) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=language)


def _catalogue(language: str) -> Catalog:
    return _read(CATALOGUES / language / "LC_MESSAGES" / "cancelflow.po", language)


def _messages(catalogue: Catalog) -> Iterator[Message]:
    return (each for each in catalogue if each.id)


def _forms(text: str | tuple[str, ...] | list[str] | None) -> list[str]:
    return [text or ""] if isinstance(text, str | None) else list(text)


def _marks(text: str) -> list[str]:
    """Return the placeholders and the tags of a text."""
    return sorted(re.findall(r"%\(\w+\)s|%.?|</?\w+>", text))


def test_the_languages_of_the_issue_are_shipped() -> None:
    assert {"de", "en", "es", "fr"} <= TRANSLATIONS


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_translated(texts: Catalog, language: str) -> None:
    catalogue = _catalogue(language)
    assert {each.id for each in _messages(catalogue)} == {each.id for each in _messages(texts)}
    assert catalogue.obsolete == {}
    assert [each.id for each in _messages(catalogue) if each.fuzzy or not all(_forms(each.string))] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_has_the_placeholders_of_its_text(language: str) -> None:
    for each in _messages(_catalogue(language)):
        for form in _forms(each.string):
            assert _marks(form) in [_marks(text) for text in _forms(each.id)], form


def test_translations_follow_the_typography_of_their_language() -> None:
    written = {
        each: [form for message in _messages(_catalogue(each)) for form in _forms(message.string)] for each in LANGUAGES
    }
    for forms in written.values():
        assert [form for form in forms if re.search(r"[\"'`]|  |^\s|\s$", form)] == []
    # French sets high punctuation apart by a narrow no-break space.
    assert [form for form in written["fr"] if re.search(r"[^\u202f][;:!?»]|«[^\u202f]", form)] == []
    assert [form for form in written["es"] if form.count("?") != form.count("¿")] == []


class Bracketed(NullTranslations):
    """A catalogue that translates each text to itself in brackets."""

    def gettext(self, message: str) -> str:
        return f"⟦{message}⟧"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return f"⟦{msgid1 if n == 1 else msgid2}⟧"


def _unmarked(text: str) -> str:
    """Return the letters of a text that are neither in brackets nor in a value."""
    while (inner := re.sub(r"⟦[^⟦⟧]*⟧", "", text)) != text:
        text = inner
    return re.sub(r"January 26, 2026|https?://\S+|[\W\d_]", "", text)


def test_every_text_of_an_email_is_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(translations, "catalogue_of", lambda name: BRACKETED)
    names = set()
    for name, written in every_email("en"):
        names.add(name)
        email = written.email()
        for text in (email.subject, email.text, Page(email.html).text):
            assert _unmarked(text) == "", name
    assert len(names) == len(list(CATALOGUES.parent.glob("*/subject.txt")))


BRACKETED = Bracketed()
OPTIONS: list[tuple[str, dict[str, object]]] = [
    ("discount", {"preview": {"text": "4"}}),
    ("pause", {"weeks": 2, "access": True}),
    ("pause", {"months": 1, "access": False}),
    ("plan_change", {"plan_name": "5", "billed": "6"}),
    ("trial_extension", {}),
    ("contact", {}),
    ("redirect", {}),
]
OFFERS = [{"id": "1", "kind": kind, "description": "2", "text": "3", "options": [option]} for kind, option in OPTIONS]
STEP: dict[str, object] = {
    "reasons": [{"code": "1", "label": "2", "follow_up": "3"}],
    "offers": OFFERS,
    "filled": Filled(),
    "description": "4",
    "wrong": "5",
    "consequences": ["6"],
    "placeholder": "7",
}
CHOICE = Choice("phone", Wording("phone", 1, "", "6"), None, counts=False)
PAGES: list[tuple[str, dict[str, object]]] = [
    ("page.html", {"link": {"url": "https://example.com", "words": "1"}, "preferences": "https://example.com"}),
    ("button.html", {"button": Button("resume", "1"), "token": "1"}),
    ("feedback.html", {"token": "1", "reasons": [("other", "1")], "room": 2000, "wrong": None, "written": ""}),
    ("preferences.html", {"token": "1", "seen": 0, "saved": "2", "wrong": "3", "channels": [(CHOICE, "4", "5")]}),
    ("cancel_again.html", {"action": "cancel", "button": "1"}),
    ("cancel_choose.html", {"choices": [{"id": "1", "name": "2"}]}),
    ("cancel_in_effect.html", {"state": "paused"}),
    ("cancel_in_effect.html", {"state": "discounted"}),
    ("cancel_preview.html", {"calls": ["1"]}),
    ("cancel_preview.html", {"calls": []}),
    ("without_login_address.html", {"wrong": "1", "written": "2"}),
    ("without_login_code.html", {"code_id": "1"}),
    ("without_login_choose.html", {"code_id": "1", "code": "2", "choices": [{"id": "3", "plan": "4", "date": "5"}]}),
    *(("cancel_step.html", {"step": Step(kind), **STEP}) for kind in get_args(StepKind)),
]


def test_every_template_of_a_customers_page_is_checked() -> None:
    templates = {each.name for each in (ROOT / "deployments" / "http" / "pages" / "templates").glob("*.html")}
    for_others = {"api_reference.html", "start.html", "shop.html"}
    assert {name for name, _ in PAGES} | for_others | {"cancel.html", "without_login.html"} == templates


@pytest.mark.parametrize(("name", "its"), PAGES)
def test_every_text_of_a_pages_template_is_marked(name: str, its: dict[str, object]) -> None:
    context: dict[str, object] = {"title": "1", "texts": ["2"], "reference": "3", "company": "4", **its}
    page = render(name, 200, Language(Locale("en"), BRACKETED), **context)
    assert _unmarked(Page(bytes(page.body).decode()).text) == ""


# The modules that write texts for customers, and the functions that mark a text.
WORDING = [
    *modules("email_templates", "nodes.offers.wording", "nodes.messages.refusals", "nodes.sessions"),
    *modules(
        "deployments.http.pages", but=("deployments.http.pages.api_reference", "deployments.http.pages.start_page")
    ),
]
MARKS = {"_", "gettext", "ngettext", "translatable"}
LOGS = {"warning", "info", "error", "exception"}


def _called(part: ast.AST) -> str:
    function = part.func if isinstance(part, ast.Call) else None
    return getattr(function, "id", getattr(function, "attr", ""))


@pytest.mark.parametrize("name", WORDING)
def test_every_sentence_in_code_is_marked(name: str) -> None:
    module = MODULES[name]
    marked = {id(text) for call in module.calls if _called(call) in MARKS for text in ast.walk(call)}
    logged = {id(text) for call in module.calls if _called(call) in LOGS for text in ast.walk(call)}
    raised = {id(text) for part in ast.walk(module.tree) if isinstance(part, ast.Raise) for text in ast.walk(part)}
    keys = {id(part.slice) for part in ast.walk(module.tree) if isinstance(part, ast.Subscript)}
    classes = {part.name for part in ast.walk(module.tree) if isinstance(part, ast.ClassDef)}
    sentences = [
        part.value
        for part in module.constants
        if id(part) not in marked | logged | raised | keys
        and part.value not in classes
        and not str(part.value).startswith("POST /v1/")  # a call to Stripe, for the company's developers
        and re.search(r"[a-z] [a-z]|^[A-Z][a-z]+[.!?]?$", str(part.value))
    ]
    assert sentences == []


def test_a_missing_text_is_english(monkeypatch: pytest.MonkeyPatch) -> None:
    partial = compiled(
        b"""
        msgid "Your data"
        msgstr "Ihre Daten"

        msgid "Access until"
        msgstr ""

        #, fuzzy
        msgid "Give feedback"
        msgstr "Unchecked"

        msgid "%(price)s every month"
        msgid_plural "%(price)s every %(count)s months"
        msgstr[0] ""
        msgstr[1] "%(price)s alle %(count)s Monate"
        """,
        "de",
    )
    monkeypatch.setattr(translations, "catalogue_of", lambda name: partial)
    email = replace(USUAL, locale="de_DE").email()
    assert "IHRE DATEN" in email.text
    assert "Access until: " in email.text
    assert "Give feedback:" in email.text
    assert "Unchecked" not in email.text + email.html
    assert "is cancelled. It won't renew" in email.text
    prices = [per_interval("29", ("month", count), "de_DE") for count in (1, 3)]
    assert prices == ["29 every month", "29 alle 3 Monate"]


@pytest.mark.parametrize(
    ("locale", "date"),
    [("de_DE", "26. Januar 2026"), ("fr_FR", "26 janvier 2026"), ("es_ES", "26 de enero de 2026")],
)
def test_every_email_is_in_its_language_with_its_dates(locale: str, date: str) -> None:
    subjects = {each.email().subject for _, each in every_email("en_US")}
    for name, written in every_email(locale):
        email = written.email()
        assert email.subject not in subjects
        assert "January" not in email.subject + email.text + email.html
        assert date in email.text or "26" not in email.text, name
        if email.html:
            assert f'<html lang="{locale.replace("_", "-")}" dir="ltr"' in email.html
        # Some mail clients show a narrow no-break space as a box.
        assert "\u202f" not in email.subject + email.text + email.html
        assert max(len(line) for line in email.text.splitlines()) <= 78


def test_a_plain_text_email_is_wrapped_but_not_its_links() -> None:
    long = "https://billing.example.com/feedback?token=" + "a-b" * 40
    assert long in replace(USUAL, feedback_url=long).email().text.splitlines()


def test_the_direction_of_the_script_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    arabic = Language(Locale("ar"), NullTranslations())
    page = render("page.html", 200, arabic, title="1", texts=[])
    assert b'<html lang="ar" dir="rtl">' in page.body
    assert b'<html lang="en" dir="ltr">' in render("page.html", title="1", texts=[]).body
    monkeypatch.setattr(email_templates, "language_of", lambda locale: arabic)
    html = USUAL.email().html
    assert '<html lang="ar" dir="rtl"' in html
    assert "text-align: left" not in html


@pytest.mark.parametrize(
    ("header", "tag"),
    [
        ("de-AT,de;q=0.9,en;q=0.8", "de-AT"),
        ("it, fr;q=0.5, es;q=0.7", "es"),
        ("en-GB,de;q=0.9", "en-GB"),
        ("de;q=0, es;q=0.0, fr;q=0.1", "fr"),
        ("it-IT,ja", "en"),
        ("de;q=x", "de"),
        *((header, "en") for header in (None, "", "*", "*;q=0.5", ";;;", "q=1", "\x00", "-", "é" * 5000)),
    ],
)
def test_a_browsers_first_language_with_a_translation_is_chosen(header: str | None, tag: str) -> None:
    assert language_of(browser_locale(header)).tag == tag


def test_the_reasons_for_stripe_have_a_text() -> None:
    assert REASONS.keys() == set(STRIPE_FEEDBACK)


def test_every_channel_has_a_name() -> None:
    assert NAMES.keys() == set(CHANNELS)


@pytest.mark.parametrize("current", [None, "kept", "replaced"])
def test_an_offer_reads_in_english_as_the_api_describes_it(current: Fate | None) -> None:
    offers = [plan.offer for plan in read_catalog().plans.values() if plan.offer]
    assert {each for offer in offers for each in offer.entitlements} == ENTITLEMENTS.keys()
    for offer in offers:
        shown = replace(offer, current_discount=current)
        assert discount(shown.terms, CustomerLocale("en_US", "UTC"), current) == shown.description


@pytest.mark.parametrize(
    ("locale", "text"),
    [
        ("de_DE", "12,5\u00a0% Rabatt für 3 Monate und bevorzugter Support, anstelle"),
        ("fr_FR", "12,5\u00a0% de réduction pendant 3 mois et assistance prioritaire, à la place"),
        ("es_ES", "12,5\u00a0% de descuento durante 3 meses y asistencia prioritaria, en lugar"),
    ],
)
def test_an_offer_reads_in_the_customers_language(locale: str, text: str) -> None:
    terms = DiscountTerms("repeating", percent_off=12.5, months=3, entitlements=("priority_support",))
    assert discount(terms, CustomerLocale(locale, "UTC"), "replaced").startswith(text)


@pytest.mark.parametrize(
    ("message", "own", "shown"),
    [
        ("Change nothing", "Keep my 20% discount", "Keep my 20% discount"),
        ("Change nothing", "100%", "100%"),
        ("Change nothing", "100%%", "100%"),
        ("Change nothing", "Back on %(day)s", "Change nothing"),
        ("Ends on %(date)s", "Only 5% left, until %(date)s", "Only 5% left, until Friday"),
        ("Ends on %(date)s", "Ends on %(day)s", "Ends on Friday"),
        ("Ends on %(date)s", "Soon over", "Soon over"),
    ],
)
def test_a_companys_text_can_never_keep_a_page_from_being_shown(message: str, own: str, shown: str) -> None:
    language = language_of("en", ((message, own),))
    template = translate(Environment(autoescape=True), language.catalogue).from_string(
        "{{ _(message, date='Friday') }}"
    )

    assert template.render(message=message) == shown
    assert language.gettext(message, date="Friday") == shown
    assert language.translated("Change nothing") in (shown, "Change nothing")
