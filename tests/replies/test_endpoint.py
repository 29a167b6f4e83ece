"""The OpenAI-compatible endpoint, against a real server that may be slow, down or talkative."""

import asyncio

import pytest

from nodes.clients.categories.categorizer import categorizer
from nodes.clients.categories.endpoint import ModelEndpoint
from nodes.clients.categories.result import Categorized
from nodes.errors import CategoryFailed, SettingsInvalid
from nodes.settings import ReplySettings, load
from tests.ports import free_port
from tests.replies.model import GOOD, serving


def asked(
    url: str, text: str = "Too dear", *, seconds: float = 10.0, names: tuple[str, ...] = ()
) -> Categorized | None:
    async def work() -> Categorized | None:
        given = {"reply_model_url": url, "reply_model_name": "small", "reply_model_key": "k-123"}
        endpoint = ModelEndpoint(ReplySettings.model_validate(given), seconds=seconds, pause=0.01)
        try:
            return await endpoint.categorize(text, names=names)
        finally:
            await endpoint.close()

    return asyncio.run(work())


def test_the_endpoint_gets_the_text_without_names_and_numbers() -> None:
    with serving() as model:
        assert asked(model.url, "Jo here, 49 dollars is too much, call 0171 555", names=("Jo",)) == Categorized(
            "too_expensive", 0.9
        )
    [(path, key, body)] = model.got
    assert (path, key, body["model"], body["temperature"]) == ("/v1/chat/completions", "Bearer k-123", "small", 0)
    assert [each["role"] for each in body["messages"]] == ["system", "user"]
    assert body["messages"][1]["content"] == "[name] here, [number] dollars is too much, call [number]"


@pytest.mark.parametrize("says", [GOOD, f"```json\n{GOOD}\n```", f"\n{GOOD} ", GOOD.replace("0.9", "1")])
def test_the_eight_categories_are_accepted(says: str) -> None:
    with serving() as model:
        model.says = says
        found = asked(model.url)
    assert found is not None and found.category == "too_expensive"


@pytest.mark.parametrize(
    "says",
    [
        "",
        "too_expensive",
        "The category is too_expensive.",
        '{"category": "price", "confidence": 0.9}',
        '{"category": "too_expensive"}',
        '{"category": "too_expensive", "confidence": "high"}',
        '{"category": "too_expensive", "confidence": 1.5}',
        '{"category": "too_expensive", "confidence": -0.1}',
        '{"category": "too_expensive", "confidence": NaN}',
        '{"category": "too_expensive", "confidence": true}',
        '{"category": ["too_expensive"], "confidence": 0.9}',
        '{"category": "too_expensive", "confidence": 0.9, "refund": "yes"}',
        '{"category": "prefer_not_to_say", "confidence": 0.9}',
        "[]",
        "null",
        "[" * 100_000,
    ],
)
def test_any_other_response_is_no_category(says: str) -> None:
    with serving() as model:
        model.says = says
        assert asked(model.url) is None


@pytest.mark.parametrize(
    "raw", [b"", b"no json", b"{}", b'{"choices": []}', b'{"choices": [{"message": {"content": 1}}]}']
)
def test_a_body_of_another_shape_is_no_category(raw: bytes) -> None:
    with serving() as model:
        model.raw = raw
        assert asked(model.url) is None


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_passing_failure_is_retried_once(status: int) -> None:
    with serving() as model:
        model.statuses, model.headers = [status], {"retry-after": "0"}
        assert asked(model.url) == Categorized("too_expensive", 0.9)
        assert len(model.got) == 2
        model.statuses = [status, status]
        with pytest.raises(CategoryFailed, match=f"responded {status}"):
            asked(model.url)
        assert len(model.got) == 4


@pytest.mark.parametrize("status", [302, 400, 401, 404])
def test_a_refusal_is_not_retried(status: int) -> None:
    with serving() as model:
        model.statuses = [status]
        with pytest.raises(CategoryFailed, match=f"responded {status}"):
            asked(model.url)
    assert len(model.got) == 1


def test_an_endpoint_that_is_down_or_slow_is_a_failure_that_names_no_address() -> None:
    with pytest.raises(CategoryFailed, match="could not be reached"):
        asked(f"http://127.0.0.1:{free_port()}/v1")
    with serving() as model:
        model.hang()
        with pytest.raises(CategoryFailed, match="in time") as failed:
            asked(model.url, seconds=0.2)
    assert "127.0.0.1" not in str(failed.value)


def test_the_endpoint_is_used_where_it_is_set() -> None:
    given = {"reply_model_url": "https://models.example.com/v1", "reply_model_name": "small"}
    assert isinstance(categorizer(ReplySettings.model_validate(given)), ModelEndpoint)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"REPLY_MODEL_URL": "https://models.example.com/v1"}, "REPLY_MODEL_NAME is not set"),
        (
            {"REPLY_MODEL_URL": "http://models.example.com/v1", "REPLY_MODEL_NAME": "small"},
            "REPLY_MODEL_URL must begin",
        ),
        ({"REPLY_MIN_CONFIDENCE": "60"}, "REPLY_MIN_CONFIDENCE is wrong"),
    ],
)
def test_settings_that_can_not_be_used_are_refused(
    given: dict[str, str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsInvalid, match=says):
        load(ReplySettings)
