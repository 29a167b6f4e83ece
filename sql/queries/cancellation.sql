-- name: receive_cancellation
-- A single statement, outside a transaction; see sql/migrations/0011_intake.sql.
SELECT received.* FROM receive_cancellation(request => %(request_id)s, caller => %(user_id)s, asked_user => %(asked_user_id)s,
    asked_subscription => %(asked_subscription)s, every => %(every)s, accept_offer => %(accept_offer)s, reason => %(reason)s,
    feedback_option => %(feedback_option)s, feedback => %(feedback)s, as_of => %(as_of)s, in_line => %(in_line)s, coming_in_seconds => %(coming_in_seconds)s, own_key => %(key)s,
    body => %(fingerprint)s, reason_optional_countries => %(reason_optional_countries)s, at_most => %(at_most)s,
    refusals => %(refusals)s) received,
    asked_in_session(%(session_id)s, received, false, NULL),
    left_to_carrier(received, false, %(carried_out_by)s, %(message)s);

-- name: claim_cancellation
-- Step 1. A finished request keeps the id of the run that finished it.
UPDATE cancellation_requests
SET runs = runs + 1, tries = tries + 1, resume_at = greatest(resume_at, now() + lease()),
    flow_run_id = CASE WHEN finished_at IS NULL OR outcome = 'failed' THEN %(flow_run_id)s ELSE flow_run_id END,
    approved_at = coalesce(approved_at, CASE WHEN %(by_hand)s THEN now() END)
WHERE id = %(request_id)s
RETURNING id, user_id, asked_subscription, accept_offer, reason, subscription_id, recovery_point,
    released_schedule, cancel_at, received_at, now() - received_at AS waited, approved_at IS NOT NULL AS approved,
    outcome, response, billing_try, reported_failed, by_hand, renewal_undone, invoices_voided, as_of, terms,
    carried_out_by, superseded(cancellation_requests) AS superseded;

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

-- name: cancellation_terms
-- Step 6B: what the plan's policy does, before the first write to Stripe, and each credit note once it is made.
UPDATE cancellation_requests SET terms = %(terms)s WHERE id = %(request_id)s;

-- name: term_replaced
-- Step 6B: store the end of a fixed term, which the cancellation at period end overwrites in Stripe.
UPDATE cancellation_requests SET term_ends_at = %(term_ends_at)s WHERE id = %(request_id)s;

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

-- name: asked
-- For emails outside the steps: the request, its time and its response.
SELECT received_at, accept_offer, response, EXISTS (
    SELECT FROM outbox WHERE request_id = %(request_id)s AND kind = 'request_refused' AND delivered_at IS NULL
        AND NOT refused) AS refusal_to_send
FROM cancellation_requests WHERE id = %(request_id)s;
