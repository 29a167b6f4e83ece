"""A real gRPC server with the Publisher methods of Pub/Sub that we call, and behaviour set by the test."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc
import grpc.aio
from google.iam.v1.iam_policy_pb2 import (  # type: ignore[import-untyped]
    TestIamPermissionsRequest,
    TestIamPermissionsResponse,
)
from google.pubsub_v1.types import GetTopicRequest, PublishRequest, PublishResponse, PubsubMessage, Topic


@dataclass
class Publisher:
    """The existing topics, the received messages, and the errors that the next calls get first."""

    topics: set[str] = field(default_factory=set)
    messages: list[PubsubMessage] = field(default_factory=list)
    refusals: list[grpc.StatusCode] = field(default_factory=list)
    calls: int = 0
    granted: set[str] | None = None  # permissions; None if the server does not report them, like emulators

    async def publish(
        self, request: PublishRequest, context: grpc.aio.ServicerContext[PublishRequest, PublishResponse]
    ) -> PublishResponse:
        self.calls += 1
        if self.refusals:
            await context.abort(self.refusals.pop(0), "as the test wishes")
        if request.topic not in self.topics:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such topic")
        self.messages += request.messages
        return PublishResponse(message_ids=[f"m-{len(self.messages)}"])

    async def get_topic(
        self, request: GetTopicRequest, context: grpc.aio.ServicerContext[GetTopicRequest, Topic]
    ) -> Topic:
        if request.topic not in self.topics:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such topic")
        return Topic(name=request.topic)

    async def test_permissions(
        self,
        request: TestIamPermissionsRequest,
        _: grpc.aio.ServicerContext[TestIamPermissionsRequest, TestIamPermissionsResponse],
    ) -> TestIamPermissionsResponse:
        return TestIamPermissionsResponse(
            permissions=[each for each in request.permissions if each in (self.granted or ())]
        )


def _policy(publisher: Publisher) -> grpc.GenericRpcHandler:
    asked = grpc.unary_unary_rpc_method_handler(
        publisher.test_permissions, TestIamPermissionsRequest.FromString, TestIamPermissionsResponse.SerializeToString
    )
    return grpc.method_handlers_generic_handler("google.iam.v1.IAMPolicy", {"TestIamPermissions": asked})


@asynccontextmanager
async def pubsub_server(publisher: Publisher, port: int = 0) -> AsyncIterator[int]:
    """Serve on 127.0.0.1, on a free port by default, and yield the port."""
    server = grpc.aio.server()
    handlers = {
        "Publish": grpc.unary_unary_rpc_method_handler(
            publisher.publish, PublishRequest.deserialize, PublishResponse.serialize
        ),
        "GetTopic": grpc.unary_unary_rpc_method_handler(
            publisher.get_topic, GetTopicRequest.deserialize, Topic.serialize
        ),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("google.pubsub.v1.Publisher", handlers),))
    if publisher.granted is not None:
        server.add_generic_rpc_handlers((_policy(publisher),))
    bound = server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    try:
        yield bound
    finally:
        await server.stop(None)
