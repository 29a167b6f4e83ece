-- name: act_as_application
-- First statement of each connection: row-level security applies to this role, whatever role logged in.
SELECT set_config('role', %(role)s, false), set_config('statement_timeout', %(statement_timeout_ms)s, false);

-- name: begin
-- Every transaction of the application begins with one of these three, which set what row-level security reads. Each is
-- a single message to the server, as a run has some twenty transactions.
BEGIN;

-- name: begin_as_user
BEGIN; SELECT set_config('app.user_id', %(user_id)s, true);

-- name: begin_for_request
BEGIN; SELECT set_config('app.request_id', %(request_id)s, true);

-- name: receive_request
-- A single statement, outside a transaction; see sql/migrations/0011_intake.sql.
SELECT * FROM receive_cancellation(request => %(request_id)s, caller => %(user_id)s, asked_user => %(asked_user_id)s,
    asked_subscription => %(asked_subscription)s, accept_offer => %(accept_offer)s, reason => %(reason)s,
    feedback => %(feedback)s, in_line => %(in_line)s, coming_in_seconds => %(coming_in_seconds)s, own_key => %(key)s,
    body => %(fingerprint)s, reason_optional_countries => %(reason_optional_countries)s, at_most => %(at_most)s,
    refusals => %(refusals)s);

-- name: refuse_attempt
-- Likewise, for an attempt whose body could not be read. Returns the seconds to wait if it is over the limit.
SELECT refuse_attempt(caller => %(user_id)s, action => %(action)s, at_most => %(at_most)s, problem => %(problem)s,
    refusals => %(refusals)s) AS wait;

-- name: one_intake_at_a_time
-- Serialise the intake per user, so that the second of two concurrent requests sees the first.
SELECT one_intake_at_a_time(%(user_id)s);

-- name: request_owner
-- After begin_for_request, which makes this one row visible.
SELECT user_id FROM cancellation_requests WHERE id = %(request_id)s;

-- name: claim_request
-- Step 1. A finished request keeps the id of the run that finished it.
UPDATE cancellation_requests
SET runs = runs + 1, tries = tries + 1, resume_at = greatest(resume_at, now() + lease()),
    flow_run_id = CASE WHEN finished_at IS NULL OR outcome = 'failed' THEN %(flow_run_id)s ELSE flow_run_id END,
    approved_at = coalesce(approved_at, CASE WHEN %(by_hand)s THEN now() END)
WHERE id = %(request_id)s
RETURNING id, user_id, asked_subscription, accept_offer, reason, subscription_id, recovery_point,
    released_schedule, cancel_at, received_at, now() - received_at AS waited, approved_at IS NOT NULL AS approved,
    outcome, response, billing_try, reported_failed, renewal_undone, invoices_voided;

-- name: reopen_request
-- Reopen a failed request: its caller or an operator asked for it (`asked_for`), or Stripe turned out to have applied
-- it. Only in the latter case must the customer be sent a correction.
UPDATE cancellation_requests
SET outcome = NULL, http_status = NULL, response = NULL, finished_at = NULL, resume_at = now() + lease(),
    reported_failed = reported_failed AND NOT %(asked_for)s
WHERE id = %(request_id)s AND outcome = 'failed';

-- name: choose_subscription
-- Step 2.
UPDATE cancellation_requests
SET subscription_id = %(subscription_id)s, paid_until = coalesce(paid_until, %(paid_until)s)
WHERE id = %(request_id)s
RETURNING paid_until;

-- name: renewal_undone
-- Step 6B: a renewal during the delay is refunded or voided, which the email mentions.
UPDATE cancellation_requests SET renewal_undone = true WHERE id = %(request_id)s;

-- name: voiding_invoices
-- Step 6B: unpaid open invoices are voided, which the email mentions.
UPDATE cancellation_requests SET invoices_voided = true WHERE id = %(request_id)s;

-- name: term_replaced
-- Step 6B: store the end of a fixed term, which the cancellation at period end overwrites in Stripe.
UPDATE cancellation_requests SET term_ends_at = %(term_ends_at)s WHERE id = %(request_id)s;

