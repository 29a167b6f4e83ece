-- Outgoing webhooks (sql/migrations/0017_webhooks.sql).

-- name: put_webhooks
-- In the transaction that completes what they report.
SELECT put_webhooks(%(about)s, %(endpoints)s);

-- name: close_idle_sessions
SELECT close_idle_sessions(make_interval(mins => %(idle_minutes)s), %(endpoints)s, %(at_most)s);

-- name: claim_webhooks
SELECT id, user_id FROM claim_webhooks(%(endpoint)s, %(at_most)s);

-- name: webhook_to_send
SELECT type, at, data FROM webhook_deliveries WHERE id = %(id)s AND delivered_at IS NULL;

-- name: webhook_delivered
UPDATE webhook_deliveries SET delivered_at = now(), due_at = NULL, problem = NULL WHERE id = %(id)s;

-- name: webhook_not_delivered
-- Its claim has set when it is due again.
UPDATE webhook_deliveries SET problem = %(problem)s WHERE id = %(id)s;
