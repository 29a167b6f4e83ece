-- name: receive_change
-- A single statement, outside a transaction; see sql/migrations/0011_intake.sql.
SELECT received.* FROM receive_change(request => %(request_id)s, caller => %(user_id)s, action => %(action)s,
    change_kind => %(kind)s, offer => %(offer_id)s, asked_subscription => %(asked_subscription)s,
    every => %(every)s, choice => %(choice)s, origin => %(origin)s, own_key => %(key)s, body => %(fingerprint)s, at_most => %(at_most)s,
    refusals => %(refusals)s) received,
    asked_in_session(%(session_id)s, received, true, %(offer_id)s),
    left_to_carrier(received, true, %(carried_out_by)s, %(message)s);

-- name: claim_change
UPDATE change_requests
SET runs = runs + 1, tries = tries + 1, resume_at = greatest(resume_at, now() + lease()),
    flow_run_id = CASE WHEN finished_at IS NULL OR outcome = 'failed' THEN %(flow_run_id)s ELSE flow_run_id END
WHERE id = %(request_id)s
RETURNING id, user_id, asked_subscription, origin, kind, offer_id, choice, agreed, subscription_id, recovery_point,
    received_at, outcome, response, billing_try, stripe_request_id, reported_failed, by_hand, carried_out_by,
    superseded(change_requests) AS superseded;

-- name: kind_of_change
SELECT kind FROM change_requests WHERE id = %(request_id)s;

-- name: choose_subscription_to_change
UPDATE change_requests SET subscription_id = %(subscription_id)s, plan = %(plan)s WHERE id = %(request_id)s;

-- name: change_agreed
-- Before the first write: what is to be done, and what it costs.
UPDATE change_requests SET recovery_point = 'agreed', agreed = %(agreed)s WHERE id = %(request_id)s;

-- name: change_applied
-- After reading the result back from Stripe.
UPDATE change_requests
SET recovery_point = 'applied', stripe_request_id = coalesce(%(stripe_request_id)s, stripe_request_id)
WHERE id = %(request_id)s;

-- name: remind_of_change
UPDATE change_requests SET remind_at = %(remind_at)s WHERE id = %(request_id)s;

-- name: changes_of_subscription
-- The latest change of each kind that took effect, for eligibility: when, by the clock of the subscription.
SELECT DISTINCT ON (kind) kind, (agreed->>'at')::timestamptz AS at, (agreed->>'resumes_at')::timestamptz AS resumes_at,
    finished_at
FROM change_requests
WHERE user_id = %(user_id)s AND subscription_id = %(subscription_id)s AND outcome = 'changed'
    AND id IS DISTINCT FROM %(request_id)s
ORDER BY kind, finished_at DESC;

-- name: trial_was_extended
-- Once per customer, whichever subscription it was.
SELECT EXISTS (
    SELECT FROM change_requests
    WHERE user_id = %(user_id)s AND kind = 'trial_extension' AND outcome = 'changed'
        AND id IS DISTINCT FROM %(request_id)s);

-- name: change_asked
-- For emails outside the steps: the request, its time and its response.
SELECT received_at, response, EXISTS (
    SELECT FROM outbox WHERE request_id = %(request_id)s AND kind = 'offer_refused' AND delivered_at IS NULL
        AND NOT refused) AS refusal_to_send
FROM change_requests WHERE id = %(request_id)s;

-- name: recorded_changes
-- The latest changes that are recorded, for comparison with Stripe.
WITH latest AS (
    SELECT DISTINCT ON (what) what, kind, agreed FROM (
        SELECT CASE WHEN kind IN ('pause', 'resume') THEN 'pause' ELSE kind END AS what, kind, agreed, received_at
        FROM change_requests WHERE subscription_id = %(subscription_id)s AND recovery_point IN (
            'applied', 'recorded', 'finished')) AS each
    ORDER BY what, received_at DESC)
SELECT coalesce((SELECT kind = 'pause' FROM latest WHERE what = 'pause'), false) AS paused,
    (SELECT (agreed->>'resumes_at')::timestamptz FROM latest WHERE what = 'pause') AS resumes_at,
    (SELECT (agreed->>'trial_ends_at')::timestamptz FROM latest WHERE what = 'trial_extension') AS trial_ends_at,
    (SELECT agreed->>'price_id' FROM latest WHERE what = 'plan_change') AS price_id,
    ARRAY(SELECT stripe_discount_id FROM retention_offers
        WHERE subscription_id = %(subscription_id)s AND stripe_discount_id IS NOT NULL) AS discount_ids;

-- name: trial_end_on_record
SELECT trial_ends_at FROM subscriptions WHERE id = %(subscription_id)s;

-- name: receive_change_from_stripe
-- Create a request for a change made in Stripe, at the step after Stripe's change, unless another is under way.
INSERT INTO change_requests (user_id, asked_user_id, asked_subscription, subscription_id, plan, kind, agreed, origin,
    recovery_point, resume_at)
SELECT %(user_id)s, %(user_id)s, %(subscription_id)s, %(subscription_id)s, %(plan)s, %(kind)s, %(agreed)s, 'stripe',
    'applied', now()
WHERE NOT EXISTS (
    SELECT FROM change_requests WHERE subscription_id = %(subscription_id)s AND finished_at IS NULL)
RETURNING id;

-- name: claim_reminders
-- Claim a batch of requests.
SELECT claim_reminders(%(at_most)s);

-- name: due_reminder
-- Of a change, or of the retention offer of a cancellation request.
SELECT id AS request_id, user_id, subscription_id, plan, kind, offer_id, agreed FROM change_requests
WHERE id = %(request_id)s AND remind_at IS NOT NULL AND outcome = 'changed' AND kind IN ('pause', 'discount')
UNION ALL
SELECT request_id, user_id, subscription_id, plan, 'discount', NULL, json_build_object('at', accepted_at,
    'coupon_id', coupon_id, 'percent_off', percent_off, 'months', months) FROM retention_offers
WHERE request_id = %(request_id)s AND remind_at IS NOT NULL AND state = 'applied';

-- name: reminded
WITH offer AS (UPDATE retention_offers SET remind_at = NULL WHERE request_id = %(request_id)s)
UPDATE change_requests SET remind_at = NULL WHERE id = %(request_id)s;

-- name: call_booked
-- The last booking counts. No row if the request is no acceptance of a `contact` offer.
UPDATE change_requests SET booking_id = %(booking_id)s
WHERE id = %(request_id)s AND kind = 'contact' AND outcome = 'changed'
RETURNING subscription_id;
