"""A session of the cancel page while its trigger is killed or its database is away: it comes back where it was."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.cancel_page.visitor import Visitor, path_of, sessions_of, token
from tests.faults.triggers import Trigger, Triggers
from tests.faults.wires import Wires, wired
from tests.faults.wires_line import Fault, When
from tests.sdk.component import Component, component_token
from tests.waiting import eventually
from tests.world import Person, Row, World

pytestmark = pytest.mark.slow

REACH_SECONDS = 60.0
WRITE = "POST /v1/subscriptions/{id}"
CANCELLED = "Your subscription is cancelled"
OFFERS = "Would this suit you better?"
DUE = "UPDATE {} SET resume_at = now() WHERE user_id = %s AND finished_at IS NULL"


def carried_out(world: World, person: Person) -> list[Row]:
    found = world.simulator.writes(person.subscription_id)
    return [each for each in found if each["status"] == 200 and not each["replayed"]]


def killed_at(wires: Wires, trigger: Trigger, effect: str, when: When, pressed: Callable[[], httpx.Response]) -> None:
    """Press a button, and kill the trigger at an effect."""
    stop = wires.freeze_at(effect, when)

    def press() -> None:
        with pytest.raises(httpx.TransportError):
            pressed()

    with ThreadPoolExecutor(1) as threads:
        pressing = threads.submit(press)
        assert stop.reached.wait(REACH_SECONDS), wires.effects
        trigger.kill()
        pressing.result()


@pytest.fixture
def begun(world: World, triggers: Triggers) -> Iterator[tuple[Person, Visitor, Trigger, Wires]]:
    """Yield a session that shows offers, on a trigger that will be killed."""
    person = world.person("professional")
    with (
        wired(alone=True) as wires,
        triggers.started(**wires.settings()) as trigger,
        Visitor(world, trigger.url) as visitor,
    ):
        visitor.open(token(person))
        visitor.press("next", reason="too_expensive")
        assert visitor.title == OFFERS
        yield person, visitor, trigger, wires


@pytest.mark.parametrize("when", When)
@pytest.mark.parametrize("effect", [WRITE, "receive_cancellation"])
def test_a_cancellation_survives_its_trigger(
    world: World, begun: tuple[Person, Visitor, Trigger, Wires], effect: str, when: When
) -> None:
    person, visitor, trigger, wires = begun
    killed_at(wires, trigger, effect, when, lambda: visitor.press("cancel"))
    visitor.http.base_url = world.addresses["http"]

    visitor.reload()
    if effect == "receive_cancellation" and when is When.BEFORE:  # nothing was received; the page is where it was
        assert visitor.page.status_code == 200
        assert sessions_of(world, person)[0]["cancellation_id"] is None
        assert carried_out(world, person) == []
        visitor.press("cancel")
    world.admin.execute(DUE.format("cancellation_requests").encode(), [person.user_id])
    eventually(lambda: visitor.reload().status_code == 200 and visitor.title == CANCELLED)

    assert len(carried_out(world, person)) == 1
    [request] = world.rows("SELECT * FROM cancellation_requests WHERE user_id = %s", person.user_id)
    [session] = sessions_of(world, person)
    assert (session["outcome"], session["cancellation_id"]) == ("cancelled", request["id"])
    kinds = [kind for kind, _ in path_of(world, person)]
    assert kinds == ["opened", "step_shown", "reason_chosen", "offer_shown", "offer_declined", *kinds[5:]]
    assert path_of(world, person)[-1][0] == "cancellation_requested"
    assert kinds.count("cancellation_requested") == 1
    assert len(world.emails(person)) == 1


def test_the_components_reason_survives_the_trigger_of_its_cancellation(world: World, triggers: Triggers) -> None:
    person = world.person("professional")
    made = component_token(person)
    with wired(alone=True) as wires, triggers.started(**wires.settings()) as trigger:
        killed_at(wires, trigger, WRITE, When.BEFORE, Component(f"{trigger.url}/sdk/v1", made).cancel)
    said = {"aborted": True, "surveyChoiceId": "missing_features", "feedback": "An export"}
    assert Component(world.addresses["sdk_base"], made).record(**said).status_code == 204

    world.admin.execute(DUE.format("cancellation_requests").encode(), [person.user_id])

    reason = "SELECT category, feedback FROM cancellation_reasons WHERE user_id = %s AND feedback IS NOT NULL"
    found = eventually(lambda: world.rows(reason, person.user_id))
    assert found == [{"category": "missing_features", "feedback": "An export"}]
    eventually(lambda: [each["texts"] for each in sessions_of(world, person)] == [{}])


@pytest.mark.parametrize("when", When)
def test_an_accepted_offer_survives_its_trigger(
    world: World, begun: tuple[Person, Visitor, Trigger, Wires], when: When
) -> None:
    person, visitor, trigger, wires = begun
    killed_at(wires, trigger, WRITE, when, lambda: visitor.accept("30% off"))
    visitor.http.base_url = world.addresses["http"]

    assert (visitor.reload().status_code, visitor.title) == (202, "We're making your change")
    world.admin.execute(DUE.format("change_requests").encode(), [person.user_id])
    eventually(lambda: visitor.reload().status_code == 200)

    assert visitor.title == "Done: your subscription was changed"
    assert len(carried_out(world, person)) == 1
    [session] = sessions_of(world, person)
    assert session["outcome"] == "saved"
    assert path_of(world, person)[-1][0] == "offer_accepted"


@pytest.mark.parametrize("fault", Fault)
def test_without_the_database_nothing_is_changed_and_later_it_works(
    world: World, begun: tuple[Person, Visitor, Trigger, Wires], fault: Fault
) -> None:
    person, visitor, _, wires = begun
    before = world.belongings(person.user_id)
    other = world.person("starter")
    made = token(other)
    form = visitor.page
    wires.fail("postgresql", fault)

    with Visitor(world, str(visitor.http.base_url)) as late:
        assert late.open(made).status_code == 503
        assert "Nothing was changed" in late.text
    pressed = "We may not have received this"
    for act, text in (
        (visitor.reload, "Nothing was changed"),
        (lambda: visitor.press("next"), pressed),
        (lambda: visitor.press("cancel"), pressed),
    ):
        visitor.page = form
        assert act().status_code == 503
        assert visitor.title == "Try again in a moment"
        assert text in visitor.text
    assert world.belongings(person.user_id) == before

    wires.restore("postgresql")
    eventually(lambda: visitor.reload().status_code == 200)
    assert visitor.title == OFFERS
    visitor.press("cancel")
    assert visitor.title == CANCELLED
    assert len(carried_out(world, person)) == 1
    with Visitor(world, str(visitor.http.base_url)) as late:
        assert late.open(made).status_code == 200
        late.press("cancel")
        assert late.title == CANCELLED
