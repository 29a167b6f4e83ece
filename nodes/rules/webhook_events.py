"""The types of event in outgoing webhooks: those of the view `webhook_events` (sql/migrations/0017 and 0020)."""

WEBHOOK_EVENTS = (
    "session.started",
    "session.completed",
    "session.abandoned",
    "offer.accepted",
    "subscription.discounted",
    "subscription.paused",
    "subscription.resumed",
    "subscription.plan_changed",
    "subscription.trial_extended",
    "subscription.canceled",
    "subscription.reactivated",
    "subscription.ended",
    "task.created",
)
