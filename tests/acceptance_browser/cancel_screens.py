"""The cancel page in a browser's tab, and how a customer gets to each of its screens."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Page, expect

from tests.cancel_page.visitor import token
from tests.world import Person, World

CANCEL = "Cancel my subscription"
# The attribute of the customers whose blueprint asks for everything.
THOROUGH = {"steps": "all"}
ALL_STEPS = """audience: attributes.steps == 'all'
steps:
  - survey:
      required: true
      title: Why are you leaving?
      description: "**Your answer** helps us improve."
      reasons:
        - code: unused
          meaning: The customer doesn't use the product enough.
          stripe: unused
          label: I don't use it enough
        - code: other
          meaning: The reason is none of the others.
          stripe: other
          label: Another reason
          follow_up: What is it?
          offers: []
  - feedback: {required: true, min_length: 5, placeholder: Tell us more}
  - offer:
  - confirm:
"""
# What has the focus, and the outline that shows it.
FOCUS = """() => {
    const focused = document.activeElement, {outlineStyle, outlineWidth} = getComputedStyle(focused)
    return {text: focused.textContent.trim(), value: focused.value, outline: `${outlineStyle} ${outlineWidth}`}
}"""
# Stripe refuses every change of a subscription.
REFUSED = {"kind": "status", "status": 400, "method": "POST", "times": 0}


@dataclass
class Tab:
    """A tab on the cancel page at `url`; at `by_hand`, only operators cancel Enterprise. `presses`: so far.

    `claims`: what each token says besides. `until_closed`: what has to end with the tab.
    """

    world: World
    page: Page
    url: str
    by_hand: str
    claims: dict[str, Any] = field(default_factory=dict)
    presses: int = 0
    until_closed: ExitStack = field(default_factory=ExitStack)

    def open(self, case: str | Person, url: str | None = None, **claims: Any) -> Person:
        """Open the page for a customer, or for a new one of a demo case."""
        person = self.world.person(case) if isinstance(case, str) else case
        signed = token(person, **{**self.claims, **claims})
        self.page.goto(f"{url or self.url}/cancel?token={signed}")
        return person

    def press(self, button: str) -> None:
        """Press the first button with this text."""
        self.presses += 1
        with self.page.expect_navigation():
            self.page.locator("main button", has_text=button).first.click()

    def do(self, action: str) -> None:
        """Press the button for an action, whatever its text; `accept`: the first offer's first option."""
        self.presses += 1
        with self.page.expect_navigation():
            self.page.locator("[name=accept]" if action == "accept" else f"[name=action][value={action}]").first.click()

    def choose(self, reason: str) -> None:
        """Choose a reason by its code."""
        self.page.locator(f"#reason-{reason}").check()

    def reach(self, target: str) -> None:
        """Press Tab until what has this text or value has the focus; each stop on the way shows that it has it."""
        for _ in range(30):
            self.page.keyboard.press("Tab")
            focus = self.page.evaluate(FOCUS)
            assert focus["outline"] == "solid 3px", focus
            if target in (focus["text"], focus["value"]):
                return
        raise AssertionError(f"the keyboard doesn't reach {target}")

    def shows(self, title: str) -> None:
        """Wait until the page has this title."""
        expect(self.page.get_by_role("heading", level=1)).to_have_text(title)


def _survey(tab: Tab) -> None:
    tab.open("professional")


def _follow_up(tab: Tab) -> None:
    tab.open("professional")
    tab.choose("missing_features")


def _offer(tab: Tab) -> None:
    tab.open("professional")
    tab.choose("too_expensive")
    tab.do("next")


def _all_offers(tab: Tab) -> None:
    tab.open("professional")
    tab.do("next")


def _confirm(tab: Tab) -> None:
    tab.open("professional")
    tab.choose("switched_service")
    tab.do("next")


def _required(tab: Tab) -> None:
    tab.open("professional", customerAttributes=THOROUGH)
    tab.do("cancel")


def _feedback(tab: Tab) -> None:
    tab.open("professional", customerAttributes=THOROUGH)
    tab.choose("other")
    tab.do("next")


def _cancelled(tab: Tab) -> None:
    tab.open("professional")
    tab.do("cancel")


def _ended(tab: Tab) -> None:
    tab.open("past_due")
    tab.do("cancel")


def _manual(tab: Tab) -> None:
    tab.open("enterprise", tab.by_hand)
    tab.do("cancel")


def _saved(tab: Tab) -> None:
    _offer(tab)
    tab.do("accept")


def _failed(tab: Tab) -> None:
    person = tab.open("professional")
    tab.until_closed.enter_context(tab.world.simulator.fault(**REFUSED, contains=person.subscription_id))
    tab.do("cancel")


def _paused(tab: Tab) -> None:
    person = tab.open("professional")
    tab.choose("unused")
    tab.do("next")
    tab.do("accept")
    tab.open(person)


def _discounted(tab: Tab) -> None:
    tab.open("already_discounted")


def _pending(tab: Tab) -> None:
    tab.open("already_pending")


def _expired(tab: Tab) -> None:
    tab.open("professional", exp=int(time.time()) - 60)


def _no_session(tab: Tab) -> None:
    tab.page.goto(f"{tab.url}/cancel")


def _nothing(tab: Tab) -> None:
    tab.open("no_subscription")


def _several(tab: Tab) -> None:
    tab.open("two_subscriptions")


def _kept(tab: Tab) -> None:
    tab.open("professional")
    tab.do("leave")


def _preview(tab: Tab) -> None:
    tab.open("professional", preview=True)
    tab.do("cancel")


# Each screen with its title in English.
SCREENS: dict[str, tuple[Callable[[Tab], None], str]] = {
    "survey": (_survey, "What's your main reason for cancelling?"),
    "follow_up": (_follow_up, "What's your main reason for cancelling?"),
    "required": (_required, "Why are you leaving?"),
    "feedback": (_feedback, "What could we have done better?"),
    "offer": (_offer, "Would this suit you better?"),
    "all_offers": (_all_offers, "Would this suit you better?"),
    "confirm": (_confirm, "Cancel your subscription?"),
    "several": (_several, "Which subscription do you want to cancel?"),
    "paused": (_paused, "Your billing is paused"),
    "discounted": (_discounted, "You already have a discount"),
    "cancelled": (_cancelled, "Your subscription is cancelled"),
    "ended": (_ended, "Your subscription has ended"),
    "manual": (_manual, "We've received your cancellation"),
    "saved": (_saved, "Done: your subscription was changed"),
    "failed": (_failed, "That did not work"),
    "pending": (_pending, "Your subscription is cancelled"),
    "kept": (_kept, "Nothing was changed"),
    "expired": (_expired, "This link has expired"),
    "no_session": (_no_session, "Open this page from your account"),
    "nothing": (_nothing, "You have no active subscription"),
    "preview": (_preview, "Preview: nothing was changed"),
}
