"""Serve the application until SIGTERM or Ctrl-C."""

import signal
import threading
from types import FrameType

import uvicorn
from fastapi import FastAPI

from deployments.http.app import create_app
from nodes.settings import TriggerSettings

# A caller has an answer by then, if not by hanging up.
CALLERS_WAIT_SECONDS = 10
WAKES_EVERY_SECONDS = 1.0
# Longer than load balancers and clients keep an idle connection, a minute as a rule: if the server closed it first, the
# next request on it would meet a reset.
IDLE_SECONDS = 75


def server_of(app: FastAPI, settings: TriggerSettings) -> uvicorn.Server:
    """Return the web server that serves this application, not started yet."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            host=settings.http_host,
            port=settings.http_port,
            loop="asyncio",
            access_log=False,  # Prefect and the audit log say more, and an address with a token in it is kept nowhere
            log_level="info",
            server_header=False,
            timeout_keep_alive=IDLE_SECONDS,
            timeout_graceful_shutdown=CALLERS_WAIT_SECONDS,
        )
    )


def serve(settings: TriggerSettings) -> bool:
    """Serve until told to stop; false if the server could not start, as when its port is taken.

    The server has a thread of its own: Prefect installs a handler for SIGTERM around a flow on the main thread, and it
    would end the flow half done, or swallow the signal. Here the signal only asks the server to stop taking requests.
    """
    app = create_app(settings)
    server = server_of(app, settings)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        if runner := getattr(app.state, "runner", None):  # not there yet while it starts
            runner.drain()
        server.should_exit = True

    serving = threading.Thread(target=server.run, name="http")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    serving.start()
    while serving.is_alive():  # a signal that reaches another thread of ours is heard here only when this one wakes
        serving.join(WAKES_EVERY_SECONDS)
    return server.started
