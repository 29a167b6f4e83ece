"""The providers in `REPLY_WEBHOOKS`, by name."""

from collections.abc import Callable, Sequence

from pydantic import SecretStr

from nodes.clients.reply_webhooks.mailgun import Mailgun
from nodes.clients.reply_webhooks.posted import Provider
from nodes.clients.reply_webhooks.postmark import Postmark
from nodes.clients.reply_webhooks.ses import AmazonSes
from nodes.refusals.webhooks import WebhooksOff
from nodes.settings.replies import ReplySettings

_PROVIDERS: dict[str, Callable[[Sequence[SecretStr]], Provider]] = {
    "mailgun": Mailgun,
    "postmark": Postmark,
    "ses": AmazonSes,
}


class ReplyWebhooks:
    """The readers of every provider that may post replies."""

    def __init__(self, settings: ReplySettings) -> None:
        self._providers = {name: _PROVIDERS[name](secrets) for name, secrets in settings.reply_webhooks.items()}

    def of(self, name: str) -> Provider:
        """Return the reader of a provider. Raises `WebhooksOff` if it has no secret in the settings."""
        if name not in self._providers:
            raise WebhooksOff
        return self._providers[name]

    async def close(self) -> None:
        """Close every reader's connections."""
        for provider in self._providers.values():
            await provider.close()
