"""A history for benchmarks: one finished run's rows, copied many times, in Prefect's tables and in ours."""

import psycopg
from psycopg import sql

# The columns of each table that are new in every copy, and the table whose ids each holds.
_PREFECT: dict[str, dict[str, str]] = {
    "flow_run": {"id": "flow_run", "state_id": "flow_run_state"},
    "flow_run_state": {"id": "flow_run_state", "flow_run_id": "flow_run"},
    "task_run": {"id": "task_run", "flow_run_id": "flow_run", "state_id": "task_run_state"},
    "task_run_state": {"id": "task_run_state", "task_run_id": "task_run"},
    "log": {"id": "log", "flow_run_id": "flow_run", "task_run_id": "task_run"},
}
_OF_RUN = {
    "flow_run": "id = %(run)s",
    "flow_run_state": "flow_run_id = %(run)s",
    "task_run": "flow_run_id = %(run)s",
    "task_run_state": "task_run_id IN (SELECT id FROM task_run WHERE flow_run_id = %(run)s)",
    "log": "flow_run_id = %(run)s",
}
_OURS = (
    """CREATE TEMP TABLE past AS SELECT gen_random_uuid()::text AS user_id, gen_random_uuid() AS request_id,
    'sub_past_' || gen_random_uuid() AS sub, n FROM generate_series(1, %(runs)s) AS n""",
    """INSERT INTO users (id, email, name, stripe_customer_id)
    SELECT user_id, 'past' || n || '@example.com', 'Robin Doe', 'cus_past' FROM past""",
    """INSERT INTO subscriptions (id, user_id, stripe_customer_id, plan, status, current_period_start,
        current_period_end, ended_at)
    SELECT sub, user_id, 'cus_past', 'professional', 'canceled', now() - interval '60 days', now() - interval '30 days',
        now() - interval '30 days' FROM past""",
    """INSERT INTO cancellation_requests (id, user_id, asked_user_id, accept_offer, subscription_id, recovery_point,
        received_at, outcome, http_status, response, finished_at, resume_at, flow_run_id)
    SELECT request_id, user_id, user_id, false, sub, 'finished', now() - interval '60 days', 'pending_cancellation',
        200, '{}', now() - interval '60 days', NULL, gen_random_uuid() FROM past""",
    """INSERT INTO outbox (request_id, user_id, kind, delivered_at) SELECT request_id, user_id, kind, now()
    FROM past, unnest(ARRAY['cancellation_confirmation', 'subscription.canceled']) AS kind""",
    """INSERT INTO audit_log (user_id, action, request_id, outcome, http_status)
    SELECT user_id, 'cancel_subscription', request_id, 'pending_cancellation', 200 FROM past""",
    """INSERT INTO data_retention_jobs (request_id, user_id, subscription_id, cancel_at, run_at)
    SELECT request_id, user_id, sub, now() - interval '30 days', now() + interval '60 days' FROM past""",
    "ANALYZE",
)


def fill(ours: str, prefect: str, runs: int) -> None:
    """Create so many past runs. Prefect's copy its newest completed one, without events, which nothing reads."""
    with psycopg.connect(ours, autocommit=True) as connection:
        for statement in _OURS:
            connection.execute(statement.encode(), {"runs": runs} if "%(" in statement else None)
    with psycopg.connect(prefect, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")  # rows refer to others inserted later
        _copy_newest(connection, runs)


def _copy_newest(connection: psycopg.Connection, runs: int) -> None:
    [(run,)] = connection.execute(
        "SELECT id FROM flow_run WHERE state_type = 'COMPLETED' ORDER BY end_time DESC LIMIT 1"
    ).fetchall()
    for table, where in _OF_RUN.items():  # every id of the run, with a new one for each copy
        connection.execute(
            sql.SQL(
                "CREATE TEMP TABLE {} AS SELECT n, id AS old, gen_random_uuid() AS new"
                " FROM {}, generate_series(1, %(runs)s) AS n WHERE " + where
            ).format(sql.Identifier(f"new_{table}"), sql.Identifier(table)),
            {"run": run, "runs": runs},
        )
        connection.execute(sql.SQL("CREATE INDEX ON {} (old, n)").format(sql.Identifier(f"new_{table}")))
        connection.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(f"new_{table}")))
    for table, new in _PREFECT.items():
        connection.execute(_copy(connection, table, new))
    connection.execute("ANALYZE")


def _copy(connection: psycopg.Connection, table: str, new: dict[str, str]) -> sql.Composed:
    found = connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
        " AND attgenerated = ''",
        [table],
    ).fetchall()
    columns = [sql.Identifier(name) for (name,) in found]
    values = [
        _new(name, new) if name in new else sql.SQL("source.{}").format(sql.Identifier(name)) for (name,) in found
    ]
    joins = [
        sql.SQL("LEFT JOIN {of} AS {column} ON {column}.old = source.{column} AND {column}.n = copies.n").format(
            of=sql.Identifier(f"new_{of}"), column=sql.Identifier(column)
        )
        for column, of in new.items()
        if column != "id"
    ]
    return sql.SQL(
        "INSERT INTO {table} ({columns}) SELECT {values} FROM {ids} AS copies"
        " JOIN {table} AS source ON source.id = copies.old {joins}"
    ).format(
        table=sql.Identifier(table),
        columns=sql.SQL(", ").join(columns),
        values=sql.SQL(", ").join(values),
        ids=sql.Identifier(f"new_{table}"),
        joins=sql.SQL(" ").join(joins),
    )


def _new(column: str, new: dict[str, str]) -> sql.Composable:
    return sql.SQL("copies.new") if column == "id" else sql.SQL("{}.new").format(sql.Identifier(column))
