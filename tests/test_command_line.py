"""The commands: their output, and a single error message and a failing exit code for each that cannot do its work."""

import json
import os
import re
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
import jwt
import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings
from typer.main import get_command

from deployments.command_line import app, main
from deployments.demo.cases import CASES
from tests.conftest import OUTSIDE, Addresses
from tests.nodes.clients.test_database import new_database
from tests.ports import free_port
from tests.world import World

COMMANDS = sorted(get_command(app).commands)  # type: ignore[attr-defined]  # a click group
COMMAND = [sys.executable, "-m", "deployments.command_line"]
USER = "550e8400-e29b-41d4-a716-446655440000"
SECRET = "hunter2-hunter2-hunter2-hunter2-hunter2"
READY_WITHIN_SECONDS = 120


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """Return a directory in which no stack is running."""
    return tmp_path


@dataclass(frozen=True)
class Done:
    """A command's exit code and output."""

    code: int
    out: str
    err: str


def bare() -> dict[str, str | None]:
    """Return an environment that unsets every setting of a service."""
    return {name: None for name in os.environ if name.startswith(OUTSIDE)}


@contextmanager
def environment(**other: str | None) -> Iterator[None]:
    """Use the tests' environment, which holds the stack's settings, with changes; None unsets a variable."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"COLUMNS": "120", **other}.items():
            patch.delenv(name, raising=False) if value is None else patch.setenv(name, value)
        yield


def cancelflow(*arguments: str, cwd: Path, **other: str | None) -> Done:
    """Run the command in this process; an exception that escapes it fails the test, as users would see a traceback."""
    out, err = StringIO(), StringIO()
    with environment(**other), pytest.MonkeyPatch.context() as patch, prefect_as_named():
        patch.chdir(cwd)
        patch.setattr(sys, "argv", ["cancelflow", *arguments])
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
            main()
            raise SystemExit(0)
    return Done(int(ended.value.code or 0), out.getvalue(), err.getvalue())


def prefect_as_named() -> AbstractContextManager[object]:
    """Apply the environment's PREFECT_API_URL, which Prefect reads only when imported."""
    return temporary_settings({PREFECT_API_URL: os.environ.get("PREFECT_API_URL")})


def started(*arguments: str, cwd: Path, **other: str | None) -> Done:
    """Run the command as a separate process."""
    with environment(**other):
        done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False, cwd=cwd, timeout=180)
    return Done(done.returncode, done.stdout, done.stderr)


def refused(done: Done, code: int) -> str:
    """Return the only message of a command that failed."""
    assert done.code == code, done
    assert "Traceback" not in done.err
    assert "hunter2" not in done.out + done.err
    assert done.out == ""
    return done.err.strip()


# Help


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_help_text(elsewhere: Path, command: str) -> None:
    done = cancelflow(command, "--help", cwd=elsewhere, **bare())
    assert done.code == 0
    assert f"cancelflow {command}" in done.out
    assert len(done.out.strip().splitlines()) > 3


def test_the_help_lists_every_command(elsewhere: Path) -> None:
    done = cancelflow("--help", cwd=elsewhere, **bare())
    assert done.code == 0
    assert {"up", "serve", "migrate", "seed", "demo", "token", "deploy", "run"} <= set(COMMANDS)
    assert [command for command in COMMANDS if not re.search(rf"\b{command}\b", done.out)] == []


def test_an_unknown_command_fails(elsewhere: Path) -> None:
    assert cancelflow("cancel", cwd=elsewhere).code == 2


# token

ISSUED = {"JWT_ISSUER": "https://issuer.example.com", "JWT_AUDIENCE": "cancelflow"}


def test_a_token_signed_with_the_stacks_key_is_accepted(world: World, elsewhere: Path) -> None:
    done = cancelflow("token", USER, cwd=elsewhere)
    assert done.code == 0
    response = world.http.get("/subscription", headers={"Authorization": f"Bearer {done.out.strip()}"})
    assert response.status_code == 404
    claims = jwt.decode(done.out.strip(), options={"verify_signature": False})
    assert claims["sub"] == USER
    assert claims["exp"] - claims["iat"] == 3600


