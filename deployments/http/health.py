"""`GET /healthz` and `GET /readyz`: liveness of the process, readiness of each dependency."""

import asyncio
from collections.abc import Awaitable

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from prefect import get_client

from deployments.http.api.response_bodies import Health, Readiness
from deployments.http.dependencies import TheServices
from nodes.errors import CancelflowError

router = APIRouter(tags=["health"])

# Longer than the clients' own timeouts, whose messages are more specific.
CHECK_TIMEOUT_SECONDS = 4.0


@router.get("/healthz", response_model=Health)
async def healthz() -> Health:
    """Return 200 while the process runs. For a liveness probe: an outage elsewhere is no reason to restart it."""
    return Health()


@router.get(
    "/readyz",
    response_model=Readiness,
    responses={503: {"model": Readiness, "description": "A dependency is not reachable; `checks` says which"}},
)
async def readyz(services: TheServices) -> JSONResponse:
    """Check each dependency. For a readiness probe."""
    parts = {
        "postgresql": services.database.check(),
        "stripe": services.billing.check(),
        "pubsub": services.events.check(),
        "smtp": services.mail.check(),
        "prefect": _prefect(),
    }
    results = await asyncio.gather(*(_checked(check) for check in parts.values()))
    checks = dict(zip(parts, results, strict=True))
    ready = all(result == "ok" for result in results)
    return JSONResponse({"status": "ready" if ready else "not ready", "checks": checks}, 200 if ready else 503)


async def _checked(check: Awaitable[None]) -> str:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_SECONDS):
            await check
    except TimeoutError:
        return "no response in time"
    except CancelflowError as error:
        return str(error)
    return "ok"


async def _prefect() -> None:
    async with get_client() as client:
        if error := await client.api_healthcheck():
            raise CancelflowError(f"the Prefect server is not reachable ({type(error).__name__})")
