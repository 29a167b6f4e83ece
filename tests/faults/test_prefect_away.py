"""The Prefect server is unavailable: the same nodes carry out the request, and its row says that no run shows it."""

from pathlib import Path

import pytest

from tests.acceptance.trigger import serving
from tests.ports import free_port
from tests.world import World

pytestmark = pytest.mark.slow


def test_a_cancellation_does_not_wait_for_the_prefect_server(world: World, tmp_path: Path) -> None:
    person = world.person("professional")
    with serving(tmp_path, PREFECT_API_URL=f"http://127.0.0.1:{free_port()}/api") as trigger:
        assert "prefect" in str(trigger.get("/readyz").json())

        response = trigger.post(
            "/cancel-subscription", json={"user_id": person.user_id, "reason": "unused"}, headers=person.headers
        )

    assert response.status_code == 200, response.text
    assert world.stripe.subscriptions.retrieve(person.subscription_id).cancel_at_period_end
    assert len(world.simulator.writes(person.subscription_id)) == 1
    assert len(world.emails(person)) == 1
    request = world.row(
        "SELECT outcome, flow_run_id, resume_at FROM cancellation_requests WHERE user_id = %s", person.user_id
    )
    assert request == {"outcome": "pending_cancellation", "flow_run_id": None, "resume_at": None}
