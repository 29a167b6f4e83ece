"""Emails from Amazon SES by SNS: signatures of both versions, and where certificates may come from."""

import asyncio
import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from nodes.clients.reply_webhooks.posted import Delivered, Posted
from nodes.clients.reply_webhooks.ses import AmazonSes
from nodes.refusals.webhooks import DeliveryInvalid, DeliveryUnsigned, DeliveryUnverified

TOPIC = "arn:aws:sns:eu-west-1:123456789012:replies"
CERTIFICATE = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem"
SUBSCRIBE = f"https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=2336412f"
RAW = "To: support+abc@example.com\r\n\r\nZu teuer für mich"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def certificate() -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(KEY.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(KEY, SHA256())
    )
    return made.public_bytes(Encoding.PEM)


class Amazon:
    """What SNS serves: its certificate, and the confirmation of subscriptions. It keeps what was fetched.

    `fails`: the responses to the first requests, by their status, or the errors in their place.
    """

    def __init__(self, *fails: int | Exception) -> None:
        self.fetched: list[str] = []
        self._certificate, self._fails = certificate(), list(fails)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.fetched.append(str(request.url))
        if self._fails:
            failure = self._fails.pop(0)
            if isinstance(failure, Exception):
                raise failure
            return httpx.Response(failure)
        return httpx.Response(200, content=self._certificate if request.url.path.endswith(".pem") else b"<ok/>")


def notice(content: str = RAW) -> str:
    receipt = {"recipients": ["support+abc@example.com"], "action": {"type": "SNS", "topicArn": TOPIC}}
    return json.dumps({"notificationType": "Received", "receipt": receipt, "mail": {}, "content": content})


def signed(version: str = "1", **members: Any) -> dict[str, Any]:
    message = {
        "Type": "Notification",
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": TOPIC,
        "Subject": "Amazon SES Email Receipt Notification",
        "Message": notice(),
        "Timestamp": "2026-11-26T12:00:00.000Z",
        "SignatureVersion": version,
        "SigningCertURL": CERTIFICATE,
    } | members
    names = ["Message", "MessageId", "SubscribeURL", "Subject", "Timestamp", "Token", "TopicArn", "Type"]
    text = "".join(f"{name}\n{message[name]}\n" for name in names if message.get(name) is not None)
    signature = KEY.sign(text.encode(), padding.PKCS1v15(), SHA1() if version == "1" else SHA256())
    return message | {"Signature": base64.b64encode(signature).decode()}


def subscription(**members: Any) -> dict[str, Any]:
    asked = {"Type": "SubscriptionConfirmation", "Subject": None, "Token": "2336412f", "SubscribeURL": SUBSCRIBE}
    return signed(**{**asked, "Message": "You have chosen to subscribe …", **members})


def read(message: object, amazon: Amazon | None = None, times: int = 1) -> Delivered | None:
    async def scenario() -> Delivered | None:
        http = httpx.AsyncClient(transport=httpx.MockTransport(amazon or Amazon()))
        ses = AmazonSes([SecretStr(TOPIC)], http)
        found = None
        for _ in range(times):
            found = await ses.read(Posted(json.dumps(message).encode(), "text/plain; charset=UTF-8", ""))
        await ses.close()
        return found

    return asyncio.run(scenario())


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("content", [RAW, base64.b64encode(RAW.encode()).decode()])
def test_a_signed_email_is_read(version: str, content: str) -> None:
    amazon = Amazon()
    found = read(signed(version, Message=notice(content)), amazon, times=2)
    assert found is not None
    assert (found.raw, found.recipients) == (RAW.encode(), ("support+abc@example.com",))
    assert amazon.fetched == [CERTIFICATE]  # once


def test_a_message_without_a_subject_is_read() -> None:
    assert read(signed(Subject=None)) is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"Message": notice("To: eve@example.net\r\n\r\nx")},
        {"Timestamp": "2026-11-26T12:00:01.000Z"},
        {"TopicArn": "arn:aws:sns:eu-west-1:210987654321:replies"},
        {"Type": "UnsubscribeConfirmation"},
        {"Type": "x"},
        {"SignatureVersion": "2"},
        {"SignatureVersion": "3"},
        {"Signature": "x"},
        {"Signature": ""},
        {"Signature": None},
        {"SigningCertURL": None},
    ],
)
def test_a_message_that_was_changed_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(DeliveryUnsigned):
        read(signed() | changes)


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0.pem",
        "https://sns.eu-west-1.amazonaws.com.example.net/SimpleNotificationService-0.pem",
        "https://sns.eu-west-1.amazonaws.com@example.net/SimpleNotificationService-0.pem",
        "https://example.net/sns.eu-west-1.amazonaws.com/SimpleNotificationService-0.pem",
        "https://sns.example.net/?.amazonaws.com/SimpleNotificationService-0.pem",
        "https://s3.eu-west-1.amazonaws.com/SimpleNotificationService-0.pem",
        "https://sns.eu-west-1.amazonaws.com:8443/SimpleNotificationService-0.pem",
        "https://sns.eu-west-1.amazonaws.com/../SimpleNotificationService-0.pem",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0.pem\n",
        "file:///etc/passwd",
    ],
)
def test_a_certificate_from_elsewhere_is_never_fetched(url: str) -> None:
    amazon = Amazon()
    with pytest.raises(DeliveryUnsigned):
        read(signed(SigningCertURL=url), amazon)
    assert amazon.fetched == []


@pytest.mark.parametrize("failure", [httpx.ConnectTimeout("x"), httpx.ReadError("x"), 503, 429])
def test_a_message_can_be_sent_again_while_sns_can_not_be_asked(failure: int | Exception) -> None:
    amazon = Amazon(failure)
    with pytest.raises(DeliveryUnverified) as caught:
        read(signed(), amazon)
    assert (caught.value.status, caught.value.retry_after) == (503, 5)
    assert read(signed(), amazon) is not None


def test_a_certificate_that_does_not_exist_is_refused_for_good() -> None:
    with pytest.raises(DeliveryInvalid):
        read(signed(), Amazon(404))


def test_a_subscription_to_our_topic_is_confirmed() -> None:
    amazon = Amazon()
    assert read(subscription(), amazon) is None
    assert amazon.fetched == [CERTIFICATE, SUBSCRIBE]


@pytest.mark.parametrize("url", ["https://example.net/?Action=ConfirmSubscription&x=1", CERTIFICATE, "x"])
def test_no_other_address_is_fetched_to_confirm(url: str) -> None:
    amazon = Amazon()
    with pytest.raises(DeliveryInvalid):
        read(subscription(SubscribeURL=url), amazon)
    assert amazon.fetched == [CERTIFICATE]


@pytest.mark.parametrize("message", [[], {}, None, "x", {"TopicArn": TOPIC}])
def test_what_is_no_message_is_refused(message: object) -> None:
    with pytest.raises(DeliveryInvalid):
        read(message)


@pytest.mark.parametrize("change", [{"content": None}, {"receipt": {}}, {"receipt": None}])
def test_a_notification_without_the_whole_email_is_told_so(change: dict[str, Any]) -> None:
    said = {name: value for name, value in (json.loads(notice()) | change).items() if value is not None}
    with pytest.raises(DeliveryInvalid, match="receipt rule"):
        read(signed(Message=json.dumps(said)))


@pytest.mark.parametrize("said", ["Successfully validated SNS topic.", '{"notificationType": "Bounce"}', "[]"])
def test_another_notice_is_nothing(said: str) -> None:
    assert read(signed(Message=said)) is None
