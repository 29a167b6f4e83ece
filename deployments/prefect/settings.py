"""Prefect's settings, chosen for speed, with their effects on the UI (DECISIONS).

They are defaults, which the environment overrides. For a server of your own, set SERVER in its environment.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

SERVER = {
    # Write task runs' events in batches, once a second, instead of one by one: less than half the work per run. The UI
    # shows a step up to a second later.
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    # Write the event feed's events every five seconds, instead of after every 20.
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE": "1000",
    # Delete ended runs after this many seconds, hourly, with their steps and logs: a run takes some 20 kB, and Postgres
    # has the record of each request.
    "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
    "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": str(90 * 24 * 60 * 60),
}

TRIGGER = {
    # Prefect's client reads the server's version when it opens. A trigger that starts while the server is unavailable
    # would never have a shared client (client.py), but two new ones per run: half of its processor time.
    "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED": "false",
    # Log lines of runs are in the UI. By default Prefect also writes each one to the standard error, which blocks all
    # runs of the process. Set INFO to follow a trigger by its log.
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "WARNING",
}


def choose_for_trigger() -> None:
    """Apply TRIGGER to this process. Call this before importing Prefect, which reads its settings on import."""
    for name, value in TRIGGER.items():
        os.environ.setdefault(name, value)


@contextmanager
def chosen_inside() -> Iterator[None]:
    """Apply, inside the block, a setting that the environment cannot express."""
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    # No heartbeats, which take a thread and an event per run: leases detect dead runs, and `resume-unfinished` closes
    # them.
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        yield
