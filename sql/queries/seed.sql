-- name: seed_user
-- As the owner: the application cannot create users. Replaces a row that a webhook has already copied from Stripe.
INSERT INTO users (id, email, name, locale, time_zone, country, stripe_customer_id)
VALUES (%(id)s, %(email)s, %(name)s, %(locale)s, %(time_zone)s, %(country)s, %(stripe_customer_id)s)
ON CONFLICT (id) DO UPDATE SET email = EXCLUDED.email, name = EXCLUDED.name, locale = EXCLUDED.locale,
    time_zone = EXCLUDED.time_zone, country = EXCLUDED.country, stripe_customer_id = EXCLUDED.stripe_customer_id,
    copied_at = NULL, customer_since = NULL;

-- name: seed_subscription
INSERT INTO subscriptions (id, user_id, stripe_customer_id, plan, status, current_period_start, current_period_end,
    cancel_at_period_end, cancel_at)
VALUES (%(id)s, %(user_id)s, %(stripe_customer_id)s, %(plan)s, %(status)s, to_timestamp(%(current_period_start)s),
    to_timestamp(%(current_period_end)s), %(cancel_at)s::bigint IS NOT NULL, to_timestamp(%(cancel_at)s))
ON CONFLICT (id) DO UPDATE SET user_id = EXCLUDED.user_id, plan = EXCLUDED.plan, status = EXCLUDED.status,
    current_period_start = EXCLUDED.current_period_start, current_period_end = EXCLUDED.current_period_end,
    cancel_at_period_end = EXCLUDED.cancel_at_period_end, cancel_at = EXCLUDED.cancel_at, updated_at = now();

-- name: row_of_subscription
-- For the demo's output.
SELECT status, cancel_at_period_end, cancel_at FROM subscriptions WHERE id = %(subscription_id)s;

-- name: retention_job_of_subscription
SELECT status, run_at FROM data_retention_jobs WHERE subscription_id = %(subscription_id)s AND status = 'scheduled';

-- name: last_request_of_user
SELECT id, flow_run_id FROM cancellation_requests WHERE user_id = %(user_id)s ORDER BY received_at DESC LIMIT 1;

-- name: confirmation_of_request
SELECT delivered_at FROM outbox WHERE request_id = %(request_id)s AND kind = 'cancellation_confirmation';
