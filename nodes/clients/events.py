"""Google Pub/Sub client: publishes one message at a time."""

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

# Pub/Sub responds in tens of milliseconds. The response to the customer is due in 10 s and waits for this; an event not
# published by then is sent when unfinished requests are retried.
PUBLISH_TIMEOUT = 5.0
# For one attempt, so that after one that hangs there is time for another.
ATTEMPT_TIMEOUT = 2.0
# A readiness probe repeats every few seconds and has a short timeout of its own.
CHECK_TIMEOUT = 2.0
PUBLISH = "pubsub.topics.publish"

# gRPC's default pause between reconnects grows to two minutes, which would prolong an outage by as much.
_RECONNECT = ("grpc.max_reconnect_backoff_ms", 1000)


class Events:
    """A publisher to `PUBSUB_TOPIC`. Its connection is made on the first call and belongs to that call's event loop.

    `timeout` in seconds bounds a whole publish, attempts and pauses included. Google's higher-level publisher is not
    used because with an ordering key it retries forever.
    """

    def __init__(self, settings: EventSettings, *, timeout: float = PUBLISH_TIMEOUT) -> None:
        self._project = settings.google_cloud_project
        self._topic = f"projects/{self._project}/topics/{settings.pubsub_topic}"
        self._emulator = settings.pubsub_emulator_host
        self._timeout = timeout
        self._client: PublisherAsyncClient | None = None
        self._connecting = asyncio.Lock()

    async def publish(self, event: Mapping[str, str | None], *, event_id: str, ordering_key: str) -> str:
        """Publish `event`, plus its `event_id`, as a JSON object; return Pub/Sub's message id.

        The attributes `event` (the event's name) and `event_id` let a consumer filter and detect duplicates without
        reading the body. Messages with one `ordering_key` arrive in order. Raises `EventsFailed`; after a timeout,
        Pub/Sub may still have accepted the message.
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
        """Read the topic, which needs `pubsub.topics.get`. Raises `EventsFailed` within two seconds."""
        limit = min(self._timeout, CHECK_TIMEOUT)
        async with self._within(limit) as client:
            await client.get_topic(topic=self._topic, retry=None, timeout=limit)

    async def may_publish(self) -> bool | None:
        """Return whether publishing is permitted, without publishing; None where unsupported, as by an emulator."""
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
        """Close the connection; a later call opens a new one."""
        client, self._client = self._client, None
        if client is not None:
            await client.transport.close()  # type: ignore[no-untyped-call]  # untyped in Google's library

    def _retry(self) -> AsyncRetry:
        passing = if_exception_type(ServiceUnavailable, DeadlineExceeded, Aborted)
        return AsyncRetry(predicate=passing, initial=0.1, maximum=1.0, timeout=self._timeout)

    @asynccontextmanager
    async def _within(self, seconds: float) -> AsyncIterator[PublisherAsyncClient]:
        try:
            # The last attempt may begin just before the retry's own limit, which therefore isn't enough.
            async with asyncio.timeout(seconds):
                yield await self._connected()
        except TimeoutError:
            raise EventsFailed(f"Pub/Sub did not respond in time for {self._topic}") from None
        except (GoogleAPIError, GoogleAuthError, OSError) as error:
            cause = error.cause if isinstance(error, RetryError) else error  # a RetryError says nothing itself
            raise EventsFailed(f"Pub/Sub refused or failed for {self._topic} ({type(cause).__name__})") from error

    async def _connected(self) -> PublisherAsyncClient:
        async with self._connecting:
            if self._client is None:
                self._client = PublisherAsyncClient(transport=await self._transport())
            return self._client

    async def _transport(self) -> PublisherGrpcAsyncIOTransport:
        if self._emulator:
            # The emulator is on a private network, which a web proxy can't reach.
            options = [_RECONNECT, ("grpc.enable_http_proxy", 0)]
            return PublisherGrpcAsyncIOTransport(channel=grpc.aio.insecure_channel(self._emulator, options=options))
        # In a thread: it blocks while it looks for files and for Google's metadata server.
        credentials, _ = await asyncio.to_thread(google.auth.default, PublisherGrpcAsyncIOTransport.AUTH_SCOPES)
        return PublisherGrpcAsyncIOTransport(credentials=credentials, channel=_secure_channel)


def _secure_channel(host: str, **arguments: Any) -> grpc.aio.Channel:
    options = [*arguments.pop("options"), _RECONNECT]
    return PublisherGrpcAsyncIOTransport.create_channel(host, options=options, **arguments)
