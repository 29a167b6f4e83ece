"""What happened in a session of the cancel page, for support."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import class_row
from rich.console import Console
from rich.table import Table

from deployments.operations.requests import connected
from nodes.errors import CancelflowError
from nodes.settings import SessionSettings
from sql import QUERIES


class SessionUnknown(CancelflowError):
    """No session has this id."""


@dataclass(frozen=True)
class _Session:
    subscription_id: str | None
    opened_at: datetime
    blueprint_version: int
    blueprint: str
    outcome: str | None


@dataclass(frozen=True)
class _Event:
    at: datetime
    kind: str
    detail: dict[str, Any]


def show_session(settings: SessionSettings, session_id: UUID, console: Console) -> None:
    """Print the session's path and outcome. Runs as the owner. Raises `SessionUnknown`."""
    of = {"session_id": session_id, "idle_minutes": settings.session_idle_minutes}
    with connected(settings) as connection:
        with connection.cursor(row_factory=class_row(_Session)) as cursor:
            session = cursor.execute(QUERIES["session_for_operators"], of).fetchone()
        if session is None:
            raise SessionUnknown(f"there is no session {session_id}")
        with connection.cursor(row_factory=class_row(_Event)) as cursor:
            events = cursor.execute(QUERIES["session_events"], of).fetchall()
    about = f"{session.subscription_id or 'no subscription yet'}, {session.blueprint} v{session.blueprint_version}"
    console.print(f"{session_id}: {session.outcome or 'open'} ({about})", highlight=False)
    table = Table("at", "what", "details", box=None, pad_edge=False)
    for each in events:
        table.add_row(f"{each.at:%Y-%m-%d %H:%M:%S %Z}", each.kind, json.dumps(each.detail) if each.detail else "")
    console.print(table, highlight=False)
