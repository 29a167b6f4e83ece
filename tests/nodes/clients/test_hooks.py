"""The sender of webhooks, against real receivers."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from nodes.clients.hooks import HookResponse, Hooks, Receiver, signed
from nodes.errors import HookFailed
from tests.hook_receiver import SECRET, receiving
from tests.nodes.clients.smtp_servers import black_hole, self_signed
from tests.ports import free_port

pytestmark = pytest.mark.slow

EVENT: dict[str, Any] = {"type": "request.needs_attention", "timestamp": "2026-01-26T00:00:00Z", "data": {"id": "1 é"}}


def send(url: str, hook_id: str = "hook-1", timeout: float = 5.0) -> None:
    async def work() -> None:
        hooks = Hooks(timeout=timeout)
        try:
            await hooks.send(EVENT, Receiver(url, SecretStr(SECRET)), hook_id=hook_id)
        finally:
            await hooks.close()

    asyncio.run(work())


def test_the_signature_is_that_of_the_specifications_example() -> None:
    secret = SecretStr("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = signed(b'{"test": 2432232314}', secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330)
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_a_receiver_gets_the_event_with_its_id_and_a_valid_signature() -> None:
    with receiving() as receiver:
        send(receiver.url)
    [got] = receiver.accepted
    assert (got.id, got.body, got.valid) == ("hook-1", EVENT, True)


def test_a_receivers_certificate_is_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate, context = self_signed(tmp_path)
    with receiving(context) as receiver:
        with pytest.raises(HookFailed, match="could not be reached"):
            send(receiver.url)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        send(receiver.url)
    assert len(receiver.accepted) == 1


@pytest.mark.parametrize("status", [302, 400, 410, 503])
def test_any_response_but_success_is_a_failure(status: int) -> None:
    with receiving() as receiver:
        receiver.status = status
        with pytest.raises(HookFailed, match=f"responded {status}"):
            send(receiver.url)
    assert len(receiver.refused) == 1


def test_an_address_with_a_mistake_is_a_failure() -> None:
    with pytest.raises(HookFailed, match="could not be reached"):
        send("https://hooks.example.com:8O80/")


def test_a_receiver_that_is_down_or_never_responds_is_a_failure() -> None:
    with pytest.raises(HookFailed, match="could not be reached"):
        send(f"http://127.0.0.1:{free_port()}/hooks")
    with black_hole() as port, pytest.raises(HookFailed, match="in time") as failed:
        send(f"http://127.0.0.1:{port}/hooks", timeout=0.2)
    assert "127.0.0.1" not in str(failed.value)


def asked(receiver_status: int, content: Any) -> HookResponse:
    async def work(url: str) -> HookResponse:
        hooks = Hooks()
        try:
            return await hooks.ask(EVENT, Receiver(url, SecretStr(SECRET)), hook_id="hook-1")
        finally:
            await hooks.close()

    with receiving() as receiver:
        receiver.status, receiver.content = receiver_status, content
        return asyncio.run(work(receiver.url))


@pytest.mark.parametrize(
    ("status", "content"), [(200, {"message": "é"}), (204, None), (422, {"message": "no"}), (302, [1]), (503, "x")]
)
def test_a_response_is_returned_whatever_it_is(status: int, content: Any) -> None:
    assert asked(status, content) == HookResponse(status, content if status != 204 else None)


def test_a_long_response_is_not_read_to_its_end() -> None:
    assert asked(200, {"message": "x" * 1_000_000}) == HookResponse(200, None)
