"""What the embed's page tells the site around it about the session: results without free text (FEATURES C19)."""

from deployments.http.pages.embed.frame import frame
from nodes.rules.blueprints.screens import required_left
from nodes.sessions.blueprints import blueprint_of
from nodes.sessions.records import Session


async def tell_of(session: Session) -> None:
    """Tell the request's frame about the session, if there is a frame."""
    around, claims = frame(), session.claims
    if around is None:
        return
    handlers = [] if claims.preview else sorted(claims.handlers)
    around.facts = {
        "customer": {
            "userId": session.user_id,
            "customerId": claims.customer,
            "subscriptionId": session.subscription_id,
        },
        "results": {
            "sessionId": str(session.id),
            "mode": claims.mode,
            "outcome": None if session.outcome == "abandoned" else session.outcome,
            "reason": session.so_far.reason,
        },
        "handlers": handlers,
    }
    if "cancel" in handlers:
        around.facts["feedback"] = session.feedback  # the company's code cancels, and keeps it as cancelflow would
        around.required = required_left((await blueprint_of(session)).blueprint, session.so_far.passed)
