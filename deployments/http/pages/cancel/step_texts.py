"""The texts of a blueprint's step, with ours where the company has none."""

import logging
from datetime import datetime

from markupsafe import Markup

from deployments.http.pages.safe_html import safe_html
from email_templates.dates import long_date
from nodes.cancellation.preview import cancellation_preview
from nodes.messages.customer_locale import CustomerLocale
from nodes.messages.figures import figures
from nodes.rules.blueprints.blueprint import Step
from nodes.rules.texts import text_in
from nodes.services import services
from nodes.sessions.blueprints import Chosen
from nodes.subscriptions.records import ActiveSubscription

log = logging.getLogger(__name__)


def title(step: Step, plan: str, reads: CustomerLocale) -> str:
    """Return the step's title. `plan`: the key of the subscription's."""
    if step.title:
        return text_in(step.title, reads.locale)
    _ = reads.language.gettext
    match step.kind:
        case "survey":
            return _("What's your main reason for cancelling?")
        case "feedback":
            return _("What could we have done better?")
        case "offer":
            return _("Before you go: does one of these fit better?")
    return _("Cancel your %(plan)s plan?", plan=services().catalog.plan(plan).name(reads.locale))


def description(step: Step, chosen: Chosen, reads: CustomerLocale) -> Markup | None:
    """Return the company's description, with the session's figures."""
    found = figures(chosen.figures, reads.locale)
    body = step.body(reads.locale, found)
    return safe_html(body, found) if body else None


async def consequences(subscription: ActiveSubscription, reads: CustomerLocale) -> list[str]:
    """Say what cancelling now does: when the plan ends, what is refunded, what becomes of the data (FEATURES F17)."""
    _ = reads.language.gettext
    try:
        found = await cancellation_preview(subscription)
    except Exception as error:  # whatever can't be previewed, the customer can cancel (FEATURES F28)
        log.warning("the cancellation can't be previewed: %s", type(error).__name__)
        return []
    ends = _date(found["ends_at"], reads)
    texts = [_("Your plan ends now.") if found["ends_now"] else _("You keep your plan until %(date)s.", date=ends)]
    if found["refund"]:
        texts.append(_("We refund %(amount)s.", amount=found["refund"]["formatted"]))
    texts.append(_("Your data is kept until %(date)s.", date=_date(found["data_retention_until"], reads)))
    return texts


def _date(text: str, reads: CustomerLocale) -> str:
    return long_date(datetime.fromisoformat(text), reads.locale, reads.time_zone)
