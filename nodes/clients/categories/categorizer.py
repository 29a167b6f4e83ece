"""What every model for replies does (FEATURES N07)."""

from typing import Protocol

from nodes.clients.categories.endpoint import ModelEndpoint
from nodes.clients.categories.local import LocalModel
from nodes.clients.categories.result import Categorized
from nodes.settings.replies import ReplySettings


class Categorizer(Protocol):
    """A model that puts a reply into one of Stripe's eight feedback codes."""

    @property
    def name(self) -> str:
        """The model's name, as it is recorded beside its categories."""

    async def categorize(self, text: str, *, names: tuple[str, ...]) -> Categorized | None:
        """Return the category and its confidence, or None if the model's response is none.

        `names`: of the customer, which must not leave this process. Raises `CategoryFailed`.
        """

    async def close(self) -> None:
        """Close the connections, if there are any."""


def categorizer(settings: ReplySettings) -> Categorizer:
    """Return the endpoint of `REPLY_MODEL_URL`, or the local model without it."""
    return ModelEndpoint(settings) if settings.reply_model_url else LocalModel()
