"""Who may ask: any well-formed test key, and nobody else."""

import pytest
import stripe

from .process import Simulator


def test_no_key(simulator: Simulator) -> None:
    answer = simulator.http.get("/v1/balance")
    assert answer.status_code == 401
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert answer.json()["error"]["message"].startswith("You did not provide an API key.")


@pytest.mark.parametrize("key", ["sk_live_0123456789abcdef", "pk_test_0123456789abcdef", "nonsense", "sk_test_"])
def test_a_key_of_another_form(simulator: Simulator, key: str) -> None:
    with pytest.raises(stripe.AuthenticationError, match="Invalid API Key provided") as caught:
        simulator.connect(key).v1.balance.retrieve()
    assert caught.value.http_status == 401


def test_the_masked_key_keeps_its_ends(simulator: Simulator) -> None:
    with pytest.raises(stripe.AuthenticationError, match=r"sk_live_\*{12}cdef"):
        simulator.connect("sk_live_0123456789abcdef").v1.balance.retrieve()


@pytest.mark.parametrize("key", ["sk_test_1", "rk_test_abc123"])
def test_any_test_key_is_welcome(simulator: Simulator, key: str) -> None:
    assert simulator.connect(key).v1.balance.retrieve().livemode is False


def test_basic_authentication(simulator: Simulator) -> None:
    assert simulator.http.get("/v1/balance", auth=("sk_test_1", "")).status_code == 200


def test_the_record_never_holds_the_key(simulator: Simulator) -> None:
    simulator.connect("sk_test_mysecretkey").v1.balance.retrieve()
    assert simulator.requests(path="/v1/balance")
    assert "mysecretkey" not in simulator.http.get("/_simulator/requests").text
