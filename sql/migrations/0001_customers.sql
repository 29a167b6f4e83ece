-- The application's role, who a customer is, and what they subscribe to.
--
-- Every table that holds a user's rows has row-level security, forced on its owner too. The application acts as
-- cancelflow_app, which owns nothing and bypasses nothing, and names one user a transaction:
--   SELECT set_config('app.user_id', '…', true)
-- The role is made without a login: give it one, or GRANT cancelflow_app TO the role that logs in.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'cancelflow_app') THEN
        CREATE ROLE cancelflow_app NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
    END IF;
    IF NOT pg_has_role(current_user, 'cancelflow_app', 'MEMBER') THEN
        EXECUTE format('GRANT cancelflow_app TO %I', current_user);
    END IF;
END
$$;

CREATE EXTENSION IF NOT EXISTS btree_gist;  -- an exclusion constraint over a uuid and a range needs it

-- The user whom this transaction may see; null, and so nobody, when none was named.
CREATE FUNCTION app_user_id() RETURNS uuid
    LANGUAGE sql STABLE
    RETURN nullif(current_setting('app.user_id', true), '')::uuid;

CREATE TABLE users (
    id                 uuid        PRIMARY KEY,
    email              text        NOT NULL,
    name               text,
    locale             text        NOT NULL DEFAULT 'en',
    time_zone          text        NOT NULL DEFAULT 'UTC',
    country            text        CHECK (country ~ '^[A-Z]{2}$'),  -- ISO 3166, for rules that differ by country
    stripe_customer_id text,
    created_at         timestamptz NOT NULL DEFAULT now()
);

-- A mirror of Stripe's subscription; Stripe is right where they differ, and the row is healed.
CREATE TABLE subscriptions (
    id                   text        PRIMARY KEY CHECK (id <> ''),  -- Stripe's own id, sub_…
    user_id              uuid        NOT NULL REFERENCES users,
    stripe_customer_id   text        NOT NULL,
    plan                 text        NOT NULL,  -- starter, professional, enterprise, or one that we do not know
    status               text        NOT NULL CHECK (status IN (
        'trialing', 'active', 'past_due', 'unpaid', 'paused', 'incomplete', 'incomplete_expired', 'canceled',
        'pending_cancellation')),    -- Stripe's words, and ours for one that Stripe will end at cancel_at
    current_period_start timestamptz NOT NULL,
    current_period_end   timestamptz NOT NULL,
    cancel_at_period_end boolean     NOT NULL DEFAULT false,
    cancel_at            timestamptz,
    ended_at             timestamptz,
    created_at           timestamptz NOT NULL DEFAULT now(),
    updated_at           timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT a_pending_cancellation_has_its_date CHECK (status <> 'pending_cancellation' OR cancel_at IS NOT NULL)
);
CREATE INDEX subscriptions_of_user ON subscriptions (user_id);
