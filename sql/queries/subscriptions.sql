-- name: live_subscriptions
-- Step 2: the subscriptions that the user can cancel. The two ended statuses are final in Stripe. Announced: the
-- customer was notified of the end, without a later reactivation.
SELECT id, plan, status, current_period_end, cancel_at_period_end, cancel_at, is_announced(id) AS announced,
    pause_behavior, resumes_at
FROM subscriptions
WHERE status NOT IN ('canceled', 'incomplete_expired')
ORDER BY created_at, id;

-- name: subscription
SELECT id, plan, status, current_period_end, cancel_at_period_end, cancel_at, is_announced(id) AS announced,
    pause_behavior, resumes_at
FROM subscriptions WHERE id = %(subscription_id)s;

-- name: last_ended_subscription
-- The subscription that a dashboard shows for a former customer.
SELECT id, plan, status, current_period_end, cancel_at_period_end, cancel_at, false AS announced,
    pause_behavior, resumes_at
FROM subscriptions
WHERE status IN ('canceled', 'incomplete_expired')
ORDER BY ended_at DESC NULLS LAST, id
LIMIT 1;

-- name: mirror_subscription
-- Step 7B, and wherever a row is corrected: write the state in Stripe.
UPDATE subscriptions
SET status = %(status)s, current_period_start = %(current_period_start)s, current_period_end = %(current_period_end)s,
    cancel_at_period_end = %(cancel_at_period_end)s, cancel_at = %(cancel_at)s, ended_at = %(ended_at)s,
    canceled_at = %(canceled_at)s, pause_behavior = %(pause_behavior)s, resumes_at = %(resumes_at)s,
    trial_ends_at = %(trial_ends_at)s, price_ids = %(price_ids)s, plan = coalesce(%(plan)s, plan), updated_at = now()
WHERE id = %(subscription_id)s
RETURNING status, cancel_at_period_end, cancel_at, ended_at;

-- name: customer
-- The recipient of emails (step 8B).
SELECT id, email, name, locale, time_zone FROM users WHERE id = %(user_id)s;

-- name: customer_locale
-- The locale and time zone for dates in the customer's emails and pages.
SELECT locale, time_zone FROM users WHERE id = %(user_id)s;

-- name: subscription_states
-- For `reconcile`, across users.
SELECT id, user_id, status, cancel_at, pause_behavior, resumes_at, updated_at, announced, under_way
FROM subscription_states(%(ids)s);

-- name: live_subscriptions_after
SELECT live_subscriptions_after(%(after)s, %(at_most)s);
