"""`cancelflow script`: check the script of calls, and show it as it would be read to one customer."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from deployments.operations.requests import connected
from email_templates.dates import long_date
from nodes.clients.calls.script import read_call_script
from nodes.errors import CancelflowError
from nodes.rules.names import given_and_family
from nodes.settings import CallScriptSettings, CallSettings
from sql import QUERIES


class NothingToCallAbout(CancelflowError):
    """The user has no cancellation that stands."""


@dataclass(frozen=True)
class _Told:
    name: str | None
    locale: str
    time_zone: str
    cancel_at: datetime
    run_at: datetime


def check(settings: CallSettings) -> str:
    """Return the script as it stands in its file. Raises `CallScriptInvalid`."""
    return read_call_script(settings.call_script, settings.call_script_fields).text


def show(settings: CallScriptSettings, user_id: str) -> str:
    """Return the script for a customer. Runs as the owner. Raises `NothingToCallAbout` and `CallScriptInvalid`."""
    script = read_call_script(settings.call_script, settings.call_script_fields)
    with connected(settings) as connection, connection.cursor(row_factory=class_row(_Told)) as cursor:
        found = cursor.execute(QUERIES["told_in_a_call"], {"user_id": user_id}).fetchone()
    if found is None:
        raise NothingToCallAbout(f"user {user_id} has no cancellation that stands")
    return script.render(_values(found))


def _values(told: _Told) -> Mapping[str, str]:
    given, family = given_and_family(told.name)
    return {
        "firstName": given,
        "lastName": family,
        "accessEndsAt": long_date(told.cancel_at, told.locale, told.time_zone),
        "dataDeletedAt": long_date(told.run_at, told.locale, told.time_zone),
    }
