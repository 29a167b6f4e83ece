"""Events, over Google Pub/Sub: one message, taken by the topic or not."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import google.auth
import grpc.aio
from google.api_core.exceptions import (
    Aborted,
    DeadlineExceeded,
    GoogleAPIError,
    MethodNotImplemented,
    RetryError,
    ServiceUnavailable,
)
from google.api_core.retry import AsyncRetry, if_exception_type
from google.auth.exceptions import GoogleAuthError
from google.pubsub_v1 import PublisherAsyncClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcAsyncIOTransport
from google.pubsub_v1.types import PubsubMessage

from nodes.errors import EventsFailed
from nodes.settings import EventSettings

# Pub/Sub answers in tens of milliseconds. The answer to the customer is due in 10 s and waits for this; what is not
# published by then is published later, by whoever finishes unfinished requests.
PUBLISH_TIMEOUT = 5.0
# One attempt, so that a connection that hangs leaves time for another.
ATTEMPT_TIMEOUT = 2.0
# A readiness probe asks every few seconds and gives up soon itself.
CHECK_TIMEOUT = 2.0
PUBLISH = "pubsub.topics.publish"

# gRPC's own pause between attempts to connect grows to two minutes: an outage would last that much longer for us.
_RECONNECT = ("grpc.max_reconnect_backoff_ms", 1000)


class Events:
    """Publishes to `PUBSUB_TOPIC`. Its connection is made at the first call and belongs to that call's event loop.

    `timeout` in seconds bounds a whole publishing, attempts and pauses included. Google's own higher-level publisher
    is not used because with an ordering key it never gives up.
    """

    def __init__(self, settings: EventSettings, *, timeout: float = PUBLISH_TIMEOUT) -> None:
        self._project = settings.google_cloud_project
        self._topic = f"projects/{self._project}/topics/{settings.pubsub_topic}"
        self._emulator = settings.pubsub_emulator_host
        self._timeout = timeout
        self._client: PublisherAsyncClient | None = None
        self._connecting = asyncio.Lock()

    async def publish(self, event: Mapping[str, str | None], *, event_id: str, ordering_key: str) -> str:
        """Publish `event`, plus its `event_id`, as a JSON object; returns Pub/Sub's message id.

        The attributes `event` (the event's name) and `event_id` let a consumer filter and tell a repeat without
        reading the body. Messages with one `ordering_key` arrive in order. Raises `EventsFailed`; if no answer came,
        Pub/Sub may have taken the message all the same.
        """
        message = PubsubMessage(
            data=json.dumps({**event, "event_id": event_id}, ensure_ascii=False).encode(),
            attributes={"event": event.get("event") or "", "event_id": event_id},
            ordering_key=ordering_key,
        )
        async with self._within(self._timeout) as client:
            response = await client.publish(
                topic=self._topic,
                messages=[message],
                retry=self._retry(),
                timeout=min(self._timeout, ATTEMPT_TIMEOUT),
            )
        return str(response.message_ids[0])

    async def check(self) -> None:
        """Ask for the topic, which needs `pubsub.topics.get`. Raises `EventsFailed` within two seconds."""
        limit = min(self._timeout, CHECK_TIMEOUT)
        async with self._within(limit) as client:
            await client.get_topic(topic=self._topic, retry=None, timeout=limit)

    async def may_publish(self) -> bool | None:
        """Return whether we may publish, without publishing; None where it cannot be asked, as of an emulator."""
        limit = min(self._timeout, CHECK_TIMEOUT)
        wanted = {"resource": self._topic, "permissions": [PUBLISH]}
        try:
            async with self._within(limit) as client:
                granted = await client.test_iam_permissions(wanted, retry=None, timeout=limit)
        except EventsFailed as error:
            if isinstance(error.__cause__, MethodNotImplemented):
                return None
            raise
        return PUBLISH in granted.permissions

    async def close(self) -> None:
        """Close the connection; a later call makes a new one."""
        client, self._client = self._client, None
        if client is not None:
            await client.transport.close()  # type: ignore[no-untyped-call]  # Google leaves this one untyped

    def _retry(self) -> AsyncRetry:
        passing = if_exception_type(ServiceUnavailable, DeadlineExceeded, Aborted)
        return AsyncRetry(predicate=passing, initial=0.1, maximum=1.0, timeout=self._timeout)

    @asynccontextmanager
    async def _within(self, seconds: float) -> AsyncIterator[PublisherAsyncClient]:
        try:
            # The last attempt may begin just before the retry's own limit, so that one is not enough.
            async with asyncio.timeout(seconds):
                yield await self._connected()
        except TimeoutError:
            raise EventsFailed(f"Pub/Sub did not answer in time for {self._topic}") from None
        except (GoogleAPIError, GoogleAuthError, OSError) as error:
            cause = error.cause if isinstance(error, RetryError) else error  # which says only that it gave up
            raise EventsFailed(f"Pub/Sub refused or failed for {self._topic} ({type(cause).__name__})") from error

    async def _connected(self) -> PublisherAsyncClient:
        async with self._connecting:
            if self._client is None:
                self._client = PublisherAsyncClient(transport=await self._transport())
            return self._client

    async def _transport(self) -> PublisherGrpcAsyncIOTransport:
        if self._emulator:
            # An address of ours needs no way out: a proxy for the web would not find it.
            options = [_RECONNECT, ("grpc.enable_http_proxy", 0)]
            return PublisherGrpcAsyncIOTransport(channel=grpc.aio.insecure_channel(self._emulator, options=options))
        # Looks for files and for Google's metadata server, and blocks while it looks.
        credentials, _ = await asyncio.to_thread(google.auth.default, PublisherGrpcAsyncIOTransport.AUTH_SCOPES)
        return PublisherGrpcAsyncIOTransport(credentials=credentials, channel=_secure_channel)


def _secure_channel(host: str, **arguments: Any) -> grpc.aio.Channel:
    options = [*arguments.pop("options"), _RECONNECT]
    return PublisherGrpcAsyncIOTransport.create_channel(host, options=options, **arguments)
