-- name: act_as_application
-- Once a connection, before anything else: whoever logged in, row-level security is written for this role.
SELECT set_config('role', %(role)s, false), set_config('statement_timeout', %(statement_timeout_ms)s, false);

-- name: begin
-- Every transaction of the application begins with one of these three: row-level security reads what they set. Each is
-- one message to the server, as there are twenty a run.
BEGIN;

-- name: begin_as_user
BEGIN; SELECT set_config('app.user_id', %(user_id)s, true);

-- name: begin_for_request
BEGIN; SELECT set_config('app.request_id', %(request_id)s, true);

-- name: receive_request
-- One statement, outside of a transaction: sql/migrations says what it does.
SELECT * FROM receive_cancellation(request => %(request_id)s, caller => %(user_id)s, asked_user => %(asked_user_id)s,
    asked_subscription => %(asked_subscription)s, accept_offer => %(accept_offer)s, reason => %(reason)s,
    feedback => %(feedback)s, in_line => %(in_line)s, coming_in_seconds => %(coming_in_seconds)s, own_key => %(key)s,
    body => %(fingerprint)s, reason_optional_countries => %(reason_optional_countries)s, at_most => %(at_most)s,
    refusals => %(refusals)s);

-- name: refuse_attempt
-- The same for one whose body could not be read. The seconds to wait, if it is one too many.
SELECT refuse_attempt(caller => %(user_id)s, action => %(action)s, at_most => %(at_most)s, problem => %(problem)s,
    refusals => %(refusals)s) AS wait;

-- name: one_intake_at_a_time
-- Of two requests of one user that come in at the same time, the second waits for the first and sees it.
SELECT one_intake_at_a_time(%(user_id)s);

-- name: request_owner
-- Under begin_for_request, which shows this one row.
SELECT user_id FROM cancellation_requests WHERE id = %(request_id)s;

-- name: claim_request
-- Step 1. A finished request keeps the run that finished it.
UPDATE cancellation_requests
SET runs = runs + 1, tries = tries + 1, resume_at = greatest(resume_at, now() + lease()),
    flow_run_id = CASE WHEN finished_at IS NULL OR outcome = 'failed' THEN %(flow_run_id)s ELSE flow_run_id END,
    approved_at = coalesce(approved_at, CASE WHEN %(by_hand)s THEN now() END)
WHERE id = %(request_id)s
RETURNING id, user_id, asked_subscription, accept_offer, reason, subscription_id, recovery_point,
    released_schedule, cancel_at, received_at, now() - received_at AS waited, approved_at IS NOT NULL AS approved,
    outcome, response, billing_try, reported_failed, renewal_undone, invoices_voided;

-- name: reopen_request
-- One that failed goes on: its caller or an operator asked for it, or Stripe turned out to have done it; only then
-- must the customer hear that it was not so.
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
-- Step 6B: the renewal that came while the cancellation was delayed is given back; the email says so.
UPDATE cancellation_requests SET renewal_undone = true WHERE id = %(request_id)s;

-- name: voiding_invoices
-- Step 6B: open invoices on which nothing was paid; the email says so.
UPDATE cancellation_requests SET invoices_voided = true WHERE id = %(request_id)s;

-- name: term_replaced
-- Step 6B: the end of a fixed term, which the cancellation at the period's end replaces in Stripe.
UPDATE cancellation_requests SET term_ends_at = %(term_ends_at)s WHERE id = %(request_id)s;

-- name: next_billing_try
-- Stripe answered, and would answer the same under the same key.
UPDATE cancellation_requests SET billing_try = billing_try + 1 WHERE id = %(request_id)s;

-- name: schedule_to_release
-- Step 6B, before the release of a schedule: after it nothing in Stripe leads back to the schedule.
UPDATE cancellation_requests SET released_schedule = %(schedule_id)s WHERE id = %(request_id)s;

-- name: cancellation_scheduled
-- Step 6B, once Stripe was read back.
UPDATE cancellation_requests
SET recovery_point = 'cancellation_scheduled', cancel_at = %(cancel_at)s,
    stripe_request_id = coalesce(%(stripe_request_id)s, stripe_request_id)
WHERE id = %(request_id)s;