def test_a_token_can_be_signed_with_a_secret(elsewhere: Path) -> None:
    naming = {"JWT_SECRET": SECRET, "JWT_USER_CLAIM": "customer"}
    done = cancelflow("token", "auth0|5f7 c", cwd=elsewhere, **{**bare(), **ISSUED, **naming})
    assert done.code == 0
    claims = jwt.decode(done.out.strip(), SECRET, ["HS256"], audience="cancelflow", issuer=ISSUED["JWT_ISSUER"])
    assert (claims["sub"], claims["customer"]) == ("auth0|5f7 c", "auth0|5f7 c")


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"JWT_JWKS_URL": "https://issuer.example.com/keys"}, "only the identity provider can make a token here"),
        ({"JWT_PUBLIC_KEY": "a key"}, "only the identity provider can make a token here"),
        ({"JWT_PUBLIC_KEY": "a key", "JWT_PRIVATE_KEY": SECRET}, "JWT_PRIVATE_KEY is not a private key in PEM form"),
        ({}, "Set exactly one of JWT_JWKS_URL, JWT_PUBLIC_KEY, JWT_SECRET"),
    ],
    ids=["key set", "public key", "rubbish", "nothing"],
)
def test_a_token_that_cannot_be_created_is_reported(elsewhere: Path, keys: dict[str, str], says: str) -> None:
    assert says in refused(cancelflow("token", USER, cwd=elsewhere, **{**bare(), **ISSUED, **keys}), 2)


def test_a_token_needs_a_valid_user_id(elsewhere: Path) -> None:
    for wrong in ("", "x" * 256):
        assert "a user id has 1 to 255 characters" in refused(cancelflow("token", wrong, cwd=elsewhere), 2)


# webhooks


def test_a_test_webhook_needs_an_endpoint(elsewhere: Path) -> None:
    said = refused(cancelflow("webhooks", "test", "crm", cwd=elsewhere, **bare()), 1)
    assert said == "EndpointUnknown: WEBHOOKS has no endpoint crm; it names none"


def test_what_to_replay_is_named_once(elsewhere: Path) -> None:
    for arguments in ((), (USER, "--failed-since", "2026-11-26")):
        done = cancelflow("webhooks", "replay", *arguments, cwd=elsewhere, **bare())
        assert (done.code, done.out) == (2, "")
        assert "give the ID of a delivery, or --failed-since" in done.err


def test_webhooks_are_listed_and_replayed_on_the_stacks_database(stack: Addresses, elsewhere: Path) -> None:
    with new_database(str(stack["database_admin_url"])) as fresh:
        named = {"DATABASE_ADMIN_URL": None, "DATABASE_URL": fresh}
        assert cancelflow("migrate", cwd=elsewhere, **named).code == 0
        listed = cancelflow("webhooks", "list", cwd=elsewhere, **named)
        again = cancelflow("webhooks", "replay", "--failed-since", "2026-11-26", cwd=elsewhere, **named)
        one = cancelflow("webhooks", "replay", USER, cwd=elsewhere, **named)
    assert (listed.code, listed.out.strip()) == (0, "there are no endpoints: set WEBHOOKS and WEBHOOK_SECRETS")
    assert (again.code, again.out.strip()) == (0, "0 deliveries will be sent by a running trigger")
    assert refused(one, 1) == f"NothingToReplay: there is no delivery {USER}: cancelflow webhooks list"


# migrate


