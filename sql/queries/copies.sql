-- name: write_customers
SELECT write_customers(%(customers)s::jsonb, %(asked_at)s, %(changed)s);

-- name: write_subscriptions
SELECT write_subscriptions(%(subscriptions)s::jsonb, %(asked_at)s, %(only_new)s);

-- name: only_import
-- Allow one import at a time, until its connection is closed.
SELECT pg_try_advisory_lock(hashtextextended('cancelflow import', 23));

-- name: import_asks
-- The time at which Stripe is read: of two copies, the later one wins.
SELECT clock_timestamp();

-- name: import_progress
SELECT list, after, read, done FROM import_progress;

-- name: import_reached
INSERT INTO import_progress (list, after, read, done) VALUES (%(list)s, %(after)s, %(read)s, %(done)s)
ON CONFLICT (list) DO UPDATE SET after = EXCLUDED.after, read = EXCLUDED.read, done = EXCLUDED.done;

-- name: forget_import
-- After an import has finished, or before it starts over.
DELETE FROM import_progress;

-- name: import_summary
SELECT (SELECT count(*) FROM users) AS users, (SELECT count(*) FROM users WHERE email IS NULL) AS without_email,
    (SELECT count(*) FROM subscriptions) AS subscriptions;

-- name: subscriptions_by_plan
SELECT plan, count(*) FILTER (WHERE status NOT IN ('canceled', 'incomplete_expired')) AS live, count(*) AS in_all
FROM subscriptions GROUP BY plan ORDER BY in_all DESC, plan;

-- name: prices_in_no_plan
SELECT price, count(*) AS subscriptions FROM subscriptions, unnest(price_ids) AS price
WHERE plan = 'unknown' GROUP BY price ORDER BY subscriptions DESC, price;
