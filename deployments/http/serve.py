"""Serve the application until SIGTERM or Ctrl-C."""

import signal
import threading
from types import FrameType

import uvicorn

from deployments.http.app import create_app
from nodes.settings import TriggerSettings


def serve(settings: TriggerSettings) -> bool:
    """Serve until told to stop; false if the server could not start, as when its port is taken.

    The server has a thread of its own: Prefect installs a handler for SIGTERM around a flow on the main thread, and it
    would end the flow half done, or swallow the signal. Here the signal only asks the server to stop taking requests.
    """
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(settings),
            host=settings.http_host,
            port=settings.http_port,
            loop="asyncio",
            access_log=False,  # Prefect and the audit log say more, and an address with a token in it is kept nowhere
            log_level="info",
            server_header=False,
        )
    )

    def stop(_signal: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    serving = threading.Thread(target=server.run, name="http")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    serving.start()
    serving.join()
    return server.started
