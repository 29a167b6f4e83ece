"""Checks of Prefect: server, settings, work pool, worker, and every deployment with its schedule."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from functools import reduce
from importlib.resources import files
from operator import getitem
from typing import Any

import httpx
from prefect import get_client, settings
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import PrefectException
from ruamel.yaml import YAML

from deployments.doctor.finding import Finding, Findings, failed, ok, warning
from deployments.prefect.register import WORK_POOL
from deployments.prefect.settings import SERVER
from nodes.errors import CancelflowError
from nodes.settings import PrefectSettings, load

SERIES = "3.8"
# More deployments than prefect.yaml will have, and Prefect's largest page.
LIMIT = 200
_DEPLOY = "Run `cancelflow deploy`"
_WORKER = f"Start one, with the trigger's settings: prefect worker start --pool {WORK_POOL}"


class PrefectUnavailable(CancelflowError):
    """The Prefect server is unreachable, or the address is not a Prefect server's."""


async def examine() -> Findings:
    """Check the server, then the registered deployments."""
    load(PrefectSettings)
    async with _asking() as client:
        yield _of_version(str(await _got(client, "/admin/version")))
        yield _of_settings(await _got(client, "/admin/settings"))
        async for finding in _of_pool(client):
            yield finding
        registered = await client.read_deployments(limit=LIMIT)
        yield _of_deployments({each.name: each for each in registered})


@asynccontextmanager
async def _asking() -> AsyncIterator[PrefectClient]:
    # The version is checked here, and an operator is waiting: by default Prefect's client raises for an old server and
    # retries failing calls for a minute.
    chosen = {settings.PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED: False, settings.PREFECT_CLIENT_MAX_RETRIES: 0}
    try:
        with settings.temporary_settings(chosen):
            async with get_client() as client:
                yield client
    except httpx.HTTPStatusError as error:
        raise PrefectUnavailable(f"PREFECT_API_URL responds {error.response.status_code}") from None
    except (httpx.HTTPError, PrefectException, ValueError) as error:  # ValueError: not JSON
        raise PrefectUnavailable(f"PREFECT_API_URL leads to no Prefect server ({type(error).__name__})") from None


async def _got(client: PrefectClient, path: Any) -> Any:
    return (await client.request("GET", path)).json()


def _of_version(version: str) -> Finding:
    if not version.startswith(f"{SERIES}."):
        return failed("version", f"the server is {version}", f"Use a Prefect server {SERIES}, as the client is")
    return ok("version", version)


def _of_settings(server: Mapping[str, Any]) -> Finding:
    different = [f"{name}={wanted}" for name, wanted in SERVER.items() if not _has(server, name)]
    if different:
        to_do = "Start the server with these in its environment (deployments/prefect/settings.py explains them)"
        return warning("settings", "not as recommended:\n" + "\n".join(different), to_do)
    return ok("settings", "as recommended")


def _has(server: Mapping[str, Any], name: str) -> bool:
    """Return whether the server has the recommended value, compared in Prefect's form, such as P90D for seconds."""
    setting = getattr(settings, name)
    with settings.temporary_settings({setting: SERVER[name]}):
        ours = settings.get_current_settings().model_dump(mode="json")
    try:
        return _at(setting.accessor, server) == _at(setting.accessor, ours)
    except (KeyError, TypeError):  # another version's settings have another form
        return False


def _at(accessor: str, values: Mapping[str, Any]) -> object:
    """Return the value at a path such as `server.api.port`; lists are sorted, as Prefect writes sets in any order."""
    value: Any = reduce(getitem, accessor.split("."), values)
    return sorted(value) if isinstance(value, list) else value


async def _of_pool(client: PrefectClient) -> Findings:
    pools = {pool.name: pool for pool in await client.read_work_pools(limit=LIMIT)}
    if WORK_POOL not in pools:
        yield failed("work pool", f"there is no pool {WORK_POOL}", f"{_DEPLOY}, which creates it")
        return
    if pools[WORK_POOL].is_paused:
        yield failed("work pool", f"{WORK_POOL} is paused", "Resume it in the Prefect UI")
    else:
        yield ok("work pool", WORK_POOL)
    workers = await client.read_workers_for_work_pool(WORK_POOL)
    alive = [worker for worker in workers if worker.status == "ONLINE"]
    if alive:
        yield ok("worker", f"{len(alive)} online")
    else:
        gone = f"; {len(workers)} have stopped" if workers else ""
        yield failed("worker", f"none is online{gone}", _WORKER)


def _of_deployments(registered: Mapping[str, DeploymentResponse]) -> Finding:
    declared = YAML(typ="safe").load(files("deployments.prefect").joinpath("prefect.yaml").read_text())["deployments"]
    wrong = list(_wrong(declared, registered))
    if wrong:
        to_do = f"{_DEPLOY}, or resume paused ones in the Prefect UI"
        return failed("deployments", "\n".join(wrong), to_do)
    scheduled = sum("schedules" in each for each in declared)
    return ok("deployments", f"all {len(declared)} registered, {scheduled} of them on an active schedule")


def _wrong(declared: list[dict[str, Any]], registered: Mapping[str, DeploymentResponse]) -> Iterator[str]:
    for each in declared:
        name, found = each["name"], registered.get(each["name"])
        if found is None:
            yield f"{name} is not registered"
        elif found.paused:
            yield f"{name} is paused"
        elif "schedules" in each and not any(schedule.active for schedule in found.schedules):
            yield f"{name} has no active schedule"