-- name: discount_applied
-- Step 5A, once Stripe was read back.
UPDATE cancellation_requests
SET recovery_point = 'discount_applied', stripe_request_id = coalesce(%(stripe_request_id)s, stripe_request_id)
WHERE id = %(request_id)s;

-- name: reach
-- The recovery point of work that is written in the same transaction.
UPDATE cancellation_requests SET recovery_point = %(recovery_point)s WHERE id = %(request_id)s;

-- name: finish_request
-- The answer, once: a second finish changes nothing and returns no row.
UPDATE cancellation_requests
SET recovery_point = CASE WHEN %(outcome)s IN ('refused', 'failed') THEN recovery_point ELSE 'finished' END,
    outcome = %(outcome)s, http_status = %(http_status)s, response = %(response)s, finished_at = now(),
    -- The caller of a request that was refused or given up was told so: nothing goes on behind their back. Where the
    -- answer of a write was lost, Stripe is asked once more, later, whether it did it after all.
    resume_at = CASE WHEN %(recheck)s THEN now() + interval '1 minute'
        WHEN %(outcome)s IN ('refused', 'failed') THEN NULL ELSE resume_at END,
    problem = NULL,
    reported_failed = %(outcome)s = 'failed' OR reported_failed,
    stripe_request_id = coalesce(%(stripe_request_id)s, stripe_request_id)
WHERE id = %(request_id)s AND finished_at IS NULL
    -- Past these points Stripe has done it: the request can only be carried to its end.
    AND NOT (%(outcome)s = 'failed'
        AND recovery_point IN ('discount_applied', 'cancellation_scheduled', 'marked_pending'))
RETURNING asked_user_id, coalesce(subscription_id, asked_subscription) AS subscription_id, stripe_request_id;

-- name: request_try_failed
-- Why, for whoever looks.
UPDATE cancellation_requests SET problem = %(problem)s WHERE id = %(request_id)s;

-- name: leave_request
-- The end of a run: nothing is left to do once the request is answered and its outbox is empty.
UPDATE cancellation_requests SET resume_at = NULL, problem = NULL, parked_at = NULL
WHERE id = %(request_id)s AND finished_at IS NOT NULL AND NOT EXISTS (
    SELECT FROM outbox WHERE request_id = %(request_id)s AND delivered_at IS NULL AND NOT refused);

-- name: claim_cancellations
-- Requests, of any user, whose lease has passed.
SELECT id::text, user_id, needs_attention, urgent, tries, died_in FROM claim_unfinished(%(at_most)s, %(only_new)s);

-- name: anything_unfinished
SELECT anything_unfinished();

-- name: renew_lease
SELECT renew_lease(%(request_id)s);

-- name: end_lease
SELECT end_lease(%(request_id)s);

-- name: park_request
-- Given up by the machine. Its turns go on until the customer's email is sent.
-- Whether somebody waits for an answer: not where they have one, nor where Stripe has done it.
UPDATE cancellation_requests SET parked_at = coalesce(parked_at, now())
WHERE id = %(request_id)s
RETURNING finished_at IS NULL AND origin <> 'stripe' AS unanswered;

-- name: parking_finished
UPDATE cancellation_requests SET resume_at = NULL WHERE id = %(request_id)s AND parked_at IS NOT NULL;

-- name: asked
-- For an email beside the steps: what was asked, when, and what was answered.
SELECT received_at, accept_offer, response, EXISTS (
    SELECT FROM outbox WHERE request_id = %(request_id)s AND kind = 'request_refused' AND delivered_at IS NULL
        AND NOT refused) AS refusal_to_send
FROM cancellation_requests WHERE id = %(request_id)s;

-- name: request_status
-- What the trigger answers from: the record, not the run.
SELECT id, outcome, http_status, response, received_at, finished_at FROM cancellation_requests WHERE id = %(request_id)s;

-- name: write_audit
INSERT INTO audit_log (user_id, action, request_id, asked_user_id, subscription_id, outcome, http_status, problem,
    stripe_request_id)
VALUES (%(user_id)s, %(action)s, %(request_id)s, %(asked_user_id)s, %(subscription_id)s, %(outcome)s,
    %(http_status)s, %(problem)s, %(stripe_request_id)s);
