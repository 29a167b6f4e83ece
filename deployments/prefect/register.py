"""Register the flows with the Prefect server, from deployments/prefect/prefect.yaml."""

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
    """Prefect is away, or did not register the deployments; the message is then its own."""


def deploy() -> str:
    """Make the work pool where it is missing, then register every deployment; returns what Prefect said."""
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
        message = f"the Prefect server that PREFECT_API_URL names is away, or is none ({type(error).__name__})"
        raise DeployFailed(message) from None
