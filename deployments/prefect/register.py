"""`cancelflow deploy`: register the flows with the Prefect server, from deployments/prefect/prefect.yaml."""

import asyncio
import subprocess
import sys
from importlib.resources import as_file, files

import httpx
from prefect import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectAlreadyExists

from nodes.errors import CancelflowError

WORK_POOL = "cancelflow"


class DeployFailed(CancelflowError):
    """The Prefect server is unavailable, or refused the deployments with the message given."""


def deploy() -> str:
    """Create the work pool if missing, and register every deployment; return Prefect's output."""
    asyncio.run(_ensure_work_pool())
    with as_file(files("deployments.prefect").joinpath("prefect.yaml")) as declarations:
        command = ["deploy", "--prefect-file", str(declarations), "--all"]
        done = subprocess.run(
            [sys.executable, "-m", "prefect", "--no-prompt", *command], capture_output=True, text=True, check=False
        )
    if done.returncode:
        raise DeployFailed(done.stdout + done.stderr)
    return done.stdout


async def _ensure_work_pool() -> None:
    try:
        async with get_client() as client:
            await client.create_work_pool(WorkPoolCreate(name=WORK_POOL, type="process"))
    except ObjectAlreadyExists:
        return
    except httpx.HTTPError as error:
        message = f"PREFECT_API_URL leads to no Prefect server, or it is unavailable ({type(error).__name__})"
        raise DeployFailed(message) from None
