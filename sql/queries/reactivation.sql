-- name: receive_reactivation
-- A single statement, outside a transaction; see sql/migrations/0011_intake.sql.
SELECT * FROM receive_reactivation(request => %(request_id)s, caller => %(user_id)s, asked_user => %(asked_user_id)s,
    asked_subscription => %(asked_subscription)s, origin => %(origin)s, at_most => %(at_most)s,
    refusals => %(refusals)s);

-- name: reactivation_owner
-- After begin_for_request, which makes this one row visible.
SELECT user_id FROM reactivation_requests WHERE id = %(request_id)s;

-- name: claim_reactivation
UPDATE reactivation_requests
SET runs = runs + 1, tries = tries + 1, resume_at = greatest(resume_at, now() + lease()),
    flow_run_id = CASE WHEN finished_at IS NULL OR outcome = 'failed' THEN %(flow_run_id)s ELSE flow_run_id END
WHERE id = %(request_id)s
RETURNING id, user_id, asked_subscription, origin, subscription_id, recovery_point, renews_at, received_at, outcome,
    response, billing_try, stripe_request_id, reported_failed;

-- name: choose_reactivation
UPDATE reactivation_requests SET subscription_id = %(subscription_id)s WHERE id = %(request_id)s;

-- name: term_before_cancellation
-- The end of the fixed term that the current cancellation replaced.
SELECT r.term_ends_at FROM cancellation_requests r JOIN data_retention_jobs j ON j.request_id = r.id
WHERE j.subscription_id = %(subscription_id)s AND j.status = 'scheduled' AND r.term_ends_at IS NOT NULL;

-- name: next_reactivation_try
UPDATE reactivation_requests SET billing_try = billing_try + 1 WHERE id = %(request_id)s;

-- name: reactivation_cleared
-- After reading the result back from Stripe.
UPDATE reactivation_requests
SET recovery_point = 'cleared', renews_at = %(renews_at)s,
    stripe_request_id = coalesce(%(stripe_request_id)s, stripe_request_id)
WHERE id = %(request_id)s;

-- name: reactivation_reached
UPDATE reactivation_requests SET recovery_point = %(recovery_point)s WHERE id = %(request_id)s;

-- name: reopen_reactivation
-- Reopen a request reported as failed that Stripe turned out to have applied: the customer must be sent a correction,
-- unless `asked_for`.
UPDATE reactivation_requests
SET outcome = NULL, http_status = NULL, response = NULL, finished_at = NULL, resume_at = now() + lease(),
    reported_failed = reported_failed AND NOT %(asked_for)s
WHERE id = %(request_id)s AND outcome = 'failed';

-- name: finish_reactivation
-- Store the response, once: a second call changes nothing and returns no row.
UPDATE reactivation_requests
SET recovery_point = CASE WHEN %(outcome)s IN ('refused', 'failed') THEN recovery_point ELSE 'finished' END,
    outcome = %(outcome)s, http_status = %(http_status)s, response = %(response)s, finished_at = now(),
    resume_at = CASE WHEN %(recheck)s THEN now() + interval '1 minute'
        WHEN %(outcome)s IN ('refused', 'failed') THEN NULL ELSE resume_at END,
    problem = NULL,
    reported_failed = %(outcome)s = 'failed' OR reported_failed,
    stripe_request_id = coalesce(%(stripe_request_id)s, stripe_request_id)
WHERE id = %(request_id)s AND finished_at IS NULL
    AND NOT (%(outcome)s = 'failed' AND recovery_point IN ('cleared', 'marked_active'))
RETURNING asked_user_id, coalesce(subscription_id, asked_subscription) AS subscription_id, stripe_request_id;

-- name: reactivation_try_failed
-- Record why the last try failed, for operators.
UPDATE reactivation_requests SET problem = %(problem)s WHERE id = %(request_id)s;

-- name: park_reactivation
-- End automatic retries: it needs attention. It stays claimable until the customer's email is sent.
UPDATE reactivation_requests SET parked_at = coalesce(parked_at, now())
WHERE id = %(request_id)s
RETURNING finished_at IS NULL AND origin <> 'stripe' AS unanswered;

-- name: reactivation_parking_finished
UPDATE reactivation_requests SET resume_at = NULL WHERE id = %(request_id)s AND parked_at IS NOT NULL;

-- name: leave_reactivation
-- End the lease if nothing is left to do: the request is finished and its outbox is empty.
UPDATE reactivation_requests SET resume_at = NULL, problem = NULL, parked_at = NULL
WHERE id = %(request_id)s AND finished_at IS NOT NULL AND NOT EXISTS (
    SELECT FROM outbox WHERE request_id = %(request_id)s AND delivered_at IS NULL AND NOT refused);

-- name: reactivation_asked
-- For emails outside the steps: time of the request, response, and the plan's end until Stripe has the reactivation.
SELECT r.received_at, r.response,
    (SELECT s.cancel_at FROM subscriptions s WHERE s.id = coalesce(r.subscription_id, r.asked_subscription)
        AND r.recovery_point = 'received' AND s.cancel_at > now()) AS ends_at
FROM reactivation_requests r WHERE r.id = %(request_id)s;

-- name: reactivation_status
SELECT id, outcome, http_status, response, received_at, finished_at FROM reactivation_requests WHERE id = %(request_id)s;

-- name: claim_reactivations
-- Requests of any user whose lease has expired.
SELECT id::text, user_id, needs_attention, urgent, tries, died_in FROM claim_reactivations(%(at_most)s, %(only_new)s);

-- name: earlier_event_waits
SELECT EXISTS (
    SELECT FROM outbox earlier JOIN outbox this ON this.id = %(id)s
    WHERE earlier.user_id = %(user_id)s AND earlier.kind LIKE 'subscription.%%' AND earlier.id <> this.id
        AND earlier.created_at < this.created_at AND earlier.delivered_at IS NULL AND NOT earlier.refused);

-- name: waits_in_outbox
SELECT EXISTS (
    SELECT FROM outbox WHERE request_id = %(request_id)s AND kind = %(kind)s AND delivered_at IS NULL AND NOT refused);
