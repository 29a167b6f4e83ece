"""A company's hook that carries actions out in Stripe, once for each id, and may do less than it says."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.hook_receiver import Received, Receiver
from tests.world import World


@dataclass
class StripeHook:
    """What a receiver does. `does_nothing`: it only says that it has. `seen`: the ids that it has carried out."""

    world: World
    receiver: Receiver
    message: str | None = None
    does_nothing: bool = False
    seen: list[str] = field(default_factory=list)

    def reset(self) -> None:
        """Make it work again, for the next test."""
        self.receiver.status, self.receiver.content, self.receiver.act = 200, None, self.carry_out
        self.message, self.does_nothing = None, False

    def about(self, subscription_id: str) -> list[Received]:
        """Return what was sent about a subscription, whatever became of it."""
        every = [*self.receiver.accepted, *self.receiver.refused]
        return [each for each in every if each.body["data"]["subscription_id"] == subscription_id]

    def carry_out(self, got: Received) -> Any:
        if not self.does_nothing and got.id not in self.seen:
            self.seen.append(got.id)
            data = got.body["data"]
            change(self.world, got.body["type"].removeprefix("action."), data)
        return {"message": self.message} if self.message else None


def change(world: World, action: str, data: Any) -> None:
    """Make the change in Stripe, as the company's own code would."""
    subscription_id, update = data["subscription_id"], world.stripe.subscriptions.update
    match action:
        case "pause":
            paused = {"behavior": data.get("behavior", "void"), "resumes_at": _seconds(data["resumes_at"])}
            update(subscription_id, {"pause_collection": paused})  # type: ignore[arg-type]
        case "resume":
            update(subscription_id, {"pause_collection": ""})
        case "discount":
            update(subscription_id, {"discounts": [{"coupon": data["coupon_id"]}]})
        case "plan_change":
            item = world.stripe.subscriptions.retrieve(subscription_id).items.data[0].id
            items = [{"id": item, "price": data["price_id"]}]
            update(subscription_id, {"items": items, "proration_behavior": "none"})  # type: ignore[arg-type]
        case "trial_extension":
            until = _seconds(data["trial_ends_at"])
            update(subscription_id, {"trial_end": until, "proration_behavior": "none"})
        case "cancel" if data.get("when") == "now":
            world.stripe.subscriptions.cancel(subscription_id)
        case "cancel":
            update(subscription_id, {"cancel_at_period_end": True})


def _seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())
