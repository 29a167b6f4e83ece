-- depends: 0007_data_retention 0008_stripe_events 0010_reports
-- Copies from Stripe, by `cancelflow import` and by webhooks: customers become users, with their subscriptions. The
-- application cannot create users itself, and these functions write only what Stripe reports.

-- Return the user id of a Stripe customer: the one that its metadata names, else the one whose row has this customer,
-- else the customer's own id.
CREATE FUNCTION user_of_customer(named text, customer text) RETURNS text
    LANGUAGE sql STABLE
    RETURN coalesce(named, (
        SELECT u.id FROM users u WHERE u.stripe_customer_id = customer
        ORDER BY u.id = customer COLLATE "C", u.created_at, u.id LIMIT 1), customer);

-- Return whether there are rows of the user other than copies from Stripe. Tables whose rows belong to a request or a
-- session need no look. In plpgsql, because later migrations create some of the tables.
CREATE FUNCTION has_history(of_user text) RETURNS boolean
    LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN EXISTS (SELECT FROM requests t WHERE t.user_id = of_user)
        OR EXISTS (SELECT FROM retention_offers t WHERE t.user_id = of_user)
        OR EXISTS (SELECT FROM entitlements t WHERE t.user_id = of_user)
        OR EXISTS (SELECT FROM outbox t WHERE t.user_id = of_user)
        OR EXISTS (SELECT FROM data_retention_jobs t WHERE t.user_id = of_user)
        OR EXISTS (SELECT FROM data_deletions t WHERE t.user_id = of_user)
        OR EXISTS (SELECT FROM audit_log t WHERE t.user_id = of_user)
        OR EXISTS (SELECT FROM idempotency_keys t WHERE t.user_id = of_user)
        OR EXISTS (SELECT FROM attempts t WHERE t.user_id = of_user)
        OR EXISTS (SELECT FROM offers_shown t WHERE t.user_id = of_user)
        OR EXISTS (SELECT FROM offers_listed t WHERE t.user_id = of_user)
        OR EXISTS (SELECT FROM retained_invoices t WHERE t.user_id = of_user)
        OR EXISTS (SELECT FROM cancel_sessions t WHERE t.user_id = of_user)
        OR EXISTS (SELECT FROM webhook_deliveries t WHERE t.user_id = of_user)
        OR EXISTS (SELECT FROM consents t WHERE t.user_id = of_user)
        OR EXISTS (SELECT FROM tasks t WHERE t.user_id = of_user);
END
$$;

-- Parse customers as nodes/subscriptions/rows.py writes them; return each user once.
CREATE FUNCTION customers_in(customers jsonb)
    RETURNS TABLE (id text, customer_id text, created_at timestamptz, email text, name text, locale text, country text,
        subscribed boolean)
    LANGUAGE sql STABLE
AS $$
    SELECT DISTINCT ON (id) id, customer_id, created_at, email, name, locale, country,
        bool_or(subscribed) OVER (PARTITION BY id)
    FROM (
        SELECT user_of_customer(c.user_id, c.customer_id) COLLATE "C" AS id, c.*
        FROM jsonb_to_recordset(customers) AS c (user_id text, customer_id text, created_at timestamptz, email text,
            name text, locale text, country text, subscribed boolean)) AS each
    ORDER BY id, created_at DESC, customer_id
$$;

-- Write customers as users. Columns that are empty in Stripe keep their value. `changed`: Stripe has just reported a
-- change, which also updates a row that the company wrote, but creates no user. A user whose data was deleted is
-- created again only for a live subscription, since Stripe keeps the customer with their invoices. Only the deletion
-- record still connects that customer with a user id that the customer's metadata doesn't name.
CREATE FUNCTION write_customers(customers jsonb, asked_at timestamptz, changed boolean) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    UPDATE users u
    SET email = coalesce(c.email, u.email), name = coalesce(c.name, u.name), locale = coalesce(c.locale, u.locale),
        country = coalesce(c.country, u.country), stripe_customer_id = c.customer_id, customer_since = c.created_at,
        copied_at = asked_at
    FROM customers_in(customers) c
    WHERE u.id = c.id AND (u.copied_at < asked_at OR (u.copied_at IS NULL AND changed))
        AND (coalesce(u.stripe_customer_id, c.customer_id) = c.customer_id OR u.customer_since <= c.created_at)
        AND (u.email, u.name, u.locale, u.country, u.stripe_customer_id, u.customer_since) IS DISTINCT FROM (
            coalesce(c.email, u.email), coalesce(c.name, u.name), coalesce(c.locale, u.locale),
            coalesce(c.country, u.country), c.customer_id, c.created_at);
    INSERT INTO users (id, email, name, locale, country, stripe_customer_id, customer_since, copied_at)
    SELECT c.id, c.email, c.name, coalesce(c.locale, 'en'), c.country, c.customer_id, c.created_at, asked_at
    FROM customers_in(customers) c
    WHERE c.subscribed OR EXISTS (SELECT FROM users u WHERE u.stripe_customer_id = c.customer_id)
        OR NOT (changed OR EXISTS (
            SELECT FROM data_deletions d
            WHERE d.user_id = c.id COLLATE "C" OR kept_outside(d.kept) @> ARRAY[c.customer_id]))
    ON CONFLICT (id) DO NOTHING;
    -- The metadata named the user only after the customer was copied under its own id: move the copies to that user. With
    -- history they stay: its rows would keep an id that has no subscription any more.
    WITH moved AS (
        UPDATE subscriptions s SET user_id = c.id
        FROM customers_in(customers) c
        WHERE s.stripe_customer_id = c.customer_id AND s.user_id = c.customer_id COLLATE "C" AND c.id <> c.customer_id
            AND NOT has_history(s.user_id)
        RETURNING s.id, s.user_id)
    UPDATE subscription_ends e SET user_id = moved.user_id FROM moved WHERE e.subscription_id = moved.id;
    DELETE FROM users u USING customers_in(customers) c
    WHERE u.id = c.customer_id COLLATE "C" AND c.id <> c.customer_id AND u.copied_at IS NOT NULL
        AND NOT EXISTS (SELECT FROM subscriptions s WHERE s.user_id = u.id) AND NOT has_history(u.id);
