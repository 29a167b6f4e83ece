"""How Prefect runs here: every setting that we choose for speed, with what it costs in the UI (DECISIONS).

They are defaults: what the environment says already stays. A server of your own takes SERVER as its environment.
"""

import os

SERVER = {
    # A task run's events are written in batches, once a second, and not one by one: less than half the work a run.
    # A page shows a step up to a second later.
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
}

TRIGGER = {
    # Prefect's client asks the server's version when it opens. A trigger that starts while the server is away would
    # have no client to share (http/prefect_client.py) as long as it lives: two new ones a run, half of its processor.
    "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED": "false",
    # What a run writes to its log is on its page. Prefect would write each line, coloured, to the process's standard
    # error as well, in the thread that every run waits for. INFO brings that back, to follow a trigger by its log.
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "WARNING",
}


def choose_for_trigger() -> None:
    """For this process. Prefect reads its settings when it is imported, so this comes before that."""
    for name, value in TRIGGER.items():
        os.environ.setdefault(name, value)
