"""Blueprints: the default set, a company's own, the choice between them, and error messages for invalid ones."""

import json
import re
from pathlib import Path

import pytest

from nodes.clients.blueprints.checks import Known
from nodes.clients.blueprints.loader import BlueprintsInvalid, files_in, read_blueprints
from nodes.clients.yaml_files import DEFAULTS, FileUnreadable
from nodes.rules.blueprints.blueprint import Blueprint, Reason, Step
from nodes.rules.blueprints.facts import Attribute, Facts, Ignored
from nodes.rules.blueprints.screens import offers_for
from nodes.rules.reasons import STRIPE_FEEDBACK

REASON = "{code: price, meaning: It costs too much., label: Price, stripe: too_expensive}"
PLAIN = "steps:\n  - confirm:\n"

OURS = {
    "attributes.yaml": """
videosCreated: {type: number}
tier: {type: string, default: free}
since: {type: date, default: 2026-01-01}
""",
    "10-creators.yaml": """
audience: |
  attributes.videosCreated > 20 &&
  plan == 'team'
steps:
  - offer:
      title: {en: Stay, de: Bleiben}
      description: You made **{videosCreated}** videos.
      fallback: {en: Your videos stay., de: Ihre Videos bleiben.}
      offers: [half-price, pause]
  - survey:
      required: true
      reasons:
        - code: price
          meaning: It costs too much.
          label: {en: Price, de: Preis}
          stripe: too_expensive
          follow_up: What would you pay?
          offers: [discount]
        - {code: gone, meaning: They left., label: Left, stripe: other, offers: []}
        - {code: any, meaning: Anything else., label: Else, stripe: other}
""",
    "50-free.yaml": "audience: attributes.tier == 'free' && country == 'DE'\nsteps:\n  - feedback: {required: true, min_length: 20, placeholder: Tell us}\n",  # noqa: E501
    "default.yaml": PLAIN,
}


def wrong(files: dict[str, str], **against: object) -> str:
    with pytest.raises(BlueprintsInvalid) as refused:
        read_blueprints(files, **against)  # type: ignore[arg-type]
    return str(refused.value)


def test_a_set_is_read_with_everything_in_it() -> None:
    found = read_blueprints(OURS, 3, offers={"half-price"})
    assert (found.version, found.files) == (3, OURS)
    assert [each.name for each in found.blueprints] == ["10-creators", "50-free", "default"]
    assert found.attributes["tier"] == Attribute("string", "free")
    offer, survey = found.blueprints[0].steps
    assert offer == Step(
        "offer",
        title={"en": "Stay", "de": "Bleiben"},
        description={"": "You made **{videosCreated}** videos."},
        fallback={"en": "Your videos stay.", "de": "Ihre Videos bleiben."},
        offers=("half-price", "pause"),
    )
    assert (survey.kind, survey.required) == ("survey", True)
    assert survey.reasons == (
        Reason(
            "price",
            "It costs too much.",
            {"en": "Price", "de": "Preis"},
            "too_expensive",
            follow_up={"": "What would you pay?"},
            offers=("discount",),
        ),
        Reason("gone", "They left.", {"": "Left"}, "other", offers=()),
        Reason("any", "Anything else.", {"": "Else"}, "other"),
    )
    assert found.blueprint("50-free") == Blueprint(
        "50-free",
        (Step("feedback", required=True, min_length=20, placeholder={"": "Tell us"}),),
        "attributes.tier == 'free' && country == 'DE'",
    )
    assert found.blueprint("default") == Blueprint("default", (Step("confirm"),))
    assert set(found.reasons) == {"price", "gone", "any"}


@pytest.mark.parametrize(
    ("facts", "name", "known", "ignored"),
    [
        (Facts(plan="team", attributes={"videosCreated": 28}), "10-creators", {"videosCreated": 28.0}, []),
        (
            Facts(plan="team", country="DE", subscription_metadata={"videosCreated": "30"}),
            "10-creators",
            {"videosCreated": 30.0},
            [],
        ),
        (Facts(plan="team", country="DE", attributes={"videosCreated": 5}), "50-free", {"videosCreated": 5.0}, []),
        (Facts(plan="solo", country="DE"), "50-free", {}, []),
        (Facts(plan="team", country="DE"), "50-free", {}, ["10-creators: its audience can't be evaluated"]),
        (Facts(plan="solo", attributes={"tier": "gold"}, country="DE"), "default", {"tier": "gold"}, []),
        (
            Facts(plan="team", attributes={"videosCreated": "28", "email": "jo@example.com"}),
            "default",
            {},
            [
                "email: it is not declared",
                "videosCreated: it is not a number",
                "10-creators: its audience can't be evaluated",
            ],
        ),
    ],
)
def test_the_first_audience_that_matches_wins(
    facts: Facts, name: str, known: dict[str, object], ignored: list[str]
) -> None:
    choice = read_blueprints(OURS).choose(facts)
    assert (choice.blueprint.name, choice.attributes) == (name, known)
    assert [f"{each.name}: {each.why}" for each in choice.ignored] == ignored
    assert not any(isinstance(each, Ignored) and "jo@" in repr(each) for each in choice.ignored)


