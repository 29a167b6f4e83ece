"""The script of calls: what `script check` refuses, and what is said to a customer (FEATURES A16, A18, A19)."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deployments.command_line import app
from nodes.clients.calls.script import DYNAMIC, NAMES, CallScriptInvalid, read_call_script
from nodes.clients.yaml_files import DEFAULTS
from nodes.rules.calls.script import SECTIONS, spoken
from nodes.rules.names import given_and_family
from tests.world import World

FIELDS = {"agentName": "Robin", "companyName": "Acme"}
DEFAULT = DEFAULTS.joinpath("call_script.jinja").read_text(encoding="utf-8")


def refused(folder: Path, text: str, fields: dict[str, str] = FIELDS) -> list[str]:
    """Return the reasons for which a script is refused, without the file's name."""
    file = folder / "script.jinja"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(CallScriptInvalid) as invalid:
        read_call_script(file, fields)
    first, *reasons = str(invalid.value).splitlines()
    assert first == "CALL_SCRIPT:"
    assert all(each.strip().startswith(f"{file}:") for each in reasons)
    return [each.strip().removeprefix(f"{file}:") for each in reasons]


def saying(section: str, line: str) -> tuple[str, int]:
    """Return the default script with a line at the start of a section, and the line's number."""
    text = DEFAULT.replace(f"## {section}\n", f"## {section}\n{line}\n")
    return text, text[: text.index(line)].count("\n") + 1


def test_the_default_script_may_be_used_once_its_placeholders_have_values() -> None:
    text = read_call_script(None, FIELDS).render(DYNAMIC)
    assert {line.section for line in spoken(text)} == set(SECTIONS)
    assert "{" not in text
    assert "Robin from Acme" in text


@pytest.mark.parametrize("names", NAMES)
def test_the_default_script_reads_well_whatever_name_is_known(names: dict[str, str]) -> None:
    text = read_call_script(None, FIELDS).render({**DYNAMIC, **names})
    assert [wrong for wrong in (" ,", " .", ", .", ",.", "  ") if wrong in text] == []
    assert ("Hello, this is Robin" in text) is (names.get("firstName") == "")


@pytest.mark.parametrize("name", ["lastName", "firstName"])
def test_what_is_said_only_to_a_customer_without_a_name_is_checked_too(tmp_path: Path, name: str) -> None:
    line = f"{{% if not {name} %}}I can save your account.{{% endif %}}"
    text, number = saying("closing", line)
    [wrong] = refused(tmp_path, text)
    assert wrong.startswith(f"{number}: 'save' must not be said")


def test_each_placeholder_without_a_value_is_named_with_its_line(tmp_path: Path) -> None:
    wrong = refused(tmp_path, DEFAULT, {"companyName": "Acme"})
    assert len(wrong) == 1
    number = DEFAULT[: DEFAULT.index("agentName")].count("\n") + 1
    assert re.match(rf"{number}: 'agentName' has no value: add agentName=… to CALL_SCRIPT_FIELDS", wrong[0])
    text, at = saying("access", "Call {{ supportNumber }} if {% if vip %}you{% endif %} like.")
    names = [re.match(rf"{at}: '(\w+)'", each) for each in refused(tmp_path, text)]
    assert [each[1] for each in names if each] == ["supportNumber", "vip"]


@pytest.mark.parametrize(
    ("section", "line", "reason"),
    [
        ("closing", " ".join(["word"] * 21) + ".", "the line has 21 words"),
        ("closing", "I can save your account.", "'save' must not be said"),
        ("opening", "I'm from the Retention team.", "'Retention' must not be said"),
        ("question", "Could we win you back? A win-back gift awaits.", "'win-back' must not be said"),
        ("question", "You are about to churn.", "'churn' must not be said"),
        ("opening", "There's a discount for you.", "'discount' may be said only after"),
        ("RELIABILITY", "We can give you 20% off.", "'% off' may be said only after"),
        ("voicemail", "Please call us back today.", "a voicemail must not ask for a call back"),
        ("voicemail", "Kindly return my call.", "a voicemail must not ask for a call back"),
        ("voicemail", "Please leave us a callback request.", "a voicemail must not ask for a call back"),
        ("voicemail", "Please call our office today.", "a voicemail must not ask for a call back"),
        ("voicemail", "You can call 555-0100 any time.", "a voicemail must not ask for a call back"),
        ("voicemail", "Call this number if you like.", "a voicemail must not ask for a call back"),
        ("voicemail", "Reach us by phone at 555-0100.", "a voicemail must not ask for a call back"),
        ("voicemail", "We are open, so call the office.", "a voicemail must not ask for a call back"),
        ("voicemail", "Give our office a quick call.", "a voicemail must not ask for a call back"),
        ("voicemail", "We'd like you to call our team.", "a voicemail must not ask for a call back"),
        ("voicemail", "This goes on and on. " * 4, None),
    ],
)
def test_what_must_not_be_said_is_refused_with_its_line(
    tmp_path: Path, section: str, line: str, reason: str | None
) -> None:
    text, number = saying(section, line)
    wrong = refused(tmp_path, text)
    if reason is None:
        assert len(wrong) == 1
        assert re.match(rf"{number}: the voicemail takes 2\d seconds; 20 are the most", wrong[0])
    else:
        assert [each.startswith(f"{number}: {reason}") for each in wrong] == [True], wrong


