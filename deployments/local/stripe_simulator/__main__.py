"""Run the simulator: `python -m deployments.local.stripe_simulator`, with an empty account."""

import argparse
import signal
import sys
from pathlib import Path
from types import FrameType

import uvicorn

from .account import Account
from .application import Application
from .events import declare_endpoint
from .store import Store


class Server(uvicorn.Server):
    """A server that drops held connections as soon as it receives a signal."""

    def __init__(self, config: uvicorn.Config, application: Application) -> None:
        super().__init__(config)
        self.application = application

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Handle a signal."""
        self.application.closing.set()
        super().handle_exit(sig, frame)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m deployments.local.stripe_simulator", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=12111)
    parser.add_argument(
        "--data", type=Path, default=Path(":memory:"), help="SQLite file for the account (default: in memory)"
    )
    parser.add_argument("--webhook-url", help="create a webhook endpoint for every type of event")
    parser.add_argument(
        "--webhook-secret", action="append", default=[], help="signing secret; give two during a rotation"
    )
    parser.add_argument(
        "--dunning-days", type=int, default=14, help="days after which a failed payment ends a subscription"
    )
    given = parser.parse_args()
    if bool(given.webhook_url) != bool(given.webhook_secret):
        parser.error("--webhook-url and --webhook-secret go together")
    return given


def main() -> None:
    """Serve until SIGTERM or SIGINT, and exit with 0."""
    given = _arguments()
    # uvicorn raises the signal again after its shutdown; this handler then exits with 0.
    for told in (signal.SIGTERM, signal.SIGINT):
        signal.signal(told, lambda *_: sys.exit(0))
    account = Account(Store(given.data), dunning_days=given.dunning_days)
    declare_endpoint(account, given.webhook_url, given.webhook_secret)
    application = Application(account)
    config = uvicorn.Config(
        application,
        host=given.host,
        port=given.port,
        log_level="warning",
        access_log=False,
        date_header=False,  # each reply carries the simulated clock's date
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=75,  # longer than clients keep idle connections: see deployments/http/serve.py
        timeout_graceful_shutdown=1,
    )
    Server(config, application).run()


if __name__ == "__main__":
    main()
