"""The command: its table, its exit codes, its JSON, and that parts are checked concurrently."""

import asyncio
import json
import re
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from deployments.doctor.examination import examine, exit_code
from deployments.doctor.finding import Finding, Findings, Level, Part, Progress, failed, ok, warning
from deployments.doctor.parts import parts
from deployments.doctor.report import print_report, report_object
from nodes.errors import BillingFailed, SettingsInvalid
from tests.conftest import Addresses
from tests.contract.stripe.process import Simulator
from tests.test_command_line import bare, cancelflow

# The Stripe SDK triggers this httpx deprecation warning.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning"),
]
NAMES = [part.name for part in parts(fix=False)]
RESULTS = {
    "Ships": [ok("hull", "dry"), failed("sails", "torn " * 30, "Mend them"), warning("crew", "two", "Hire more")],
    "Harbour": [ok("water", "deep")],
}


def part(name: str, examine: object, seconds: float = 60.0) -> Part:
    return Part(name, "Do something", examine, seconds)  # type: ignore[arg-type]


async def _fine() -> Findings:
    yield ok("hull", "dry")
    yield Progress("half way")
    yield warning("crew", "two", "Hire more")


async def _hangs() -> Findings:
    yield ok("hull", "dry")
    await asyncio.Event().wait()


async def _raises(error: Exception) -> Findings:
    yield ok("hull", "dry")
    raise error


def test_a_hanging_part_delays_no_other_and_keeps_its_findings() -> None:
    results = asyncio.run(examine([part("one", _hangs, 0.2), part("two", _hangs, 0.2), part("three", _fine)]))
    assert [each.check for each in results["one"]] == ["hull", "response"]
    assert results["one"][1] == failed("response", "none within 0.2 s", "Do something")
    assert [each.check for each in results["three"]] == ["hull", "crew"]


def test_the_parts_are_checked_concurrently() -> None:
    async def scenario() -> list[str]:
        met = asyncio.Barrier(3)

        async def meets() -> Findings:
            await met.wait()
            yield ok("others", "are here")

        results = await examine([part(name, meets, 60) for name in "abc"])
        return [each.found for findings in results.values() for each in findings]

    assert asyncio.run(scenario()) == ["are here"] * 3


def test_progress_is_reported() -> None:
    progress: list[dict[str, str]] = []
    asyncio.run(examine([part("one", _fine)], told=lambda waiting: progress.append(dict(waiting))))
    assert progress == [{"one": ""}, {"one": "half way"}, {}]


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (BillingFailed("Stripe: 500"), failed("response", "Stripe: 500", "Do something")),
        (RuntimeError("hunter2"), failed("check", "it crashed (RuntimeError)", "Please report this to cancelflow")),
    ],
)
def test_an_error_is_a_finding(error: Exception, says: Finding) -> None:
    results = asyncio.run(examine([part("one", lambda: _raises(error)), part("two", _fine)]))
    assert results["one"] == [ok("hull", "dry"), says]
    assert exit_code(results["two"]) == 0
    assert exit_code(results["one"]) == 1


def test_missing_settings_exit_with_2() -> None:
    error = SettingsInvalid("Settings:\n  A is not set (a)\n  B is not set (b)")
    results = asyncio.run(examine([part("one", lambda: _raises(error))]))
    assert results["one"][1].found == "A is not set (a)\nB is not set (b)"
    assert exit_code(results["one"]) == 2


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_fits_the_terminal(width: int) -> None:
    out = StringIO()
    print_report(RESULTS, Console(file=out, width=width))
    lines = [line.rstrip() for line in out.getvalue().splitlines()]
    assert max(map(len, lines)) <= width
    assert lines[0] == "Ships"
    assert lines[1] == "  ok       hull                dry"
    assert re.fullmatch(r"  failed   sails               torn.*", lines[2])
    assert any(line.strip() == "→ Mend them" for line in lines)
    assert lines[-1] == "1 failed, 1 warning, 2 ok"


def test_the_json_has_every_check() -> None:
    found = report_object(RESULTS)
    assert (found["failed"], found["warning"], found["ok"]) == (1, 1, 2)
    assert found["checks"][0] == {"part": "Ships", "check": "hull", "status": "ok", "found": "dry", "to_do": None}
    assert "webhook_secret" not in found


def test_a_secret_is_printed_once_and_completely() -> None:
    secret = "whsec_" + "x" * 90
    results = {"Stripe": [Finding(Level.FAILED, "signing secret", "made", "Store it", secret=secret)]}
    out = StringIO()
    print_report(results, Console(file=out, width=80))
    assert out.getvalue().splitlines().count(f"STRIPE_WEBHOOK_SECRETS={secret}") == 1
    assert report_object(results)["webhook_secret"] == secret


# Against the stack


def test_the_command_checks_the_stack(stack: Addresses, tmp_path: Path, account: dict[str, str | None]) -> None:
    assert stack["http"]
    done = cancelflow("doctor", "--json", cwd=tmp_path, **account)
    found = json.loads(done.out)
    assert list(dict.fromkeys(each["part"] for each in found["checks"])) == NAMES
    assert done.code == 1
    bad = {(each["part"], each["check"]) for each in found["checks"] if each["status"] == "failed"}
    assert bad == {("Stripe's webhooks", "endpoint"), ("Catalogue", "prices"), ("Public address", "response")}
    assert all(each["to_do"] for each in found["checks"] if each["status"] != "ok")


def test_only_a_fix_prints_the_secret(simulator: Simulator, tmp_path: Path, account: dict[str, str | None]) -> None:
    hidden = {"STRIPE_API_KEY": "sk_test_hunter2", "LINK_SECRET": "hunter2" * 6}
    done = cancelflow("doctor", "--fix", cwd=tmp_path, **{**account, **hidden})
    assert done.code == 1
    [secret] = re.findall(r"^STRIPE_WEBHOOK_SECRETS=(whsec_\S+)$", done.out, re.MULTILINE)
    again = cancelflow("doctor", "--fix", cwd=tmp_path, **{**account, **hidden, "STRIPE_WEBHOOK_SECRETS": secret})
    assert "whsec_" not in again.out + again.err
    assert "hunter2" not in done.out + done.err + again.out + again.err
    assert len(simulator.client.v1.webhook_endpoints.list().data) == 1


def test_all_missing_settings_are_listed(tmp_path: Path) -> None:
    done = cancelflow("doctor", cwd=tmp_path, **bare())
    assert done.code == 2
    for name in ("DATABASE_URL", "STRIPE_API_KEY", "GOOGLE_CLOUD_PROJECT", "SMTP_URL", "LINK_SECRET"):
        assert f"{name} is not set" in done.out
    assert "PREFECT_API_URL is not set" in done.out
    assert "Set exactly one of JWT_JWKS_URL, JWT_PUBLIC_KEY, JWT_SECRET" in done.out
    assert "Traceback" not in done.out + done.err
