"""The parts that the stack plans, and those that the environment makes it omit. Nothing is started here."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deployments.local.errors import StackError
from deployments.local.planned import PlannedStack
from deployments.local.ports import Ports
from deployments.local.stack import PARTS, plan

PRODUCT = {"migrations", "deployments", "worker", "trigger"}
STAND_INS = {"postgres", "prefect", "stripe", "pubsub", "inbox"}
OUTSIDE = "postgresql://app:secret@db.example.com/cancelflow"


class Planner:
    """Plans stacks, and releases the ports that they claimed."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._ports: list[Ports] = []

    def __call__(self, **environment: str) -> PlannedStack:
        self._ports.append(Ports(self._directory / "ports.json", environment))
        return plan(self._directory, environment, self._ports[-1], PARTS)

    def release(self) -> None:
        for ports in self._ports:
            ports.release()


@pytest.fixture
def planned(tmp_path: Path) -> Iterator[Planner]:
    planner = Planner(tmp_path)
    yield planner
    planner.release()


def names(stack: PlannedStack) -> set[str]:
    return {part.name for part in stack.parts}


def test_every_part_is_started_by_default(planned: Planner) -> None:
    assert names(planned()) == STAND_INS | PRODUCT


def test_every_part_comes_after_its_dependencies(planned: Planner) -> None:
    stack = planned()
    seen: set[str] = set()
    for part in stack.parts:
        assert part.needs <= seen
        seen.add(part.name)


@pytest.mark.parametrize(
    ("environment", "left_out"),
    [
        ({"DATABASE_URL": OUTSIDE, "PREFECT_API_URL": "http://prefect.example.com/api"}, {"postgres", "prefect"}),
        ({"PREFECT_API_URL": "http://prefect.example.com/api"}, {"prefect"}),
        ({"DATABASE_URL": OUTSIDE}, set()),  # PostgreSQL is still there, for Prefect only
        ({"DATABASE_URL": OUTSIDE, "PREFECT_API_DATABASE_CONNECTION_URL": "sqlite+aiosqlite:///x"}, {"postgres"}),
        ({"STRIPE_API_KEY": "sk_test_1"}, {"stripe"}),
        ({"STRIPE_API_KEY": "sk_test_1", "STRIPE_API_BASE": "http://stand-in"}, {"stripe"}),
        ({"GOOGLE_CLOUD_PROJECT": "ours"}, {"pubsub"}),
        ({"SMTP_URL": "smtps://mail.example.com"}, {"inbox"}),
    ],
)
def test_a_part_named_in_the_environment_is_not_started(
    planned: Planner, environment: dict[str, str], left_out: set[str]
) -> None:
    stack = planned(**environment)
    assert names(stack) == (STAND_INS | PRODUCT) - left_out
    for name, value in environment.items():
        assert stack.process_environment({})[name] == value


def test_the_vendor_of_calls_is_started_where_it_is_asked_for(planned: Planner) -> None:
    assert planned().addresses["calls"] is None
    stack = planned(CALL_VENDOR="true")
    assert "calls" in names(stack)
    assert stack.environment["CALL_WEBHOOK_URL"] == f"{stack.addresses['calls']}/calls"
    assert stack.environment["CALL_RESULT_SECRETS"] == stack.environment["CALL_WEBHOOK_SECRET"]
    assert "calls" not in names(planned(CALL_VENDOR="true", CALL_WEBHOOK_URL="https://vendor.example.com"))


def test_the_topic_is_created_on_an_external_emulator(planned: Planner) -> None:
    stack = planned(PUBSUB_EMULATOR_HOST="emulator:8085")
    assert names(stack) == (STAND_INS | PRODUCT | {"topic"}) - {"pubsub"}


def test_an_empty_setting_counts_as_unset(planned: Planner) -> None:
    assert names(planned(SMTP_URL="", DATABASE_URL="")) == STAND_INS | PRODUCT


def test_an_external_database_is_not_used_for_prefect(planned: Planner) -> None:
    stack = planned(DATABASE_URL=OUTSIDE)
    assert stack.environment["DATABASE_URL"] == stack.environment["DATABASE_ADMIN_URL"] == OUTSIDE
    [prefect] = [part for part in stack.parts if part.name == "prefect"]
    database = prefect.process().envvars["PREFECT_SERVER_DATABASE_CONNECTION_URL"]
    assert database.startswith("postgresql+asyncpg://prefect:")
    assert "@127.0.0.1:" in database


def test_the_addresses_of_external_parts_are_published(planned: Planner) -> None:
    real = planned(STRIPE_API_KEY="sk_test_1", GOOGLE_CLOUD_PROJECT="ours", PREFECT_API_URL="http://p:1/api").addresses
    assert real["stripe"] == "https://api.stripe.com"
    assert real["pubsub"] == "pubsub.googleapis.com:443"
    assert real["google_cloud_project"] == "ours"
    assert real["prefect_ui"] == "http://p:1"


def test_an_external_stand_in_for_stripe_needs_its_key(planned: Planner) -> None:
    with pytest.raises(StackError, match="STRIPE_API_KEY"):
        planned(STRIPE_API_BASE="http://stand-in")


def test_a_stack_on_all_interfaces_is_reached_on_loopback(planned: Planner) -> None:
    stack = planned(HTTP_HOST="0.0.0.0")
    assert stack.environment["HTTP_HOST"] == "0.0.0.0"
    assert str(stack.addresses["http"]).startswith("http://127.0.0.1:")
    assert stack.environment["PUBLIC_URL"] == stack.addresses["http"]


def test_secrets_are_kept(planned: Planner) -> None:
    first, second = planned(), planned()
    assert first.secrets == second.secrets
    assert len(set(first.secrets.values())) == len(first.secrets)
    assert (first.directory / "secrets.json").stat().st_mode & 0o777 == 0o600