def test_the_blueprint_for_everyone_is_tried_last_whatever_its_name() -> None:
    files = {"a.yaml": PLAIN, "z.yaml": f"audience: country == 'DE'\n{PLAIN}"}
    found = read_blueprints(files)
    assert found.choose(Facts(country="DE")).blueprint.name == "z"
    assert found.choose(Facts(country="FR")).blueprint.name == "a"


def survey(*reasons: str) -> str:
    """Return a blueprint whose first reason is on line 4."""
    return "steps:\n  - survey:\n      reasons:\n" + "".join(f"      - {each}\n" for each in reasons)


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ("steps: []\n", 1, "steps: [] should be non-empty"),
        ("", 1, "None is not of type 'object'"),
        ("audience: x\n", 1, "'steps' is a required property"),
        ("steps:\n  - confirm: {}\n    survey: {}\n", 2, "too many properties"),
        ("steps:\n  - confrim: {}\n", 2, "steps.0 has no 'confrim'; expected: offer, survey, feedback, confirm"),
        ("steps:\n  - confirm:\n      titel: x\n", 3, "steps.0.confirm has no 'titel'; expected: title, description"),
        ("steps:\n  - survey:\n      title: x\n", 2, "'reasons' is a required property"),
        ("steps:\n  - feedback:\n      min_length: 9000\n", 3, "9000 is greater than the maximum"),
        ("steps: [\n", 2, "this is not YAML"),
        ("steps:\n  - confirm: {title: {en: '\x01'}}\n", 1, "this is not YAML (ReaderError)"),
        (survey("{code: Price, meaning: x, label: x, stripe: other}"), 4, "'Price' does not match"),
        (survey("{code: prefer_not_to_say, meaning: x, label: x, stripe: other}"), 4, "'prefer_not_to_say'"),
        (survey("{code: x, meaning: x, label: x, stripe: price}"), 4, "'price' is not one of ['customer_service'"),
        (
            survey("{code: x, meaning: x, label: x, stripe: other, feedback_option: Too far}"),
            4,
            "steps.0.survey.reasons.0.feedback_option: 'Too far' does not match",
        ),
        (survey("{code: x, label: x, stripe: other}"), 4, "'meaning' is a required property"),
        (survey("{code: x, meaning: x, stripe: other}"), 4, "'label' is a required property"),
        (survey(REASON, REASON), 5, "there are two reasons with the code price"),
        (
            survey("{code: x, meaning: x, label: x, stripe: other, offers: [discuont]}"),
            4,
            "the catalogue has no offer discuont",
        ),
        (
            survey("{code: x, meaning: x, label: 'Only {tier}', stripe: other}"),
            4,
            "{tier}: only the description of an offer",
        ),
        (
            "steps:\n  - offer:\n      offers:\n      - pause\n      - half-prize\n",
            5,
            "the catalogue has no offer half-prize",
        ),
        ("steps:\n  - offer: {}\n  - offer: {}\n  - offer: {}\n", 4, "there can't be 3 offer steps"),
        ("steps:\n  - confirm:\n  - confirm:\n", 3, "there can't be 2 confirm steps"),
        (
            "steps:\n  - offer:\n      title: Hi {tier}\n",
            3,
            "{tier}: only the description of an offer can have figures",
        ),
        ("steps:\n  - offer:\n      description: '{tier}'\n", 3, "{tier}: it needs a fallback"),
        (
            "steps:\n  - offer:\n      fallback: x\n      description: {en: 'a {b}'}\n",
            4,
            "{b}: attributes.yaml must declare it",
        ),
        (
            "steps:\n  - offer:\n      fallback: x\n      description: '{beta}'\n",
            4,
            "{beta}: attributes.yaml must declare it",
        ),
        (
            "steps:\n  - offer:\n      fallback: '{tier}'\n      description: '{tier}'\n",
            3,
            "{tier}: only the description",
        ),
        ("steps:\n  - confirm:\n      description: '{tier}'\n", 3, "{tier}: only the description of an offer"),
    ],
)
def test_an_error_names_the_file_and_line(tmp_path: Path, text: str, line: int, expected: str) -> None:
    attributes = "tier: {type: string}\nbeta: {type: boolean}\n"
    files = {"attributes.yaml": attributes, "default.yaml": text}
    said = wrong(files, folder=tmp_path, offers={"half-price"})
    assert f"{tmp_path}/default.yaml:{line}: " in said
    assert expected in said


