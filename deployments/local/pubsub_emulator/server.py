"""The gRPC server around the broker: method names, message types, and errors as gRPC statuses."""

from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import grpc.aio
from google.pubsub_v1 import types

from deployments.local.pubsub_emulator.broker import Broker, Refused
from deployments.local.pubsub_emulator.service import Context, Publisher, Subscriber

# Each method's request and response type; None is `google.protobuf.Empty`, which has no bytes.
UNARY: dict[str, tuple[Any, Any]] = {
    "CreateTopic": (types.Topic, types.Topic),
    "GetTopic": (types.GetTopicRequest, types.Topic),
    "ListTopics": (types.ListTopicsRequest, types.ListTopicsResponse),
    "ListTopicSubscriptions": (types.ListTopicSubscriptionsRequest, types.ListTopicSubscriptionsResponse),
    "DeleteTopic": (types.DeleteTopicRequest, None),
    "Publish": (types.PublishRequest, types.PublishResponse),
    "CreateSubscription": (types.Subscription, types.Subscription),
    "GetSubscription": (types.GetSubscriptionRequest, types.Subscription),
    "ListSubscriptions": (types.ListSubscriptionsRequest, types.ListSubscriptionsResponse),
    "DeleteSubscription": (types.DeleteSubscriptionRequest, None),
    "Acknowledge": (types.AcknowledgeRequest, None),
    "ModifyAckDeadline": (types.ModifyAckDeadlineRequest, None),
    "Pull": (types.PullRequest, types.PullResponse),
}


async def start(broker: Broker, address: str) -> grpc.aio.Server:
    """Listen on HOST:PORT; raises RuntimeError if it is in use."""
    # By default gRPC shares a busy port with its other listener, and each gets half of the calls.
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    publisher, subscriber = Publisher(broker), Subscriber(broker)
    streaming = grpc.stream_stream_rpc_method_handler(
        _refusing(subscriber.streaming_pull),
        request_deserializer=types.StreamingPullRequest.deserialize,
        response_serializer=types.StreamingPullResponse.serialize,
    )
    handlers = {
        "Publisher": _unary_methods(publisher),
        "Subscriber": _unary_methods(subscriber) | {"StreamingPull": streaming},
    }
    for name, methods in handlers.items():
        generic = grpc.method_handlers_generic_handler(f"google.pubsub.v1.{name}", methods)
        server.add_generic_rpc_handlers((generic,))
    server.add_insecure_port(address)
    await server.start()
    return server


def _unary_methods(service: object) -> dict[str, Any]:
    return {
        name: grpc.unary_unary_rpc_method_handler(
            _refusing(getattr(service, _snake_case(name))),
            request_deserializer=request.deserialize,
            response_serializer=response.serialize if response else lambda _: b"",
        )
        for name, (request, response) in UNARY.items()
        if hasattr(service, _snake_case(name))
    }


def _refusing(method: Callable[[Any, Context], Awaitable[Any]]) -> Callable[[Any, Context], Awaitable[Any]]:
    async def handler(request: Any, context: Context) -> Any:
        try:
            return await method(request, context)
        except Refused as refused:
            return await context.abort(refused.code, refused.detail)

    return handler


def _snake_case(name: str) -> str:
    return "".join(f"_{each.lower()}" if each.isupper() else each for each in name).removeprefix("_")
