"""The component's config: steps with their texts in the customer's language, the customer, and the subscription."""

from typing import Any

from markupsafe import Markup

from deployments.http.pages.cancel.step_texts import consequences, description, title
from deployments.http.sdk.offers import offer_as_json
from deployments.http.sdk.subscription import subscription_as_json
from nodes.cancellation.refusals import refuse_in_fixed_term
from nodes.messages.customer_locale import CustomerLocale
from nodes.offers.shape import is_manual
from nodes.refusals.cancellation import FixedTermRunning
from nodes.rules.blueprints.planned_steps import PlannedStep
from nodes.rules.reasons import PREFER_NOT_TO_SAY
from nodes.rules.texts import text_in
from nodes.sessions.component_flow import ComponentFlow
from nodes.sessions.records import Session

# The component has no button that cancels from every step, and no other compliance mode.
SETTINGS = {"clickToCancelEnabled": False, "strictFTCComplianceEnabled": False}


async def config_of(flow: ComponentFlow, reads: CustomerLocale) -> dict[str, Any]:
    """Return the config. It holds no name and no email address: a token in a page should reveal little."""
    return {
        "blueprintId": f"{flow.chosen.name}-{flow.chosen.version}",
        "steps": [await _step(each, flow, reads) for each in flow.steps],
        "customer": {"id": _customer(flow.session), "currency": flow.subscription.billed.currency},
        "subscriptions": [subscription_as_json(flow.subscription, reads)],
        "settings": SETTINGS,
    }


def _customer(session: Session) -> str:
    """Return the id by which the token names the customer."""
    return session.claims.customer or session.user_id


async def _step(planned: PlannedStep, flow: ComponentFlow, reads: CustomerLocale) -> dict[str, Any]:
    step = planned.step
    found: dict[str, Any] = {
        "guid": f"{flow.chosen.name}-{flow.chosen.version}-{planned.place}",
        "type": step.kind,
        "title": title(step, flow.subscription.plan, reads),
    }
    described = description(step, flow.chosen, reads)
    match step.kind:
        case "survey":
            found["reasons"] = _reasons(planned, flow, reads)
        case "offer":
            found["offer"] = offer_as_json(flow.offers[str(planned.offer)], reads, described, titled=bool(step.title))
            described = None  # the component would show it in place of the offer's own text, which has the cost
            if step.title is None:  # the offer's own headline says more
                del found["title"]
        case "feedback":
            found |= {"required": step.required, "minLength": max(step.min_length, int(step.required))}
            if step.placeholder:
                found["placeholder"] = text_in(step.placeholder, reads.locale)
        case "confirm":
            described = Markup().join([described or "", *map(_paragraph, await _before_confirming(flow, reads))])
    return found | ({"description": str(described)} if described else {})


def _reasons(planned: PlannedStep, flow: ComponentFlow, reads: CustomerLocale) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"id": each.code, "label": text_in(each.label, reads.locale), "freeform": each.follow_up is not None}
        for each in planned.step.reasons
    ]
    found.append({"id": PREFER_NOT_TO_SAY, "label": reads.language.gettext("I'd rather not say"), "freeform": False})
    for each in found:
        if offer := planned.by_reason.get(each["id"]):
            each["offer"] = offer_as_json(flow.offers[offer], reads)
    return found


async def _before_confirming(flow: ComponentFlow, reads: CustomerLocale) -> list[str]:
    """Return what cancelling does, that a person will do it, or why it can't be done: the component says none of it."""
    try:
        await refuse_in_fixed_term(flow.subscription)
    except FixedTermRunning as refused:
        return [refused.text]
    if is_manual(flow.subscription):
        _ = reads.language.gettext
        return [_("Someone on our team will complete it and email you. The date of your request counts.")]
    return await consequences(flow.subscription, reads)


def _paragraph(text: str) -> Markup:
    return Markup("<p>{}</p>").format(text)
