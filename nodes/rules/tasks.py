"""Kinds of task: what a person of the company should do about a customer (FEATURES F11, F25, A14, A15, A17)."""

from typing import Literal

# The two that sessions of the cancel page make, where TASKS_FOR names them.
SessionTask = Literal["idle_session", "saved_for_now"]
SESSION_TASKS: tuple[SessionTask, ...] = ("idle_session", "saved_for_now")
TaskKind = Literal[
    "sales", "billing", "support", "escalation", "promise", "idle_session", "saved_for_now", "uncertain_reply"
]
