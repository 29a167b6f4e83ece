"""Step 2: check that each customer left, has not come back, agreed to marketing emails, and can be reached."""

from nodes.node import node, run_log
from nodes.runs.each import for_each
from nodes.services import services
from nodes.win_back.gates import refusal, subscribed_in_stripe
from nodes.win_back.records import Batch, Checked, Decision, Tagged


@node("Check Customers", step="2")
async def check_customers(batch: Batch) -> Checked:
    """Check our rows and then Stripe. A customer who can't be checked is left for the next run."""
    decisions, failed = await for_each(batch.customers, _decision, user_of=lambda customer: customer.user_id)
    write_to = sum(each.why_not is None for each in decisions)
    run_log().info("%s to write to, %s not, %s not checked", write_to, len(decisions) - write_to, len(failed))
    return Checked(decisions, failed, batch.dry_run)


async def _decision(customer: Tagged) -> Decision:
    async with services().database.as_user(customer.user_id) as transaction:
        why_not = await refusal(transaction, customer)
    if why_not is None and await subscribed_in_stripe(customer.user_id):
        return Decision(customer, "came_back")
    return Decision(customer, why_not)