@pytest.mark.parametrize(
    ("audience", "line", "expected"),
    [
        ("audience: contry == 'DE'", 1, "audience: undeclared reference to 'contry' (column 1)"),
        ("audience: tenure", 1, "audience: it is of type int, not bool"),
        ("audience: |\n  country == 'DE' &&\n  plan = 'x'", 3, "audience: Syntax error"),
        ("audience: >\n  country ==\n  7", 2, "no matching overload for '_==_' applied to '(string, int)'"),
        ("audience: [a]", 1, "is not of type 'string'"),
    ],
)
def test_an_audience_is_checked_where_it_stands(audience: str, line: int, expected: str) -> None:
    said = wrong({"default.yaml": PLAIN, "ours.yaml": f"{audience}\n{PLAIN}"})
    assert f"ours.yaml:{line}: " in said
    assert expected in said


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ("a-b: {type: number}\n", 1, "'a-b' does not match"),
        ("a: {type: numbr}\n", 1, "'numbr' is not one of ['number'"),
        ("a:\n  type: number\n  default: '3'\n", 3, "a: the default is not a number"),
        ("a: {type: date, default: soon}\n", 1, "a: the default is not a date"),
        ("a: {default: 3}\n", 1, "'type' is a required property"),
    ],
)
def test_attributes_are_checked(text: str, line: int, expected: str) -> None:
    said = wrong({"default.yaml": PLAIN, "attributes.yaml": text})
    assert f"attributes.yaml:{line}: " in said
    assert expected in said


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, "The set has no blueprint: add one, such as default.yaml"),
        ({"attributes.yaml": "a: {type: number}\n"}, "has no blueprint"),
        (
            {"a.yaml": PLAIN, "b.yaml": PLAIN},
            "b.yaml:1: it is for everyone, as a.yaml is: give one of them an audience",
        ),
        ({"a.yaml": "steps: [confirm: ]\naudience: tenure > 1\n"}, "a.yaml:2: one blueprint must have no audience"),
        ({"Default.yaml": PLAIN}, "Default.yaml:1: name the file with a-z"),
        ({"default.yml": PLAIN}, "default.yml:1: name the file with a-z"),
    ],
)
def test_a_set_that_is_incomplete_is_refused(files: dict[str, str], expected: str) -> None:
    assert expected in wrong(files)


def test_all_errors_of_all_files_are_reported_together() -> None:
    bad = "steps:\n  - offer: {title: '{a}'}\n  - confirm: {description: '{b}'}\n"
    said = wrong({"default.yaml": bad, "other.yaml": f"audience: tenure\n{bad}"})
    assert [line.strip().rsplit(":", 1)[0] for line in said.splitlines()[1:]] == [
        "default.yaml:2: {a}",
        "default.yaml:3: {b}",
        "other.yaml:1: audience",
        "other.yaml:3: {a}",
        "other.yaml:4: {b}",
    ]


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (REASON, None),
        (REASON.replace("label: Price", "label: {en: Cost, de: Preis}, offers: [pause]"), None),
        (REASON.replace("costs", "is worth"), 'price has another meaning in version 2, "It costs too much."'),
        (REASON.replace("too_expensive", "other"), 'price has another stripe in version 2, "too_expensive"'),
        (REASON.replace("price", "cost").replace("costs", "is worth"), None),
    ],
)
def test_a_code_keeps_its_meaning_and_a_label_may_change(reason: str, expected: str | None) -> None:
    known = {"price": Known("It costs too much.", "too_expensive", "in version 2")}
    if expected is None:
        assert read_blueprints({"default.yaml": survey(reason)}, known=known).reasons
    else:
        assert f"default.yaml:4: {expected}: keep it, or use another code" in wrong(
            {"default.yaml": survey(reason)}, known=known
        )


