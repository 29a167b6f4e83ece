"""Run the emulator: `python -m deployments.local.pubsub_emulator --port 8085 --topic projects/mine/topics/events`."""

import argparse
import asyncio
import signal

from google.pubsub_v1 import types

from deployments.local.pubsub_emulator.broker import Broker
from deployments.local.pubsub_emulator.server import start

STOP_GRACE = 0.5  # seconds for calls in progress to finish


async def serve(host: str, port: int, topics: list[str]) -> None:
    """Serve until asked to stop; the topics exist before the first call."""
    broker = Broker()
    for name in topics:
        broker.create_topic(types.Topic(name=name))
    stopped = asyncio.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, stopped.set)
    server = await start(broker, f"{host}:{port}")
    await stopped.wait()
    await server.stop(STOP_GRACE)


def main() -> None:
    """Parse the arguments and serve."""
    parser = argparse.ArgumentParser(description="An in-memory Pub/Sub.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8085)
    parser.add_argument("--topic", action="append", default=[], help="a topic to create; may be given several times")
    arguments = parser.parse_args()
    asyncio.run(serve(arguments.host, arguments.port, arguments.topic))


if __name__ == "__main__":
    main()
