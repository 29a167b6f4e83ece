"""Who carries an action out in Stripe: cancelflow, the company's hook or the company's page (FEATURES C15 to C17)."""

from typing import Literal

Carrier = Literal["cancelflow", "hook", "page"]
# What a hook can carry out.
Action = Literal["pause", "resume", "discount", "plan_change", "trial_extension", "cancel"]
# What a page can carry out, by the names of its handlers.
Handler = Literal["pause", "discount", "plan_change", "trial_extension", "cancel", "support", "redirect"]
# A message for the customer has at most so many characters.
MAX_MESSAGE = 500


def handler_of(kind: str) -> str:
    """Return the handler for a kind of offer."""
    return "support" if kind == "contact" else kind


def message_in(given: object) -> str | None:
    """Return a company's message for the customer as plain text on one line, cut to its limit; None if it has none."""
    if not isinstance(given, str):
        return None
    printable = "".join(each if each.isprintable() else " " for each in given)
    return " ".join(printable.split())[:MAX_MESSAGE] or None