$$;

-- Parse subscriptions as nodes/subscriptions/rows.py writes them; return them with their users. A fixed term counts as
-- a pending cancellation if the customer was notified of one.
CREATE FUNCTION subscriptions_in(subscriptions jsonb)
    RETURNS TABLE (id text, user_id text, customer_id text, plan text, price_ids text[], status text,
        current_period_start timestamptz, current_period_end timestamptz, cancel_at_period_end boolean,
        cancel_at timestamptz, canceled_at timestamptz, ended_at timestamptz, pause_behavior text,
        resumes_at timestamptz, trial_ends_at timestamptz, created_at timestamptz, end_kind text,
        end_reason text)
    LANGUAGE sql STABLE
AS $$
    SELECT s.subscription_id, user_of_customer(s.user_id, s.customer_id) COLLATE "C", s.customer_id, s.plan, s.price_ids,
        CASE WHEN told.of_its_end THEN 'pending_cancellation' ELSE s.status END, s.current_period_start,
        s.current_period_end, s.cancel_at_period_end OR told.of_its_end, s.cancel_at, s.canceled_at, s.ended_at,
        s.pause_behavior, s.resumes_at, s.trial_ends_at, s.created_at, s.end_kind, s.end_reason
    FROM jsonb_to_recordset(subscriptions) AS s (subscription_id text, user_id text, customer_id text, plan text,
        price_ids text[], status text, current_period_start timestamptz, current_period_end timestamptz,
        cancel_at_period_end boolean, cancel_at timestamptz, canceled_at timestamptz, ended_at timestamptz,
        pause_behavior text, resumes_at timestamptz, trial_ends_at timestamptz, created_at timestamptz, fixed_term boolean, end_kind text, end_reason text),
        LATERAL (SELECT s.fixed_term AND is_announced(s.subscription_id) AS of_its_end) told
$$;

-- Write subscriptions, whose customers were written before. An existing row keeps its user, and is not changed if
-- `only_new` is set or if it was updated after Stripe was read.
CREATE FUNCTION write_subscriptions(subscriptions jsonb, asked_at timestamptz, only_new boolean) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    UPDATE subscriptions s
    SET plan = coalesce(c.plan, s.plan), price_ids = c.price_ids, status = c.status,
        current_period_start = c.current_period_start, current_period_end = c.current_period_end,
        cancel_at_period_end = c.cancel_at_period_end, cancel_at = c.cancel_at, canceled_at = c.canceled_at,
        ended_at = c.ended_at, pause_behavior = c.pause_behavior, resumes_at = c.resumes_at,
        trial_ends_at = c.trial_ends_at, updated_at = now()
    FROM subscriptions_in(subscriptions) c
    WHERE s.id = c.id AND s.updated_at < asked_at AND NOT only_new
        AND (s.plan, s.price_ids, s.status, s.current_period_start, s.current_period_end, s.cancel_at_period_end,
            s.cancel_at, s.canceled_at, s.ended_at, s.pause_behavior, s.resumes_at, s.trial_ends_at) IS DISTINCT FROM (
            coalesce(c.plan, s.plan), c.price_ids, c.status, c.current_period_start, c.current_period_end,
            c.cancel_at_period_end, c.cancel_at, c.canceled_at, c.ended_at, c.pause_behavior, c.resumes_at,
            c.trial_ends_at);
    WITH made AS (
        INSERT INTO subscriptions (id, user_id, stripe_customer_id, plan, price_ids, status, current_period_start,
            current_period_end, cancel_at_period_end, cancel_at, canceled_at, ended_at, pause_behavior, resumes_at,
            trial_ends_at, created_at)
        SELECT c.id, c.user_id, c.customer_id, coalesce(c.plan, 'unknown'), c.price_ids, c.status, c.current_period_start,
            c.current_period_end, c.cancel_at_period_end, c.cancel_at, c.canceled_at, c.ended_at, c.pause_behavior,
            c.resumes_at, c.trial_ends_at, c.created_at
        FROM subscriptions_in(subscriptions) c JOIN users u ON u.id = c.user_id COLLATE "C"
        ON CONFLICT (id) DO NOTHING
        RETURNING id, user_id, ended_at)
    -- Stripe retries an event for three days, so an earlier end predates cancelflow: record it without notifying.
    INSERT INTO subscription_ends (user_id, subscription_id, kind, stripe_reason, ended_at)
    SELECT made.user_id, made.id, c.end_kind, c.end_reason, made.ended_at
    FROM made JOIN subscriptions_in(subscriptions) c ON c.id = made.id
    WHERE c.end_kind IS NOT NULL AND made.ended_at < asked_at - interval '3 days'
    ON CONFLICT (subscription_id) DO NOTHING;
$$;

REVOKE ALL ON FUNCTION write_customers(jsonb, timestamptz, boolean), write_subscriptions(jsonb, timestamptz, boolean)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION write_customers(jsonb, timestamptz, boolean),
    write_subscriptions(jsonb, timestamptz, boolean) TO cancelflow_app;

-- The progress of an unfinished import: one row for each list that it reads.
CREATE TABLE import_progress (
    list  text    PRIMARY KEY,
    after text,                              -- the last object of the last page written
    read  bigint  NOT NULL DEFAULT 0,
    done  boolean NOT NULL DEFAULT false
);