def test_migrate_applies_each_migration_once(stack: Addresses, elsewhere: Path) -> None:
    with new_database(str(stack["database_admin_url"])) as fresh:
        named = {"DATABASE_ADMIN_URL": None, "DATABASE_URL": fresh}
        first = cancelflow("migrate", cwd=elsewhere, **named)
        second = cancelflow("migrate", cwd=elsewhere, **named)
    files = sorted(path.stem for path in (Path(__file__).parent.parent / "sql" / "migrations").glob("*.sql"))
    assert (first.code, first.out.splitlines()) == (0, [f"applied {name}" for name in files])
    assert (second.code, second.out.strip()) == (0, "nothing to apply")


@pytest.mark.parametrize("scheme", ["postgresql", "postgres"])
def test_migrate_without_a_server_says_so(elsewhere: Path, scheme: str) -> None:
    url = f"{scheme}://owner:hunter2@127.0.0.1:{free_port()}/cancelflow"
    said = refused(cancelflow("migrate", cwd=elsewhere, **{**bare(), "DATABASE_URL": url}), 1)
    assert said.startswith("DatabaseUnavailable: ")
    assert "Connection refused" in said
    assert len(said.splitlines()) == 1


def test_migrate_without_a_setting_names_it(elsewhere: Path) -> None:
    assert "DATABASE_URL is not set" in refused(cancelflow("migrate", cwd=elsewhere, **bare()), 2)


# seed


def test_seed_creates_one_customer_per_case_and_lists_them(world: World, elsewhere: Path) -> None:
    done = cancelflow("seed", "--json", cwd=elsewhere)
    assert done.code == 0, done.err
    made: list[dict[str, Any]] = json.loads(done.out)
    assert [set(customer) for customer in made] == [{"case", "user_id", "email", "subscription_ids"}] * 13
    assert [customer["case"] for customer in made] == [case.name for case in CASES] == [
        "starter", "professional", "enterprise", "already_pending", "pending_in_stripe_only", "no_subscription",
        "two_subscriptions", "schedule_managed", "past_due", "trialing", "yearly", "already_discounted", "other_locale",
    ]  # fmt: skip
    for customer in made:
        assert str(uuid.UUID(customer["user_id"])) == customer["user_id"]
        rows = world.rows("SELECT id FROM subscriptions WHERE user_id = %s", customer["user_id"])
        assert {row["id"] for row in rows} == set(customer["subscription_ids"])
        assert world.row("SELECT email FROM users WHERE id = %s", customer["user_id"]) == {"email": customer["email"]}
        for subscription_id in customer["subscription_ids"]:
            assert world.stripe.subscriptions.retrieve(subscription_id).id == subscription_id


@pytest.mark.parametrize("key", [f"sk_live_{SECRET}", f"rk_live_{SECRET}"])
def test_seed_refuses_a_live_key(world: World, elsewhere: Path, key: str) -> None:
    counted = "SELECT count(*) AS users FROM users"
    before = (world.row(counted), len(world.simulator.requests(method="POST")))
    said = refused(cancelflow("seed", cwd=elsewhere, STRIPE_API_KEY=key), 1)
    assert said == ("LiveKeyRefused: STRIPE_API_KEY is a live key; demo customers are made with a test key only")
    assert (world.row(counted), len(world.simulator.requests(method="POST"))) == before


def last_line(done: Done) -> str:
    """Return the last line of a command that reports its progress."""
    return refused(done, 1).splitlines()[-1]


def test_seed_without_stripe_says_so(elsewhere: Path, stack: Addresses) -> None:
    assert stack["stripe"]
    away = cancelflow("seed", cwd=elsewhere, STRIPE_API_BASE=f"http://127.0.0.1:{free_port()}")
    assert last_line(away) == "PartFailed: Stripe is not reachable (APIConnectionError)"


def test_seed_with_an_unknown_key_says_so(elsewhere: Path, stack: Addresses) -> None:
    assert stack["stripe"]
    said = last_line(cancelflow("seed", cwd=elsewhere, STRIPE_API_KEY="hunter2hunter2hunter2"))
    assert said.startswith("PartFailed: Stripe refused: Invalid API Key provided")


