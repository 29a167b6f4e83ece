"""Amazon SNS: the signature of a message, and the confirmation of a subscription.

https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
"""

import base64
import binascii
import re
import ssl
from typing import Any

import httpx
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.x509 import load_pem_x509_certificate

from nodes.refusals.webhooks import DeliveryInvalid, DeliveryUnsigned, DeliveryUnverified

# SNS waits 15 seconds for a response.
SECONDS = 5.0
# Nothing else is ever fetched: whoever posts to us names the address.
_HOST = r"https://sns\.[a-z0-9-]{3,40}\.amazonaws\.com(\.cn)?"
_CERTIFICATE = re.compile(_HOST + r"/SimpleNotificationService-[0-9a-zA-Z]{1,64}\.pem")
_SUBSCRIBE = re.compile(_HOST + r"/\?Action=ConfirmSubscription&[\w%.:&=-]{1,2000}")
# The signed members, in this order; the subject only if there is one.
_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    **dict.fromkeys(
        ("SubscriptionConfirmation", "UnsubscribeConfirmation"),
        ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    ),
}
_MOST_CERTIFICATES = 20


class Sns:
    """A verifier of messages, which remembers certificates. `http`: for another one than the default client."""

    def __init__(self, http: httpx.AsyncClient | None = None) -> None:
        self._http = http
        self._keys: dict[str, RSAPublicKey] = {}

    async def verify(self, message: dict[str, Any]) -> None:
        """Raise `DeliveryUnsigned` unless SNS has signed the message, `DeliveryUnverified` if it can't be found out."""
        url = message.get("SigningCertURL")
        hashed = {"1": SHA1(), "2": SHA256()}.get(str(message.get("SignatureVersion")))  # noqa: S303  # SNS's version 1
        if hashed is None or not isinstance(url, str) or not _CERTIFICATE.fullmatch(url):
            raise DeliveryUnsigned
        try:
            signature = base64.b64decode(message["Signature"], validate=True)
            (await self._key(url)).verify(signature, _to_sign(message), PKCS1v15(), hashed)
        except (InvalidSignature, binascii.Error, KeyError, TypeError, ValueError):
            raise DeliveryUnsigned from None

    async def confirm(self, message: dict[str, Any]) -> None:
        """Confirm the subscription that a verified message asks for."""
        url = str(message["SubscribeURL"])
        if not _SUBSCRIBE.fullmatch(url):
            raise DeliveryInvalid("The SubscribeURL is not one of SNS")
        await self._fetched(url)

    async def close(self) -> None:
        """Close the connections."""
        if self._http is not None:
            await self._http.aclose()

    async def _key(self, url: str) -> RSAPublicKey:
        if url not in self._keys:
            if len(self._keys) >= _MOST_CERTIFICATES:
                self._keys.clear()
            key = load_pem_x509_certificate(await self._fetched(url)).public_key()
            if not isinstance(key, RSAPublicKey):
                raise ValueError("not RSA")
            self._keys[url] = key
        return self._keys[url]

    async def _fetched(self, url: str) -> bytes:
        if self._http is None:
            # Redirects are not followed.
            self._http = httpx.AsyncClient(verify=ssl.create_default_context(), timeout=SECONDS)
        try:
            response = await self._http.get(url)
        except httpx.HTTPError as error:
            raise DeliveryUnverified(f"SNS could not be reached ({type(error).__name__})") from None
        if response.status_code != 200:
            passing = response.status_code == 429 or response.status_code >= 500
            raise (DeliveryUnverified if passing else DeliveryInvalid)(f"SNS responded {response.status_code}")
        return response.content


def _to_sign(message: dict[str, Any]) -> bytes:
    names = [name for name in _SIGNED[message["Type"]] if name != "Subject" or message.get("Subject") is not None]
    return "".join(f"{name}\n{message[name]}\n" for name in names).encode("utf-8", "replace")