@pytest.mark.parametrize(
    "line",
    [
        "We will not call you again.",
        "We won't call this number again.",
        "You asked us to call this week.",
        "You agreed to a short call this week.",
        "You don't need to call our office.",
        "This is our only call.",
        "No callback is needed.",
        "We will give you a call tomorrow.",
        "We tried to reach you by phone.",
        "You can use everything until 30.09.2027.",
    ],
)
def test_a_voicemail_may_speak_of_calls_that_are_not_the_customers(tmp_path: Path, line: str) -> None:
    file = tmp_path / "script.jinja"
    closing = "If you'd like to tell us why, simply reply to our email. Goodbye."
    file.write_text(DEFAULT.replace(closing, line), encoding="utf-8")
    assert line in read_call_script(file, FIELDS).text


def test_twenty_words_and_a_price_that_the_customer_raised_may_be_said(tmp_path: Path) -> None:
    text, _ = saying("closing", " ".join(["word"] * 20) + ".")
    text = text.replace("## PRICING\n", "## PRICING\nYou could have a discount of 20% off.\n")
    file = tmp_path / "script.jinja"
    file.write_text(text.replace("## access\n", "## access\n> Never say save, churn or retention.\n"), encoding="utf-8")
    read_call_script(file, FIELDS)


def test_a_section_that_is_missing_or_unknown_is_named(tmp_path: Path) -> None:
    text = DEFAULT.replace("## disclosure", "## introduction")
    number = DEFAULT[: DEFAULT.index("I'm an AI")].count("\n") + 1
    missing, unknown = refused(tmp_path, text)
    assert missing == " the section 'disclosure' is missing or says nothing"
    assert unknown.startswith(f"{number}: 'introduction' is no section of a call: use one of opening, disclosure")


def test_an_agent_that_does_not_say_that_it_is_an_ai_is_refused(tmp_path: Path) -> None:
    text = DEFAULT.replace("I'm an AI assistant, and this", "This")
    assert refused(tmp_path, text) == [" the section 'disclosure' must say that an AI is speaking"]


@pytest.mark.parametrize("broken", ["{{ firstName", "{% if firstName %}", "{{ firstName.__class__.__mro__ }}"])
def test_a_template_that_is_broken_or_reaches_beyond_its_values_is_refused(tmp_path: Path, broken: str) -> None:
    assert len(refused(tmp_path, DEFAULT + broken)) == 1


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Exception, match=r"CALL_SCRIPT: .*gone"):
        read_call_script(tmp_path / "gone", FIELDS)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("Ada Lovelace", ("Ada", "Lovelace")),
        ("Cher", ("Cher", "")),
        (None, ("", "")),
        (" Ana  de la O ", ("Ana", "de la O")),
    ],
)
def test_a_name_is_the_first_word_and_the_rest(name: str | None, parts: tuple[str, str]) -> None:
    assert given_and_family(name) == parts


def test_the_commands_check_the_script_and_show_it_to_a_customer(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    run = CliRunner().invoke
    person = world.person("professional")
    monkeypatch.setenv("CALL_SCRIPT_FIELDS", "agentName=Robin,companyName=Acme")
    assert run(app, ["script", "check"]).output == "the script may be used for calls\n"
    nobody = run(app, ["script", "show", person.user_id])
    assert "has no cancellation that stands" in str(nobody.exception)
    assert world.cancel(person).status_code == 200

    shown = run(app, ["script", "show", person.user_id])

    assert shown.exit_code == 0, shown.exception
    kept = world.row("SELECT run_at FROM data_retention_jobs WHERE user_id = %s", person.user_id)["run_at"]
    name = world.row("SELECT name FROM users WHERE id = %s", person.user_id)["name"]
    assert f"Hello {name.split()[0]}, this is Robin from Acme." in shown.output
    assert f"We keep your data until {kept:%B} {kept.day}, {kept.year}" in shown.output
