"""Handle Stripe's events: each triggers a read, and the state that is read decides (FEATURES N01 to N06)."""

from prefect import flow
from prefect.client.schemas.objects import State

from nodes.errors import PutOff
from nodes.rules.stripe_changes import EventOutcome
from nodes.stripe_events.records import Happened
from nodes.stripe_events.run import Handling, handling
from nodes.stripe_events.step_01_claim_event import claim_event
from nodes.stripe_events.step_01b_copy_from_stripe import copy_from_stripe
from nodes.stripe_events.step_02_look_at_subscription import look_at_subscription
from nodes.stripe_events.step_03_decide_what_happened import decide_what_happened
from nodes.stripe_events.step_04_ask_for_cancellation import ask_for_cancellation
from nodes.stripe_events.step_05_fill_in_reason import fill_in_reason
from nodes.stripe_events.step_06_move_date import move_date
from nodes.stripe_events.step_07_ask_for_reactivation import ask_for_reactivation
from nodes.stripe_events.step_08_record_end import record_end
from nodes.stripe_events.step_09_send_ending_email import send_ending_email
from nodes.stripe_events.step_10_publish_ended_event import publish_ended_event
from nodes.stripe_events.step_11_record_portal_offer import record_portal_offer
from nodes.stripe_events.step_11b_record_change_in_stripe import record_change_in_stripe
from nodes.stripe_events.step_12_event_handled import event_handled


@flow(name="handle-stripe-event", flow_run_name="handle-stripe-event {event_id}", persist_result=False)
async def handle_stripe_event(event_id: str) -> State[None]:
    """Handle one event of `stripe_events`. Safe to repeat, in any order, and concurrently for one subscription."""
    async with handling(event_id) as run:
        event = await claim_event(event_id)
        subjects = event.subjects
        if event.to_copy:
            subjects = await copy_from_stripe(event, event.to_copy) or subjects
            run.copied()
        for subject in subjects:
            seen = await look_at_subscription(event, subject)
            happened = await decide_what_happened(seen)
            run.happened(happened)
            await _follow(happened, run)
        await event_handled(event, run.outcome)
    return run.state()


async def _follow(happened: Happened, run: Handling) -> None:
    match happened.outcome:
        case EventOutcome.LEAVES | EventOutcome.LEFT:
            if later := await ask_for_cancellation(happened):
                raise PutOff(later.why, later.seconds)
        case EventOutcome.SAYS_WHY:
            await fill_in_reason(happened)
        case EventOutcome.MOVED:
            await move_date(happened)
        case EventOutcome.COMES_BACK:
            if later := await ask_for_reactivation(happened):
                raise PutOff(later.why, later.seconds)
        case EventOutcome.ENDED:
            ended = await record_end(happened)
            await run.ended(ended)
            await run.together(send_ending_email(ended), publish_ended_event(ended))
        case EventOutcome.DISCOUNTED:
            await record_portal_offer(happened)
        case EventOutcome.CHANGED:
            if later := await record_change_in_stripe(happened):
                raise PutOff(later.why, later.seconds)
