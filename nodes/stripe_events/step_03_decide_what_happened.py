"""Step 3: decide what happened to the subscription, by its current state and not by the event's content."""

from nodes.node import node, run_log
from nodes.rules.stripe_changes import kind_of_end, outcome_of
from nodes.stripe_events.records import Happened, Seen


@node("Decide What Happened", step="3")
async def decide_what_happened(seen: Seen) -> Happened:
    """Apply the rule of nodes/rules/stripe_changes.py (FEATURES N01, N03)."""
    billed = seen.billed
    turn = outcome_of(
        seen.event.change,
        status=billed.status,
        pending=billed.pending,
        announced=seen.announced_until is not None,
        same_date=seen.announced_until == billed.cancel_at,
        end_is_announced=seen.end_is_announced,
        voluntary=kind_of_end(billed.status, billed.end_reason) == "voluntary",
        changed=seen.unrecorded is not None,
    )
    run_log().info("%s: %s", billed.id, turn.value)
    return Happened(seen, turn)
