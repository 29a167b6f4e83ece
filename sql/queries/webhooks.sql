-- Outgoing webhooks (sql/migrations/0017_webhooks.sql).

-- name: put_webhooks
-- In the transaction that completes what they report.
SELECT put_webhooks(%(about)s, %(endpoints)s);

-- name: close_idle_sessions
SELECT close_idle_sessions(make_interval(mins => %(idle_minutes)s), %(endpoints)s, %(task_kinds)s::text[], %(at_most)s);

-- name: claim_webhooks
SELECT id, user_id FROM claim_webhooks(%(endpoint)s, %(at_most)s);

-- name: webhook_to_send
SELECT type, at, data FROM webhook_deliveries WHERE id = %(id)s AND delivered_at IS NULL;

-- name: webhook_delivered
UPDATE webhook_deliveries SET delivered_at = now(), due_at = NULL, problem = NULL WHERE id = %(id)s;

-- name: webhook_not_delivered
-- Its claim has set when it is due again.
UPDATE webhook_deliveries SET problem = %(problem)s WHERE id = %(id)s;

-- name: webhooks_by_endpoint
-- For an operator, as the owner.
SELECT endpoint, count(*) FILTER (WHERE delivered_at IS NOT NULL) AS delivered,
    count(*) FILTER (WHERE due_at IS NOT NULL) AS waiting,
    count(*) FILTER (WHERE due_at IS NULL AND delivered_at IS NULL) AS failed
FROM webhook_deliveries GROUP BY endpoint ORDER BY endpoint;

-- name: webhooks_undelivered
-- Those that have failed at least once, the oldest first.
SELECT id, endpoint, type, at, attempts, problem, due_at FROM webhook_deliveries
WHERE delivered_at IS NULL AND attempts > 0 ORDER BY at, id LIMIT %(at_most)s;

-- name: replay_webhook
-- Whatever became of it; the receiver sees the same id.
UPDATE webhook_deliveries SET due_at = now(), attempts = 0, delivered_at = NULL WHERE id = %(id)s RETURNING id;

-- name: replay_failed_webhooks
UPDATE webhook_deliveries SET due_at = now(), attempts = 0
WHERE due_at IS NULL AND delivered_at IS NULL AND at >= %(since)s
RETURNING id;
