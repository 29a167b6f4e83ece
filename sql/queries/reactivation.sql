-- name: receive_reactivation
-- A single statement, outside a transaction; see sql/migrations/0011_intake.sql.
SELECT * FROM receive_reactivation(request => %(request_id)s, caller => %(user_id)s, asked_user => %(asked_user_id)s,
    asked_subscription => %(asked_subscription)s, origin => %(origin)s, at_most => %(at_most)s,
    refusals => %(refusals)s);

-- name: claim_reactivation
UPDATE reactivation_requests
SET runs = runs + 1, tries = tries + 1, resume_at = greatest(resume_at, now() + lease()),
    flow_run_id = CASE WHEN finished_at IS NULL OR outcome = 'failed' THEN %(flow_run_id)s ELSE flow_run_id END
WHERE id = %(request_id)s
RETURNING id, user_id, asked_subscription, origin, subscription_id, recovery_point, renews_at, received_at, outcome,
    response, billing_try, stripe_request_id, reported_failed, by_hand, superseded(reactivation_requests) AS superseded;

-- name: choose_reactivation
UPDATE reactivation_requests SET subscription_id = %(subscription_id)s WHERE id = %(request_id)s;

-- name: cancelled_since
-- Step 3: whether the customer has asked to cancel since, be it that they were told that it is scheduled already. Both
-- times are the database's.
SELECT EXISTS (
    SELECT FROM reactivation_requests r JOIN cancellation_requests c ON c.user_id = r.user_id
        AND coalesce(coalesce(c.subscription_id, c.asked_subscription) = r.subscription_id, true)
    WHERE r.id = %(request_id)s AND c.received_at > r.received_at AND NOT c.accept_offer
        AND (c.outcome IS DISTINCT FROM 'refused' OR c.response ->> 'type' = 'urn:cancelflow:problem:subscription-already-pending'));

-- name: term_before_cancellation
-- The end of the fixed term that the current cancellation replaced.
SELECT r.term_ends_at FROM cancellation_requests r JOIN data_retention_jobs j ON j.request_id = r.id
WHERE j.subscription_id = %(subscription_id)s AND j.status = 'scheduled' AND r.term_ends_at IS NOT NULL;

-- name: reactivation_cleared
-- After reading the result back from Stripe.
UPDATE reactivation_requests
SET recovery_point = 'cleared', renews_at = %(renews_at)s,
    stripe_request_id = coalesce(%(stripe_request_id)s, stripe_request_id)
WHERE id = %(request_id)s;

-- name: reactivation_asked
-- For emails outside the steps: time of the request, response, and the plan's end until Stripe has the reactivation.
SELECT r.received_at, r.response,
    (SELECT s.cancel_at FROM subscriptions s WHERE s.id = coalesce(r.subscription_id, r.asked_subscription)
        AND r.recovery_point = 'received' AND s.cancel_at > now()) AS ends_at
FROM reactivation_requests r WHERE r.id = %(request_id)s;