-- name: next_billing_try
-- Stripe returned an error, and would repeat it for the same idempotency key.
UPDATE cancellation_requests SET billing_try = billing_try + 1 WHERE id = %(request_id)s;

-- name: schedule_to_release
-- Step 6B, before the release: afterwards nothing in Stripe refers to the schedule.
UPDATE cancellation_requests SET released_schedule = %(schedule_id)s WHERE id = %(request_id)s;

-- name: cancellation_scheduled
-- Step 6B, after reading the result back from Stripe.
UPDATE cancellation_requests
SET recovery_point = 'cancellation_scheduled', cancel_at = %(cancel_at)s,
    stripe_request_id = coalesce(%(stripe_request_id)s, stripe_request_id)
WHERE id = %(request_id)s;

-- name: discount_applied
-- Step 5A, after reading the result back from Stripe.
UPDATE cancellation_requests
SET recovery_point = 'discount_applied', stripe_request_id = coalesce(%(stripe_request_id)s, stripe_request_id)
WHERE id = %(request_id)s;

-- name: reach
-- In the same transaction as the step's effect.
UPDATE cancellation_requests SET recovery_point = %(recovery_point)s WHERE id = %(request_id)s;

-- name: finish_request
-- Store the response, once: a second call changes nothing and returns no row.
UPDATE cancellation_requests
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
    -- Past these points Stripe has applied the change, so the request can only be completed.
    AND NOT (%(outcome)s = 'failed'
        AND recovery_point IN ('discount_applied', 'cancellation_scheduled', 'marked_pending'))
RETURNING asked_user_id, coalesce(subscription_id, asked_subscription) AS subscription_id, stripe_request_id;

-- name: request_try_failed
-- Record why the last try failed, for operators.
UPDATE cancellation_requests SET problem = %(problem)s WHERE id = %(request_id)s;

-- name: leave_request
-- End the lease if nothing is left to do: the request is finished and its outbox is empty.
UPDATE cancellation_requests SET resume_at = NULL, problem = NULL, parked_at = NULL
WHERE id = %(request_id)s AND finished_at IS NOT NULL AND NOT EXISTS (
    SELECT FROM outbox WHERE request_id = %(request_id)s AND delivered_at IS NULL AND NOT refused);

-- name: claim_cancellations
-- Requests of any user whose lease has expired.
SELECT id::text, user_id, needs_attention, urgent, tries, died_in FROM claim_cancellations(%(at_most)s, %(only_new)s);

-- name: anything_unfinished
SELECT anything_unfinished();

-- name: renew_lease
SELECT renew_lease(%(request_id)s);

-- name: end_lease
SELECT end_lease(%(request_id)s);

-- name: park_request
-- End automatic retries: it needs attention. It stays claimable until the customer's email is sent. `unanswered`: the
-- customer still waits for a response.
UPDATE cancellation_requests SET parked_at = coalesce(parked_at, now())
WHERE id = %(request_id)s
RETURNING finished_at IS NULL AND origin <> 'stripe' AS unanswered;

-- name: parking_finished
UPDATE cancellation_requests SET resume_at = NULL WHERE id = %(request_id)s AND parked_at IS NOT NULL;

-- name: asked
-- For emails outside the steps: the request, its time and its response.
SELECT received_at, accept_offer, response, EXISTS (
    SELECT FROM outbox WHERE request_id = %(request_id)s AND kind = 'request_refused' AND delivered_at IS NULL
        AND NOT refused) AS refusal_to_send
FROM cancellation_requests WHERE id = %(request_id)s;

-- name: request_status
-- The trigger responds from this record, not from the run.
SELECT id, outcome, http_status, response, received_at, finished_at FROM cancellation_requests WHERE id = %(request_id)s;

-- name: write_audit
INSERT INTO audit_log (user_id, action, request_id, asked_user_id, subscription_id, outcome, http_status, problem,
    stripe_request_id)
VALUES (%(user_id)s, %(action)s, %(request_id)s, %(asked_user_id)s, %(subscription_id)s, %(outcome)s,
    %(http_status)s, %(problem)s, %(stripe_request_id)s);
