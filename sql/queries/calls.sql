-- name: told_in_a_call
-- Of the customer's last cancellation that stands.
SELECT u.name, u.locale, u.time_zone, r.cancel_at, j.run_at
FROM cancellation_requests r JOIN users u ON u.id = r.user_id
    JOIN data_retention_jobs j ON j.request_id = r.id AND j.status = 'scheduled'
WHERE r.user_id = %(user_id)s AND r.outcome IN ('pending_cancellation', 'canceled')
ORDER BY r.finished_at DESC LIMIT 1;

-- name: plan_call
-- In the transaction that finishes a request: nothing unless it is a cancellation that took effect.
INSERT INTO calls (request_id, user_id)
SELECT id, user_id FROM cancellation_requests
WHERE id = %(request_id)s AND outcome IN ('pending_cancellation', 'canceled')
ON CONFLICT (request_id) DO NOTHING;

-- name: claim_calls
-- Claim a batch of calls.
SELECT claim_calls(%(at_most)s);

-- name: call_named
SELECT id, user_id FROM call_named(%(ours)s, %(vendor)s);

-- name: call_to_make
-- One that waits, with its cancellation. `revoked`: that was taken back, or is about to be. A column's default says
-- nothing of where the customer is.
SELECT c.id, c.user_id, r.subscription_id, s.stripe_customer_id, c.gate, c.created_at,
    nullif(u.time_zone, 'UTC') AS time_zone,
    s.live_again_at > r.received_at IS TRUE OR EXISTS (
        SELECT FROM reactivation_requests WHERE subscription_id = r.subscription_id AND finished_at IS NULL) AS revoked
FROM calls c JOIN cancellation_requests r ON r.id = c.request_id JOIN subscriptions s ON s.id = r.subscription_id
    JOIN users u ON u.id = c.user_id
WHERE c.id = %(call_id)s AND c.state = 'waiting';

-- name: close_call
-- A gate is closed. `until`: when to look again; null: it is not placed.
UPDATE calls
SET gate = %(gate)s, due_at = %(until)s, state = CASE WHEN %(until)s::timestamptz IS NULL THEN 'not_placed' ELSE 'waiting' END
WHERE id = %(call_id)s AND state = 'waiting';

-- name: begin_call
SELECT begin_call(%(call_id)s, %(most_attempts)s, %(most_a_day)s);

-- name: call_placed
-- The vendor accepted it; its result may have come before this.
UPDATE calls
SET state = 'placed', due_at = NULL, gate = NULL, problem = NULL, placed_at = coalesce(placed_at, now()),
    vendor_call_id = coalesce(vendor_call_id, %(vendor_call_id)s)
WHERE id = %(call_id)s;

-- name: call_attempt_failed
-- Due again after a pause, or failed for good after the last attempt. Returns the state.
UPDATE calls
SET problem = %(problem)s, gate = NULL,
    state = CASE WHEN attempts >= %(most_attempts)s THEN 'failed' ELSE state END,
    due_at = CASE WHEN attempts < %(most_attempts)s THEN now() + pause_of_call(attempts) END
WHERE id = %(call_id)s AND state = 'waiting'
RETURNING state;
