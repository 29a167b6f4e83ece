-- name: live_subscriptions
-- Step 2: what the user could cancel. The two ended statuses are final at Stripe. Announced: the customer was told when
-- it ends, and not that it continues.
SELECT id, plan, status, current_period_end, cancel_at_period_end, cancel_at, is_announced(id) AS announced
FROM subscriptions
WHERE status NOT IN ('canceled', 'incomplete_expired')
ORDER BY created_at, id;

-- name: subscription
SELECT id, plan, status, current_period_end, cancel_at_period_end, cancel_at, is_announced(id) AS announced
FROM subscriptions WHERE id = %(subscription_id)s;

-- name: last_ended_subscription
-- What a dashboard shows of a customer who has left.
SELECT id, plan, status, current_period_end, cancel_at_period_end, cancel_at, false AS announced
FROM subscriptions
WHERE status IN ('canceled', 'incomplete_expired')
ORDER BY ended_at DESC NULLS LAST, id
LIMIT 1;

-- name: mirror_subscription
-- Step 7B, and wherever the row is healed: what Stripe says.
UPDATE subscriptions
SET status = %(status)s, current_period_start = %(current_period_start)s, current_period_end = %(current_period_end)s,
    cancel_at_period_end = %(cancel_at_period_end)s, cancel_at = %(cancel_at)s, ended_at = %(ended_at)s,
    canceled_at = %(canceled_at)s, price_ids = %(price_ids)s, plan = coalesce(%(plan)s, plan), updated_at = now()
WHERE id = %(subscription_id)s
RETURNING status, cancel_at_period_end, cancel_at, ended_at;

-- name: customer
-- Step 8B writes to them.
SELECT id, email, name, locale, time_zone FROM users WHERE id = %(user_id)s;

-- name: customer_locale
-- The language and time zone in which a date is written for the customer.
SELECT locale, time_zone FROM users WHERE id = %(user_id)s;

-- name: subscription_states
-- For `reconcile`: of any user.
SELECT id, user_id, status, cancel_at, announced, under_way FROM subscription_states(%(ids)s);

-- name: live_subscriptions_after
SELECT live_subscriptions_after(%(after)s, %(at_most)s);
