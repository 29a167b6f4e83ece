"""The bare handler, as a process: the trigger itself, with its flow's function called as a plain function.

It is the same FastAPI application with the same clients, statements, places and responses. Only Prefect is left out:
inside `without_prefect` every node is a plain function, and the flow is `cancel_subscription.fn`, so nothing is
reported to a server. A run's log lines go to the process's log.
"""

import uvicorn

from deployments.http.app import create_app
from nodes.node import without_prefect
from nodes.settings import TriggerSettings, load


def main() -> None:
    """Serve until asked to stop."""
    settings = load(TriggerSettings)
    with without_prefect():
        uvicorn.run(
            create_app(settings),
            host=settings.http_host,
            port=settings.http_port,
            loop="asyncio",
            access_log=False,
            log_level="info",
            server_header=False,
        )


if __name__ == "__main__":
    main()
