-- Statements on the table of each kind of request: `{kind}` is each of sql.KINDS.

-- name: owner_of_{kind}
-- After begin_for_request, which makes this one row visible.
SELECT user_id FROM {kind}_requests WHERE id = %(request_id)s;

-- name: claim_{kind}s
-- Requests of any user whose lease has expired.
SELECT id::text, user_id, needs_attention, urgent, tries, died_in FROM claim_{kind}s(%(at_most)s, %(only_new)s);

-- name: reopen_{kind}
-- Reopen a failed request: its caller or an operator asked for it (`asked_for`), or Stripe turned out to have applied
-- it. Only in the latter case must the customer be sent a correction.
UPDATE {kind}_requests
SET outcome = NULL, http_status = NULL, response = NULL, finished_at = NULL, resume_at = now() + lease(),
    reported_failed = reported_failed AND NOT %(asked_for)s
WHERE id = %(request_id)s AND outcome = 'failed';

-- name: next_try_of_{kind}
-- Stripe returned an error, and would repeat it for the same idempotency key.
UPDATE {kind}_requests SET billing_try = billing_try + 1 WHERE id = %(request_id)s;

-- name: {kind}_reached
-- In the same transaction as the step's effect.
UPDATE {kind}_requests SET recovery_point = %(recovery_point)s WHERE id = %(request_id)s;

-- name: finish_{kind}
-- Store the response, once: a second call changes nothing and returns no row.
UPDATE {kind}_requests
SET recovery_point = CASE WHEN %(outcome)s IN ('refused', 'failed') THEN recovery_point ELSE 'finished' END,
    outcome = %(outcome)s, http_status = %(http_status)s, response = %(response)s, finished_at = now(),
    -- A request reported as refused or failed is not continued behind the caller's back. If the response to a write was
    -- lost, Stripe is checked once more later.
    resume_at = CASE WHEN %(recheck)s THEN now() + interval '1 minute'
        WHEN %(outcome)s IN ('refused', 'failed') THEN NULL ELSE resume_at END,
    problem = NULL,
    reported_failed = %(outcome)s = 'failed' OR reported_failed,
    stripe_request_id = coalesce(%(stripe_request_id)s, stripe_request_id)
WHERE id = %(request_id)s AND finished_at IS NULL
    -- Once Stripe has applied the change, the request can only be completed.
    AND NOT (%(outcome)s = 'failed' AND is_applied({kind}_requests))
RETURNING asked_user_id, coalesce(subscription_id, asked_subscription) AS subscription_id, stripe_request_id;

-- name: failed_try_of_{kind}
-- Record why the last try failed, for operators.
UPDATE {kind}_requests SET problem = %(problem)s WHERE id = %(request_id)s;

-- name: leave_{kind}
-- End the lease if nothing is left to do: the request is finished and its outbox is empty.
UPDATE {kind}_requests SET resume_at = NULL, problem = NULL, parked_at = NULL
WHERE id = %(request_id)s AND finished_at IS NOT NULL AND NOT EXISTS (
    SELECT FROM outbox WHERE request_id = %(request_id)s AND delivered_at IS NULL AND NOT refused);

-- name: park_{kind}
-- End automatic retries: it needs attention. It stays claimable until its messages are sent, and each try counts, so
-- that the pauses grow. `by_hand`: a person does it in Stripe. `unanswered`: the customer still waits for a response.
UPDATE {kind}_requests
SET parked_at = coalesce(parked_at, now()), by_hand = by_hand OR %(by_hand)s, tries = tries + 1
WHERE id = %(request_id)s
RETURNING finished_at IS NULL AND origin <> 'stripe' AS unanswered, by_hand;

-- name: {kind}_left_to_person
-- For the messages about a request that is done by hand.
SELECT r.subscription_id, s.plan, r.received_at FROM {kind}_requests r JOIN subscriptions s ON s.id = r.subscription_id
WHERE r.id = %(request_id)s;

-- name: {kind}_parked
UPDATE {kind}_requests SET resume_at = NULL WHERE id = %(request_id)s AND parked_at IS NOT NULL;

-- name: status_of_{kind}
-- The trigger responds from this record, not from the run.
SELECT id, outcome, http_status, response, received_at, finished_at FROM {kind}_requests WHERE id = %(request_id)s;

-- name: resume_{kind}
-- By an operator: make the request claimable now, and reopen it if it failed. A refused request stays refused, and is
-- resumed only for an unsent email.
UPDATE {kind}_requests
SET resume_at = now(), parked_at = NULL, tries = 0, trying_since = now(),
    reported_failed = reported_failed AND finished_at IS NOT NULL AND outcome <> 'failed',  -- reset if reopened
    outcome = CASE WHEN outcome = 'failed' THEN NULL ELSE outcome END,
    http_status = CASE WHEN outcome = 'failed' THEN NULL ELSE http_status END,
    response = CASE WHEN outcome = 'failed' THEN NULL ELSE response END,
    finished_at = CASE WHEN outcome = 'failed' THEN NULL ELSE finished_at END
WHERE id::text = %(id)s AND (outcome IS DISTINCT FROM 'refused' OR EXISTS (
    SELECT FROM outbox o WHERE o.request_id = {kind}_requests.id AND o.delivered_at IS NULL AND NOT o.refused))
RETURNING id;
