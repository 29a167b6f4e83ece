"""The blueprint of a session. Whatever is wrong with blueprints, customers can still cancel (FEATURES F28)."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from nodes.rules.blueprints.blueprint import Blueprint, Step
from nodes.rules.blueprints.facts import Ignored, Value, typed
from nodes.rules.reasons import PREFER_NOT_TO_SAY
from nodes.services import services
from nodes.sessions.claims import SessionClaims
from nodes.sessions.facts import session_facts
from nodes.sessions.records import Progress, Session
from nodes.subscriptions.records import ActiveSubscription

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Chosen:
    """A blueprint of a version, the figures for its texts, and what was ignored."""

    version: int
    blueprint: Blueprint
    figures: Mapping[str, Value] = field(default_factory=dict)
    ignored: tuple[Ignored, ...] = ()

    def figures_as_json(self) -> dict[str, Any]:
        """Return the figures for the session's column."""
        return {name: each.isoformat() if isinstance(each, date) else each for name, each in self.figures.items()}

    @property
    def name(self) -> str:
        """The blueprint's name."""
        return self.blueprint.name


# The plain cancellation: one step, which confirms it.
PLAIN = Chosen(-1, Blueprint("plain", (Step("confirm"),)))


async def chosen_for(subscription: ActiveSubscription, claims: SessionClaims) -> Chosen:
    """Return the current blueprint for a subscription; the plain one if anything is wrong."""
    try:
        current = await services().blueprints.current()
        decides = bool(current.attributes or current.audiences)
        facts = await session_facts(subscription, claims, metadata=decides)
        choice = current.choose(facts)
    except Exception as error:  # a company's mistake must not keep a customer
        log.warning("no blueprint can be used: %s", type(error).__name__)
        return PLAIN
    return Chosen(current.version, choice.blueprint, choice.attributes, choice.ignored)


def reason_of(chosen: Chosen, progress: Progress) -> tuple[str, str | None]:
    """Return Stripe's code for the reason that the customer chose last, and its feedback option in Stripe, if any."""
    reason = chosen.blueprint.reasons.get(progress.reason or "")
    return (reason.stripe, reason.feedback_option) if reason else (PREFER_NOT_TO_SAY, None)


async def blueprint_of(session: Session) -> Chosen:
    """Return the blueprint that a session began with, with its figures; the plain one if it can't be used."""
    if session.blueprint_version == PLAIN.version:
        return PLAIN
    try:
        its_version = await services().blueprints.of_version(session.blueprint_version)
        blueprint = its_version.blueprint(session.blueprint)
        known = {
            name: typed(session.figures[name], each.type)
            for name, each in its_version.attributes.items()
            if name in session.figures
        }
        figures = {name: each for name, each in known.items() if each is not None}
        return Chosen(its_version.version, blueprint, figures) if blueprint else PLAIN
    except Exception as error:
        log.warning("session %s: its blueprint can't be used: %s", session.id, type(error).__name__)
        return PLAIN
