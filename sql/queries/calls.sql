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
-- One that waits, with its cancellation. `revoked`: that was taken back, or is about to be, or the customer has
-- subscribed anew. A column's default says nothing of where the customer is.
SELECT c.id, c.user_id, r.subscription_id, s.stripe_customer_id, now() AS now, c.gate, c.created_at,
    nullif(u.time_zone, 'UTC') AS time_zone,
    s.live_again_at > r.received_at IS TRUE OR EXISTS (
        SELECT FROM reactivation_requests WHERE subscription_id = r.subscription_id AND finished_at IS NULL) OR EXISTS (
        SELECT FROM subscriptions n WHERE n.user_id = c.user_id AND n.created_at > r.received_at
            AND n.status NOT IN ('pending_cancellation', 'canceled', 'incomplete', 'incomplete_expired')) AS revoked
FROM calls c JOIN cancellation_requests r ON r.id = c.request_id JOIN subscriptions s ON s.id = r.subscription_id
    JOIN users u ON u.id = c.user_id
WHERE c.id = %(call_id)s AND c.state = 'waiting';

-- name: close_call
-- A gate is closed. `until`: when to look again; null: it is not placed.
UPDATE calls
SET gate = %(gate)s, due_at = %(until)s,
    state = CASE WHEN %(until)s::timestamptz IS NULL THEN 'not_placed' ELSE 'waiting' END
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

-- name: keep_unknown_call
SELECT keep_unknown_call(%(vendor_call_id)s, %(named)s, %(status)s);

-- name: store_call_result
-- In place of an earlier one; a repetition of any changes nothing. A run that routes an earlier one goes on alone, and
-- then routes this one, too. The vendor had the call, whatever we recorded. Nothing that was said is stored once the
-- cancellation's feedback was anonymised.
UPDATE calls c
SET received_at = clock_timestamp(), route_at = greatest(c.route_at, now()), state = 'placed', due_at = NULL,
    gate = NULL, problem = NULL, placed_at = coalesce(c.placed_at, now()), vendor_call_id = %(vendor_call_id)s,
    fingerprints = array_append(c.fingerprints, %(fingerprint)s),
    unconfirmed = NULL, status = %(status)s, reason_class = said.reason_class, warmth = said.warmth,
    transcript = said.transcript, recording_url = said.recording_url, summary = said.summary,
    action_items = said.action_items, requests_heard = said.requests_heard
FROM cancellation_requests r LEFT JOIN LATERAL (
    SELECT %(reason_class)s::text AS reason_class, %(warmth)s::text AS warmth, %(transcript)s::text AS transcript,
        %(recording_url)s::text AS recording_url, %(summary)s::text AS summary,
        %(action_items)s::text[] AS action_items, %(requests_heard)s::text[] AS requests_heard
    WHERE r.anonymized_at IS NULL) said ON true
WHERE c.id = %(call_id)s AND r.id = c.request_id AND NOT %(fingerprint)s = ANY (c.fingerprints);

-- name: call_revokes
-- Once, whichever of its results says so: the customer may have agreed anew since.
UPDATE calls SET revoked_at = now() WHERE id = %(call_id)s AND revoked_at IS NULL;

-- name: claim_call_results
-- Claim a batch of calls.
SELECT claim_call_results(%(at_most)s);

-- name: call_heard
-- A call whose result is to be routed.
SELECT c.id, c.user_id, r.subscription_id, c.request_id, c.received_at,
    coalesce('reversed' = ANY (c.requests_heard), false) AS claims_reversal
FROM calls c JOIN cancellation_requests r ON r.id = c.request_id
WHERE c.id = %(call_id)s AND c.route_at IS NOT NULL AND c.received_at IS NOT NULL;

-- name: call_reversed
-- Whether Stripe, read back, shows the reversal; null if the result claims none. Returns the result.
UPDATE calls SET reversed = %(reversed)s WHERE id = %(call_id)s
RETURNING warmth, reason_class, coalesce(requests_heard, '{}') AS requests_heard, summary,
    coalesce(action_items, '{}') AS action_items, reversed;

-- name: dispute_cancellation
UPDATE cancellation_requests SET disputed_at = now() WHERE id = %(request_id)s AND disputed_at IS NULL;

-- name: ask_why_now
-- The email that asks for the reason, once; its own flow sees whether there is still none.
UPDATE cancellation_requests r SET ask_why_at = now()
WHERE r.id = %(request_id)s AND NOT EXISTS (SELECT FROM outbox o WHERE o.request_id = r.id AND o.kind = 'reason_email');

-- name: promises_of_call
-- What was promised, unless a newer result came, which is routed next. `emailed`: an email has confirmed promises;
-- `more_since`: there are tasks of others.
SELECT coalesce(c.action_items, '{}') AS promises, o.id IS NOT NULL AS emailed, EXISTS (
    SELECT FROM tasks t
    WHERE t.request_id = c.request_id AND t.kind = 'promise' AND t.created_at > o.delivered_at) AS more_since
FROM calls c LEFT JOIN outbox o
    ON o.request_id = c.request_id AND o.kind = 'promise_confirmation' AND o.delivered_at IS NOT NULL
WHERE c.id = %(call_id)s AND c.received_at = %(received_at)s;

-- name: promises_not_confirmed
UPDATE calls SET unconfirmed = %(problem)s WHERE id = %(call_id)s AND unconfirmed IS DISTINCT FROM %(problem)s;

-- name: call_routed
-- A result that came meanwhile is to be routed now.
UPDATE calls SET route_at = CASE WHEN received_at <> %(received_at)s THEN now() END WHERE id = %(call_id)s;

-- name: list_calls
-- For an operator, as the owner: the newest, without what was said.
SELECT id, user_id, state, gate, due_at, problem, created_at, placed_at, received_at, status, warmth,
    reason_class, reversed, EXISTS (
        SELECT FROM cancellation_requests r WHERE r.id = calls.request_id AND r.disputed_at IS NOT NULL) AS disputed
FROM calls ORDER BY created_at DESC, id LIMIT %(at_most)s;

-- name: unknown_calls
SELECT vendor_call_id, named, status, received_at FROM unknown_calls ORDER BY received_at DESC LIMIT %(at_most)s;

-- name: call_said
-- For an operator, as the owner: everything about a call, with what was said.
SELECT id, user_id, request_id, state, gate, status, warmth, reason_class, requests_heard, recording_url, summary,
    action_items, unconfirmed, transcript
FROM calls WHERE id = %(call_id)s;

-- name: resume_call
-- By an operator, once the vendor is back. The gates are looked at again.
UPDATE calls SET state = 'waiting', due_at = now(), attempts = 0
WHERE id::text = %(id)s AND state = 'failed' RETURNING id;
