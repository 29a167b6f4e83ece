"""Serve the application until SIGTERM or Ctrl-C."""

import signal
import threading
from ipaddress import IPv6Network, ip_network
from types import FrameType

import uvicorn
from fastapi import APIRouter, FastAPI

from deployments.http.app import create_app
from nodes.settings import TriggerSettings

# Every caller has a response within this time.
CALLERS_WAIT_SECONDS = 10
WAKES_EVERY_SECONDS = 1.0
# Of a URL with its headers. Above it, a request that arrives in pieces gets no page, and its connection is closed. The
# default, 16 KiB, is soon reached by an invalid token, whose customer should read what is wrong.
MOST_HEADER_BYTES = 64 * 1024
# Longer than load balancers and clients keep idle connections, usually a minute: if the server closed one first, the
# next request on it would fail with a reset.
IDLE_SECONDS = 75


def server_of(app: FastAPI, settings: TriggerSettings) -> uvicorn.Server:
    """Return the web server for this application, not yet started."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            host=settings.http_host,
            port=settings.http_port,
            loop="asyncio",
            access_log=False,  # Prefect and the audit log have more, and URLs may contain tokens
            log_level="info",
            forwarded_allow_ips=[form for each in settings.trusted_proxies for form in _forms(each)],
            server_header=False,
            h11_max_incomplete_event_size=MOST_HEADER_BYTES,
            timeout_keep_alive=IDLE_SECONDS,
            timeout_graceful_shutdown=CALLERS_WAIT_SECONDS,
        )
    )


def _forms(proxy: str) -> list[str]:
    """Return how a proxy is written in X-Forwarded-For: one with an IPv4 address also as behind a dual-stack proxy."""
    network = ip_network(proxy)
    if isinstance(network, IPv6Network):
        return [proxy]
    return [proxy, f"::ffff:{network.network_address}/{96 + network.prefixlen}"]


def serve(settings: TriggerSettings, shop: APIRouter | None) -> bool:
    """Serve until a signal arrives; return False if the server could not start, as when its port is in use.

    The server runs in its own thread: around a flow on the main thread, Prefect installs a SIGTERM handler that would
    abort the flow or swallow the signal. Here the signal only makes the server stop accepting requests.
    """
    app = create_app(settings, shop)
    server = server_of(app, settings)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        if runner := getattr(app.state, "runner", None):  # not set during startup
            runner.drain()
        server.should_exit = True

    serving = threading.Thread(target=server.run, name="http")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    serving.start()
    while serving.is_alive():  # Python handles a signal only when this thread wakes
        serving.join(WAKES_EVERY_SECONDS)
    return server.started
