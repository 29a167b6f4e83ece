"""PostgreSQL goes away: before a request nothing is begun, and in the middle of one nothing half is told."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from tests.acceptance.trigger import serving
from tests.faults.wire import wired
from tests.waiting import eventually
from tests.world import World


def test_a_database_that_goes_away_delays_the_work_and_loses_nothing(world: World, tmp_path: Path) -> None:
    person = world.person("professional")
    url = os.environ["DATABASE_URL"]
    place = urlsplit(url)
    assert place.hostname
    assert place.port
    body = {"user_id": person.user_id, "reason": "unused"}
    with (
        wired(place.hostname, place.port) as wire,
        serving(tmp_path, DATABASE_URL=url.replace(f":{place.port}/", f":{wire.port}/")) as trigger,
        ThreadPoolExecutor(1) as pool,
    ):
        with world.simulator.fault(kind="delay", seconds=0.5, method="POST", contains=person.subscription_id) as hits:
            asking = pool.submit(trigger.post, "/cancel-subscription", json=body, headers=person.headers)
            eventually(lambda: hits() == 1)
            wire.cut()
            answer = asking.result()
        later = trigger.post("/cancel-subscription", json=body, headers=person.headers)

    assert answer.status_code == 202
    assert later.status_code == 503
    assert int(later.headers["Retry-After"]) > 0

    request_id = world.request_id(answer)
    world.admin.execute("UPDATE cancellation_requests SET resume_at = now() WHERE id = %s", [request_id])
    done = "SELECT outcome, resume_at FROM cancellation_requests WHERE user_id = %s"
    eventually(lambda: world.row(done, person.user_id)["outcome"], within=20)
    assert world.row(done, person.user_id)["outcome"] == "pending_cancellation"
    effects = [w for w in world.simulator.writes(person.subscription_id) if w["status"] == 200 and not w["replayed"]]
    assert len(effects) == 1
    eventually(lambda: len(world.letters(person)) == 1)
