-- Tasks (sql/migrations/0020_tasks.sql).

-- name: put_task
SELECT put_task(%(user_id)s, %(kind)s, %(key)s, %(subscription_id)s, %(request_id)s, NULL, %(said)s, %(endpoints)s);

-- name: put_session_tasks
-- In the transaction in which a request or a session ends.
SELECT put_session_tasks(%(about)s, %(kinds)s::text[], %(endpoints)s);

-- name: claim_task_events
SELECT id, user_id FROM claim_task_events(%(at_most)s);

-- name: task_to_publish
SELECT kind, subscription_id, request_id, session_id, created_at FROM tasks WHERE id = %(task_id)s;

-- name: task_published
UPDATE tasks SET publish_at = NULL WHERE id = %(task_id)s;

-- name: open_tasks
-- For an operator, as the owner. Without what was said.
SELECT id, user_id, kind, key, subscription_id, request_id, session_id, created_at, now() - created_at AS age
FROM tasks WHERE done_at IS NULL ORDER BY created_at, id LIMIT %(at_most)s;

-- name: task
SELECT id, user_id, kind, key, subscription_id, request_id, session_id, created_at, now() - created_at AS age, said,
    done_at, done_by, (SELECT c.booking_id FROM change_requests c WHERE c.id = t.request_id) AS booking_id
FROM tasks t WHERE id = %(task_id)s;

-- name: task_done
-- Once: the first time stays.
UPDATE tasks SET done_at = now(), done_by = %(done_by)s WHERE id = %(task_id)s AND done_at IS NULL RETURNING id;
