"""How Prefect runs here: every setting that we choose for speed, with what it costs in the UI (DECISIONS).

They are defaults: what the environment says already stays. A server of your own takes SERVER as its environment.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

SERVER = {
    # A task run's events are written in batches, once a second, and not one by one: less than half the work a run.
    # A page shows a step up to a second later.
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    # What happened, as the page of events shows it, is written every five seconds and not with every twentieth event.
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE": "1000",
    # Each hour Prefect deletes the runs that ended longer ago than this, with their steps and logs; a run takes some
    # 20 kB. Postgres has the record of each request. Set the second to another number of seconds to keep more or less.
    "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
    "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": str(90 * 24 * 60 * 60),
}

TRIGGER = {
    # Prefect's client asks the server's version when it opens. A trigger that starts while the server is away would
    # have no client to share (client.py) as long as it lives: two new ones a run, half of its processor.
    "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED": "false",
    # What a run writes to its log is on its page. Prefect would write each line, coloured, to the process's standard
    # error as well, in the thread that every run waits for. INFO brings that back, to follow a trigger by its log.
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "WARNING",
}


def choose_for_trigger() -> None:
    """For this process. Prefect reads its settings when it is imported, so this comes before that."""
    for name, value in TRIGGER.items():
        os.environ.setdefault(name, value)


@contextmanager
def chosen_inside() -> Iterator[None]:
    """For what the environment cannot say."""
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    # A thread and an event a run, for an automation that tells of runs whose process died. Here leases tell
    # (`resume-unfinished`), and the run is closed by whoever takes the request up.
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        yield
