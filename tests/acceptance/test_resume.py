"""Operators see unfinished requests and resume them (FEATURES U16, W26)."""

from uuid import UUID, uuid4

import pytest

from deployments.operations.requests import NothingToResume, resume, unfinished
from nodes.settings import DatabaseSettings, load
from tests.waiting import eventually
from tests.world import World


def test_a_failed_request_is_listed_and_resumed_with_its_original_time(world: World) -> None:
    person = world.person("professional")
    with world.simulator.fault(kind="status", status=500, method="POST", contains=person.subscription_id, times=0):
        failed = world.cancel(person)
    assert failed.status_code == 500
    request_id = UUID(world.request_id(failed))
    asked_at = "SELECT received_at FROM cancellation_requests WHERE id = %s"
    first = world.row(asked_at, request_id)
    settings = load(DatabaseSettings)
    [listed] = [request for request in unfinished(settings) if request.id == str(request_id)]
    assert "failed" in listed.line()
    assert "needs attention" in listed.line()

    resume(settings, request_id)

    eventually(lambda: str(request_id) not in {request.id for request in unfinished(settings)})
    assert world.stripe.subscriptions.retrieve(person.subscription_id).cancel_at_period_end
    assert world.row(asked_at, request_id) == first
    eventually(lambda: len(world.emails(person)) == 1)
    audit = world.rows("SELECT outcome FROM audit_log WHERE request_id = %s ORDER BY id", request_id)
    assert [row["outcome"] for row in audit] == ["failed", "pending_cancellation"]


def test_a_refused_request_cannot_be_resumed(world: World) -> None:
    person = world.person("no_subscription")
    refused = UUID(world.request_id(world.cancel(person)))

    for request_id in (refused, uuid4()):
        with pytest.raises(NothingToResume):
            resume(load(DatabaseSettings), request_id)
