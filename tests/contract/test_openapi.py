"""The OpenAPI document against the running trigger: schemathesis makes valid and invalid calls."""

import re
from collections.abc import Callable
from itertools import count
from typing import Any, get_args

import pytest
import schemathesis
from hypothesis import Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import CheckFunction
from schemathesis.hooks import HookContext
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import negative_data_rejection

from nodes.rules.consents import Source
from nodes.rules.user_ids import is_user_id
from tests.world import Person, World

pytestmark = pytest.mark.slow

LONGEST_KEY = 255
RESPONSE_SECONDS = 60.0  # far above the promised time
WITH_INPUT = (
    "POST /cancel-subscription",
    "GET /cancellation-requests/{request_id}",
    "GET /offers",
    "POST /offers/{offer_id}/accept",
    "POST /bookings",
    "POST /resume-subscription",
    "GET /changes/{request_id}",
    "GET /retention-offer",
    "GET /cancellation-preview",
    "GET /subscription",
    "POST /reactivate-subscription",
    "GET /reactivations/{request_id}",
    "POST /consents",
)
WITHOUT_INPUT = ("GET /healthz", "GET /readyz", "GET /consents")
# The members that only an acceptance of a published wording has, with their valid values.
OF_AN_ACCEPTANCE: dict[str, Callable[[object], bool]] = {
    "wording_version": lambda given: given is None or (type(given) in (int, float) and 1 <= float(str(given)) < 2**31),
    "language": lambda given: given is None or (isinstance(given, str) and len(given) <= 35 and "\0" not in given),
    "source": lambda given: given is None or given in get_args(Source),
}


def _is_id(given: object) -> bool:
    return isinstance(given, str) and re.fullmatch(r"[A-Za-z0-9_]{1,255}", given) is not None


def _revoking(body: dict[str, Any]) -> dict[str, Any]:
    """Return a consent as a revocation: which wordings can be accepted is beyond a schema, and has its own tests."""
    needless = [name for name, valid in OF_AN_ACCEPTANCE.items() if name in body and valid(body[name])]
    found = {name: value for name, value in body.items() if name not in needless}
    return found | {"accepted": False} if found.get("accepted") is True else found


@pytest.fixture(scope="module")
def customer(world: World) -> Person:
    """Return the customer for whom every call is made."""
    return world.person("professional")


@pytest.fixture(scope="module")
def document(world: World, customer: Person) -> BaseSchema:
    schema = schemathesis.openapi.from_url(f"{world.addresses['http']}/openapi.json")

    @schema.hook
    def map_body(context: HookContext, body: object) -> object:
        # Another user's id is rejected first, and so is a cancellation without a reason: both rules are beyond a schema
        # and have their own tests.
        if isinstance(body, dict) and isinstance(given := body.get("user_id"), str) and is_user_id(given):
            body["user_id"] = customer.user_id
            cancels = context.operation is not None and context.operation.path == "/cancel-subscription"
            if cancels and body.get("accept_offer") is not True and body.get("reason", "") in ("", None):
                body["reason"] = "other"
        # Either of the two may be given, which is also beyond a schema.
        if isinstance(body, dict) and body.get("every_subscription") is True and _is_id(body.get("subscription_id")):
            del body["subscription_id"]
        # A time in the first or the last year has no time in every zone, which is beyond a schema, too.
        if isinstance(body, dict) and str(body.get("as_of"))[:4] in ("0001", "9999"):
            del body["as_of"]
        if isinstance(body, dict) and context.operation is not None and context.operation.path == "/consents":
            return _revoking(body)
        return body

    used = count()

    @schema.hook
    def map_headers(_: HookContext, headers: Any) -> Any:
        # A key used with another body is rejected; that rule is beyond a schema, too.
        if headers and isinstance(key := headers.get("idempotency-key"), str) and 0 < len(key) <= LONGEST_KEY:
            headers["idempotency-key"] = f"{key[:200]}-{next(used)}"
        return headers

    return schema


def call_all(
    world: World,
    document: BaseSchema,
    customer: Person,
    operation: str,
    mode: GenerationMode,
    without: tuple[CheckFunction, ...] = (),
) -> set[int]:
    """Return every response status."""
    method, path = operation.split()
    statuses = set()

    @given(case=document[path][method].as_strategy(generation_mode=mode))
    @settings(max_examples=20, phases=[Phase.generate])
    def call(case: Case[Any]) -> None:
        # The test makes more calls than the limit for one customer.
        world.admin.execute("DELETE FROM attempts WHERE user_id = %s", [customer.user_id])
        response = case.call_and_validate(
            headers=customer.headers, excluded_checks=list(without), timeout=RESPONSE_SECONDS
        )
        statuses.add(response.status_code)

    call()
    return statuses


@pytest.mark.parametrize("operation", (*WITH_INPUT, *WITHOUT_INPUT))
def test_a_valid_call_gets_a_documented_response(
    world: World, document: BaseSchema, customer: Person, operation: str
) -> None:
    statuses = call_all(world, document, customer, operation, GenerationMode.POSITIVE)
    assert statuses <= {200, 202, 404, 409}


@pytest.mark.parametrize("operation", WITH_INPUT)
def test_an_invalid_call_gets_a_documented_refusal(
    world: World, document: BaseSchema, customer: Person, operation: str
) -> None:
    # Unknown query parameters are ignored, as usual; unknown members of the body are not.
    passed_over = (negative_data_rejection,) if operation.startswith("GET") else ()
    statuses = call_all(world, document, customer, operation, GenerationMode.NEGATIVE, without=passed_over)
    assert 400 in statuses
    assert max(statuses) < 500


def test_every_operation_is_called(document: BaseSchema) -> None:
    assert document.statistic.operations.total == len(WITH_INPUT) + len(WITHOUT_INPUT)
