"""What follows from a call's result, by its codes."""

from typing import get_args

import pytest

from nodes.rules.calls.results import Heard, Said, Warmth, asks_why, tasks_after
from nodes.rules.reason_classes import REASON_CLASSES, ReasonClass
from nodes.rules.tasks import TaskKind

SUMMARY = "It was slow."


def said(
    warmth: Warmth | None = None,
    reason_class: ReasonClass | None = None,
    heard: tuple[Heard, ...] = (),
    promises: tuple[str, ...] = (),
    shown: bool | None = None,
) -> Said:
    return Said(warmth, reason_class, list(heard), SUMMARY, list(promises), shown)


def kinds(of: Said) -> list[TaskKind]:
    return [task.kind for task in tasks_after(of)]


@pytest.mark.parametrize(
    ("warmth", "tasks", "asked"),
    [("hot", ["sales"], False), ("warm", ["sales"], False), ("cold", [], True), ("dead", [], True), (None, [], False)],
)
def test_warmth_decides_between_sales_and_the_email(warmth: Warmth | None, tasks: list[str], asked: bool) -> None:
    assert (kinds(said(warmth)), asks_why(said(warmth))) == (tasks, asked)


WANTED: dict[Heard, list[TaskKind]] = {
    "do_not_call": [],  # revoked on receipt
    "did_not_cancel": ["billing"],
    "human": ["escalation"],
    "upset": ["escalation"],
    "offer_accepted": ["sales"],
    "reversed": [],  # decided by what Stripe shows
}


@pytest.mark.parametrize("heard", get_args(Heard))
def test_each_request_has_its_task(heard: Heard) -> None:
    assert kinds(said(heard=(heard,))) == WANTED[heard]


@pytest.mark.parametrize("reason", REASON_CLASSES)
def test_only_what_did_not_work_is_for_support(reason: ReasonClass) -> None:
    assert kinds(said(reason_class=reason)) == (["support"] if reason == "RELIABILITY" else [])


def test_a_reversal_that_stripe_does_not_show_is_looked_into() -> None:
    assert kinds(said(heard=("reversed",), shown=True)) == []
    assert kinds(said(heard=("reversed",), shown=False)) == ["billing"]
    assert kinds(said(heard=("reversed", "did_not_cancel"), shown=False)) == ["billing"]


def test_each_promise_is_a_task_with_its_words_wherever_it_stands() -> None:
    promises = ("Send the invoice.", "Call the bank.")
    tasks = list(tasks_after(said(promises=promises)))
    assert [(task.kind, task.said) for task in tasks] == [("promise", each) for each in promises]
    assert len({task.about for task in tasks}) == 2
    assert list(tasks_after(said(promises=("Ask the team.", *promises))))[1:] == tasks
    assert list(tasks_after(said(promises=promises * 2))) == tasks


def test_a_customer_who_did_not_cancel_is_not_asked_why() -> None:
    assert not asks_why(said("cold", heard=("did_not_cancel",)))


def test_at_most_one_task_of_each_kind_but_promises() -> None:
    everything = said("hot", "RELIABILITY", get_args(Heard), shown=False)
    assert sorted(kinds(everything)) == ["billing", "escalation", "sales", "support"]
