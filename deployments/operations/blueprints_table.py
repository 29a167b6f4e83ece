"""Terminal output of blueprints."""

from rich.markup import escape
from rich.table import Table

from nodes.clients.blueprints.loader import BlueprintSet
from nodes.rules.blueprints.blueprint import Blueprint, Step
from nodes.rules.blueprints.facts import Attribute


def blueprints_table(found: BlueprintSet) -> Table:
    """Return a table with each blueprint's audience, steps and reasons, and the declared attributes."""
    table = Table(box=None, pad_edge=False)
    for head in ("blueprint", "for", "steps", "reasons and the offers that fit"):
        table.add_column(head, overflow="fold")
    for each in found.blueprints:
        audience = escape(each.audience) if each.audience else "everyone else"
        table.add_row(each.name, audience, "\n".join(map(_step, each.steps)), _reasons(each))
    if found.attributes:
        table.caption = "attributes: " + escape(", ".join(_attribute(*each) for each in found.attributes.items()))
    return table


def _step(step: Step) -> str:
    details = ["required"] if step.required else []
    if step.min_length:
        details.append(f"{step.min_length} characters")
    if step.offers is not None:
        details.append(_listed(step.offers))
    return f"{step.kind} ({', '.join(details)})" if details else step.kind


def _reasons(blueprint: Blueprint) -> str:
    return "\n".join(f"{code}: {_listed(each.offers)}" for code, each in blueprint.reasons.items())


def _listed(offers: tuple[str, ...] | None) -> str:
    return "all" if offers is None else ", ".join(offers) or "none"


def _attribute(name: str, attribute: Attribute) -> str:
    default = f", {attribute.default} where missing" if attribute.default is not None else ""
    return f"{name} ({attribute.type}{default})"
