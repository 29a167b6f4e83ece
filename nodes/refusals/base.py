"""The refusals: the request is invalid or too late; nothing was changed, and retrying doesn't help.

Each carries its HTTP status and the specification's text, in English; `_` marks those that customers read too, in
their language (nodes/messages/refusals.py).
"""

from typing import Any, ClassVar
from uuid import UUID

from nodes.errors import CancelflowError


class Refusal(CancelflowError):
    """A request that is turned down; `status` and `detail` are the caller's response."""

    status: ClassVar[int] = 400
    detail: ClassVar[str] = "Request refused"
    outcome: ClassVar[str] = "refused"  # of the request; one that `failed` can be tried again
    retry_after: int | None = None  # seconds, if retrying helps

    def __init__(self, detail: str | None = None, *, request_id: UUID | None = None, **extensions: Any) -> None:
        self.text = detail or self.detail
        self.request_id = request_id  # of the earlier request that conflicts with this one
        self.extensions = extensions  # further problem+json members, such as the subscriptions to choose from
        super().__init__(self.text)
