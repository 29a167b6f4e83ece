"""Step 3: what became of the subscription, by what there is and not by what an event says."""

from nodes.node import node, run_log
from nodes.rules.moments import kind_of_end, turn_of
from nodes.stripe_events.records import Happened, Seen


@node("Decide What Happened", step="3")
async def decide_what_happened(seen: Seen) -> Happened:
    """The rule is nodes/rules/moments.py (FEATURES N01, N03)."""
    billed = seen.billed
    turn = turn_of(
        seen.event.moment,
        status=billed.status,
        pending=billed.pending,
        announced=seen.announced_until is not None,
        same_date=seen.announced_until == billed.cancel_at,
        end_is_told=seen.end_is_told,
        voluntary=kind_of_end(billed.status, billed.end_reason) == "voluntary",
    )
    run_log().info("%s: %s", billed.id, turn.value)
    return Happened(seen, turn)