@pytest.mark.parametrize(
    ("code", "option", "expected"),
    [
        ("price", "fo_price", None),
        ("other", "fo_new", None),
        ("price", "fo_new", "price has the feedback option fo_price: keep it, leave it out, or use another code"),
        ("other", "fo_price", "fo_price is the feedback option of price: create another one in Stripe for other"),
    ],
)
def test_a_feedback_option_belongs_to_one_code_forever(code: str, option: str, expected: str | None) -> None:
    reason = REASON.replace("code: price", f"code: {code}").replace("}", f", feedback_option: {option}}}")
    known = {
        "price": Known("It costs too much.", "too_expensive", "in version 2", "fo_price"),
        "other": Known("It costs too much.", "too_expensive", "in version 2"),
    }
    for files in ({"default.yaml": survey(reason)}, {"default.yaml": survey(reason, REASON.replace("price", "free"))}):
        if expected is None:
            assert read_blueprints(files, known=known).reasons[code].feedback_option == option
        else:
            assert f"default.yaml:4: {expected}" in wrong(files, known=known)


def test_a_code_means_the_same_in_all_blueprints() -> None:
    other = f"audience: tenure > 1\n{survey(REASON.replace('costs', 'is worth'))}"
    said = wrong({"a.yaml": survey(REASON), "b.yaml": other})
    assert 'b.yaml:5: price has another meaning in a.yaml, "It costs too much."' in said


def test_only_yaml_files_of_a_folder_are_read(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.yml", "README.md"):
        (tmp_path / name).write_text(name, encoding="utf-8")
    assert files_in(tmp_path) == {"a.yml": "a.yml", "b.yaml": "b.yaml"}
    (tmp_path / "c.yaml").mkdir()
    with pytest.raises(FileUnreadable, match=r"BLUEPRINTS: .*c\.yaml cannot be read \(IsADirectoryError\)"):
        files_in(tmp_path)


# The default set

DEFAULT = read_blueprints(files_in())
KINDS = {each: each for each in ("discount", "pause", "plan_change", "trial_extension", "contact", "redirect")}


def test_the_default_asks_offers_and_confirms_without_requiring_anything() -> None:
    [blueprint] = DEFAULT.blueprints
    assert [step.kind for step in blueprint.steps] == ["survey", "offer", "confirm"]
    assert not any(step.required for step in blueprint.steps)
    assert {each.code: each.stripe for each in DEFAULT.reasons.values()} == {code: code for code in STRIPE_FEEDBACK}


def test_the_default_is_complete_in_four_languages() -> None:
    texts = [
        text
        for step in DEFAULT.blueprints[0].steps
        for holder in (step, *step.reasons)
        for name in ("title", "description", "label", "follow_up")
        if (text := getattr(holder, name, None))
    ]
    assert len(texts) >= 15
    assert {tuple(text) for text in texts} == {("en", "de", "fr", "es")}


@pytest.mark.parametrize(
    ("code", "offers"),
    [
        ("too_expensive", ("discount", "plan_change")),
        ("unused", ("pause", "trial_extension", "plan_change")),
        ("low_quality", ("contact",)),
        ("customer_service", ("contact",)),
        ("switched_service", ()),
    ],
)
def test_the_defaults_reasons_lead_to_what_fits_them(code: str, offers: tuple[str, ...]) -> None:
    [_, offer, _] = DEFAULT.blueprints[0].steps
    assert offers_for(offer, DEFAULT.reasons[code], KINDS, []) == offers


@pytest.mark.parametrize("name", ["blueprint.schema.json", "attributes.schema.json"])
def test_the_schemas_are_published_beside_the_default(name: str) -> None:
    schema = json.loads(DEFAULTS.joinpath("blueprints", name).read_text(encoding="utf-8"))
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_the_documentations_examples_are_valid() -> None:
    page = DEFAULTS.joinpath("blueprints", "README.md").read_text(encoding="utf-8")
    ours, attributes = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    files = {"ours.yaml": ours, "attributes.yaml": attributes, "default.yaml": PLAIN}
    found = read_blueprints(files, offers={"half-price"})
    assert [step.kind for step in found.blueprints[0].steps] == ["survey", "offer", "feedback", "confirm"]
    assert found.choose(Facts(plan="team", attributes={"videosCreated": 28})).blueprint.name == "ours"
