"""Error responses: RFC 9457, with the specification's texts and stable names (SPEC, Decided 10)."""

from uuid import UUID

import pytest

from nodes.errors import BillingFailed
from nodes.problems import problem, problem_of, slug_of
from nodes.refusals.base import Refusal
from nodes.refusals.cancellation import (
    NoActiveSubscription,
    NotYourSubscription,
    ReasonRequired,
    RequestNotFound,
    SubscriptionAlreadyPending,
)
from nodes.refusals.changes import OfferUnavailable
from nodes.refusals.links import LinkExpired, LinkInvalid
from nodes.refusals.requests import SeveralSubscriptions
from nodes.requests.kind import CANCELLATION

REQUEST = UUID("550e8400-e29b-41d4-a716-446655440000")


@pytest.mark.parametrize(
    ("refusal", "status", "slug", "detail"),
    [
        (ReasonRequired(), 400, "reason-required", "Cancellation reason required"),
        (NoActiveSubscription(), 404, "no-active-subscription", "No active subscription to cancel"),
        (
            SubscriptionAlreadyPending(),
            409,
            "subscription-already-pending",
            "Subscription already scheduled for cancellation",
        ),
        (NotYourSubscription(), 403, "not-your-subscription", "A user can cancel only their own subscription"),
        (
            SeveralSubscriptions(),
            409,
            "several-subscriptions",
            "Several active subscriptions: name one in subscription_id",
        ),
        (OfferUnavailable(), 409, "offer-unavailable", "No retention offer is available for this subscription"),
        (LinkInvalid(), 400, "link-invalid", "This link is not valid"),
        (LinkExpired(), 410, "link-expired", "This link has expired"),
        (RequestNotFound(), 404, "request-not-found", "No such cancellation request"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Refusal) else None,
)
def test_each_refusal_has_its_status_type_and_text(refusal: Refusal, status: int, slug: str, detail: str) -> None:
    assert problem_of(refusal) == {
        "type": f"urn:cancelflow:problem:{slug}",
        "title": slug.replace("-", " ").capitalize(),
        "status": status,
        "detail": detail,
        "success": False,
    }
    assert str(refusal) == detail


def test_the_text_of_a_failure_is_that_of_the_specification() -> None:
    body = problem(500, CANCELLATION.slug, CANCELLATION.detail, REQUEST)
    assert body["detail"] == "Cancellation failed, try again"
    assert body["success"] is False
    assert body["request_id"] == str(REQUEST)


def test_a_refusal_can_have_its_own_text_and_members() -> None:
    choices = [{"subscription_id": "sub_1", "plan": "starter", "status": "active"}]
    body = problem_of(SeveralSubscriptions("Two of them", subscriptions=choices), REQUEST)
    assert body["detail"] == "Two of them"
    assert body["subscriptions"] == choices
    assert body["request_id"] == str(REQUEST)


def test_without_a_request_there_is_no_request_id() -> None:
    assert "request_id" not in problem_of(ReasonRequired())


def test_every_error_has_a_slug() -> None:
    assert slug_of(BillingFailed("…")) == "billing-failed"
    assert slug_of(TimeoutError()) == "timeout-error"
