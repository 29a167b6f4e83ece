"""Create the topic on an externally run emulator, which starts empty: `python -m deployments.local.parts.topic`."""

import grpc
from google.api_core.exceptions import AlreadyExists
from google.pubsub_v1 import PublisherClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport

from nodes.settings import EventSettings, load

TIMEOUT_SECONDS = 10.0


def ensure_topic(settings: EventSettings) -> None:
    """Create PUBSUB_TOPIC at PUBSUB_EMULATOR_HOST unless it is there."""
    if settings.pubsub_emulator_host is None:
        return
    channel = grpc.insecure_channel(settings.pubsub_emulator_host, options=[("grpc.enable_http_proxy", 0)])
    with channel:
        client = PublisherClient(transport=PublisherGrpcTransport(channel=channel))
        topic = f"projects/{settings.google_cloud_project}/topics/{settings.pubsub_topic}"
        try:
            client.create_topic(name=topic, timeout=TIMEOUT_SECONDS)
        except AlreadyExists:
            return


if __name__ == "__main__":
    ensure_topic(load(EventSettings))