def test_seed_without_a_database_says_so(elsewhere: Path, stack: Addresses) -> None:
    assert stack["stripe"]
    url = f"postgresql://owner:hunter2@127.0.0.1:{free_port()}/cancelflow"
    said = last_line(cancelflow("seed", cwd=elsewhere, DATABASE_URL=url, DATABASE_ADMIN_URL=None))
    assert said.startswith("PartFailed: PostgreSQL: ")
    assert "Connection refused" in said


def test_seed_before_migrate_says_so(elsewhere: Path, stack: Addresses) -> None:
    with new_database(str(stack["database_admin_url"])) as fresh:
        said = last_line(cancelflow("seed", cwd=elsewhere, DATABASE_URL=fresh, DATABASE_ADMIN_URL=None))
    assert said == "PartFailed: the database is not migrated: run `cancelflow migrate`"


def test_seed_without_settings_names_them(elsewhere: Path) -> None:
    said = refused(cancelflow("seed", cwd=elsewhere, **bare()), 2)
    assert "STRIPE_API_KEY is not set" in said
    assert "DATABASE_URL is not set" in said


# serve


@contextmanager
def serving(cwd: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run the trigger as a separate process, and yield it when it responds."""
    output = (cwd / "output").open("w+")
    process = subprocess.Popen(
        [*COMMAND, "serve"],
        stdout=output,
        stderr=subprocess.STDOUT,
        cwd=cwd,
        env={**os.environ, "HTTP_PORT": str(port)},
    )
    try:
        until = monotonic() + READY_WITHIN_SECONDS
        while not _responds(port):
            assert process.poll() is None, (cwd / "output").read_text()
            assert monotonic() < until, (cwd / "output").read_text()
            sleep(0.05)
        yield process
    finally:
        process.kill()
        process.wait()
        output.close()


def _responds(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.slow
def test_serve_runs_until_stopped_and_logs_no_token(world: World, elsewhere: Path) -> None:
    port = free_port()
    person = world.person("starter")
    with serving(elsewhere, port) as process:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as trigger:
            body = {"user_id": person.user_id, "reason": "unused", "feedback": "secret-words"}
            assert trigger.post("/cancel-subscription", json=body, headers=person.headers).status_code == 200
            for page in ("reactivate", "feedback", "nowhere"):
                trigger.get(f"/{page}", params={"token": "secret-token"})
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=120) == 0
    said = (elsewhere / "output").read_text()
    assert "Application shutdown complete" in said
    for secret in ("secret-token", "secret-words", person.email, person.headers["Authorization"].split()[1]):
        assert secret not in said
    assert "Traceback" not in said


def test_serve_without_settings_lists_all_of_them(elsewhere: Path) -> None:
    said = refused(cancelflow("serve", cwd=elsewhere, **bare()), 2)
    for name in (
        "DATABASE_URL",
        "STRIPE_API_KEY",
        "GOOGLE_CLOUD_PROJECT",
        "SMTP_URL",
        "LINK_SECRET",
        "PREFECT_API_URL",
    ):
        assert f"{name} is not set" in said
    assert "Set exactly one of JWT_JWKS_URL, JWT_PUBLIC_KEY, JWT_SECRET" in said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://app:hunter2@localhost/x"),
        ("SMTP_URL", "gopher://hunter2@mail.example.com"),
        ("PUBLIC_URL", "hunter2"),
        ("JWT_PUBLIC_KEY", "hunter2"),
        ("LINK_SECRET", "hunter2"),
        ("HTTP_PORT", "hunter2"),
    ],
)
def test_serve_with_an_invalid_setting_names_it(stack: Addresses, elsewhere: Path, name: str, value: str) -> None:
    assert stack["http"]
    assert name in refused(cancelflow("serve", cwd=elsewhere, **{name: value}), 2)


@pytest.mark.slow
def test_serve_on_a_busy_port_says_so(stack: Addresses, elsewhere: Path) -> None:
    port = httpx.URL(str(stack["http"])).port
    done = started("serve", cwd=elsewhere, HTTP_PORT=str(port))
    assert done.code == 1
    assert "Traceback" not in done.err
    assert re.search(rf"127\.0\.0\.1.*{port}.*address already in use", done.out + done.err)


# deploy


@pytest.mark.slow
def test_deploy_registers_every_flow_again(world: World, elsewhere: Path) -> None:
    """The stack has already deployed once."""
    assert cancelflow("deploy", cwd=elsewhere).code == 0
    found = world.prefect.get("/deployments/name/cancel-subscription/cancel-subscription").json()
    assert found["entrypoint"] == "flows.cancel_subscription.cancel_subscription"
    assert found["work_pool_name"] == "cancelflow"


def test_deploy_without_prefect_says_so(elsewhere: Path) -> None:
    away = f"http://127.0.0.1:{free_port()}/api"
    said = refused(cancelflow("deploy", cwd=elsewhere, **{**bare(), "PREFECT_API_URL": away}), 1)
    assert said == "DeployFailed: PREFECT_API_URL leads to no Prefect server, or it is unavailable (ConnectError)"


def test_deploy_without_a_setting_names_it(elsewhere: Path) -> None:
    assert "PREFECT_API_URL is not set" in refused(cancelflow("deploy", cwd=elsewhere, **bare()), 2)


# demo


def in_a_checkout(directory: Path, addresses: Addresses) -> Path:
    """Write the stack's addresses into the directory, as in a checkout with a running stack."""
    (directory / ".local").mkdir()
    (directory / ".local" / "stack.json").write_text(json.dumps(addresses))
    return directory


def test_demo_cancels_a_subscription_and_shows_each_effect(stack: Addresses, elsewhere: Path, world: World) -> None:
    done = cancelflow("demo", cwd=in_a_checkout(elsewhere, stack))
    assert done.code == 0, done.out + done.err
    output = done.out
    assert f"POST {stack['http']}/cancel-subscription" in output
    assert '200  {"success":true,"status":"pending_cancellation"' in output
    effects = ("Stripe", "Postgres", "Email", "Retention job", "Pub/Sub", "Prefect run")
    assert [name for name in effects if not re.search(rf"^  {name} +\S", output, re.MULTILINE)] == []
    assert "MISSING" not in output
    [run] = re.findall(r"/runs/flow-run/([0-9a-f-]{36})", output)
    assert world.prefect.get(f"/flow_runs/{run}").json()["state"]["type"] == "COMPLETED"
    [email] = re.findall(r"(/messages/\S+)", output)
    assert world.inbox.get(email).status_code == 200


def test_demo_without_a_stack_says_so(elsewhere: Path) -> None:
    said = refused(cancelflow("demo", cwd=elsewhere, **bare()), 1)
    assert said == "MainJobFailed: no stack runs here: start one with `cancelflow up` in another terminal"


@pytest.mark.slow
def test_demo_with_a_missing_effect_fails_and_names_it(stack: Addresses, elsewhere: Path) -> None:
    """The run exists, but the demo is given a wrong Prefect address."""
    addresses = {**stack, "prefect_api": f"{stack['inbox']}/nowhere"}
    done = cancelflow("demo", cwd=in_a_checkout(elsewhere, addresses))
    assert done.code == 1
    assert re.search(r"^  Prefect run +MISSING$", done.out, re.MULTILINE)
    assert done.err.strip() == "MainJobFailed: missing: Prefect run"


@pytest.mark.parametrize(
    ("name", "says"), [("http", "MainJobFailed: no response from"), ("inbox", "PartFailed: a part of the stack is not")]
)
def test_demo_with_an_unavailable_part_says_so(stack: Addresses, elsewhere: Path, name: str, says: str) -> None:
    addresses = {**stack, name: f"http://127.0.0.1:{free_port()}"}
    done = cancelflow("demo", cwd=in_a_checkout(elsewhere, addresses))
    assert done.code == 1
    assert done.err.strip().startswith(says)
    assert "Traceback" not in done.err
