"""The options of offers as buttons: what a button's value stands for."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from nodes.offers.listing import choice_of


def value_of(offer_id: str, option: dict[str, Any]) -> str:
    """Return the value of an option's button."""
    return json.dumps([offer_id, choice_of(option)])


def option_of(value: str, offers: Iterable[dict[str, Any]]) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Return the offer and the option of a button, if they are among these offers (FEATURES C14)."""
    pairs = ((offer, option) for offer in offers for option in offer["options"])
    return next((pair for pair in pairs if value_of(pair[0]["id"], pair[1]) == value), None)


def is_time(text: str) -> bool:
    """Return whether a form's field is a time as `GET /offers` writes it."""
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
