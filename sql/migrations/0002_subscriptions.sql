-- depends: 0001_roles_and_users
-- Subscriptions as Stripe last reported them, and how they ended.

-- A copy of Stripe's subscription. Where they differ, Stripe is right and the row is corrected.
CREATE TABLE subscriptions (
    id                   text        PRIMARY KEY CHECK (id <> ''),  -- Stripe's own id, sub_…
    user_id              text COLLATE "C" NOT NULL REFERENCES users,
    stripe_customer_id   text        NOT NULL,
    plan                 text        NOT NULL,  -- its key in the catalogue, `unknown`, or the company's own name
    price_ids            text[],                -- one per item
    status               text        NOT NULL CHECK (status IN (
        'trialing', 'active', 'past_due', 'unpaid', 'paused', 'incomplete', 'incomplete_expired', 'canceled',
        'pending_cancellation')),    -- Stripe's statuses, and ours for a subscription that will end at cancel_at
    current_period_start timestamptz NOT NULL,
    current_period_end   timestamptz NOT NULL,
    cancel_at_period_end boolean     NOT NULL DEFAULT false,
    cancel_at            timestamptz,
    canceled_at          timestamptz,           -- when the cancellation was requested, as opposed to ended_at
    pause_behavior       text,                  -- while payment collection is paused: what becomes of its invoices
    resumes_at           timestamptz,           -- when Stripe resumes it by itself
    trial_ends_at        timestamptz,
    live_again_at        timestamptz,           -- when a cancellation was last revoked, here or in Stripe
    ended_at             timestamptz,
    created_at           timestamptz NOT NULL DEFAULT now(),
    updated_at           timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT a_pending_cancellation_has_its_date CHECK (status <> 'pending_cancellation' OR cancel_at IS NOT NULL)
);
CREATE INDEX subscriptions_of_user ON subscriptions (user_id);
CREATE INDEX subscriptions_of_customer ON subscriptions (stripe_customer_id);
CREATE INDEX subscriptions_live ON subscriptions (id) WHERE status NOT IN ('canceled', 'incomplete_expired');
CALL protect('subscriptions');
GRANT SELECT, UPDATE (plan, status, price_ids, current_period_start, current_period_end, cancel_at_period_end, cancel_at,
    canceled_at, ended_at, pause_behavior, resumes_at, trial_ends_at, updated_at) ON subscriptions TO cancelflow_app;

CREATE FUNCTION note_live_again() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.live_again_at := now();
    RETURN NEW;
END
$$;
CREATE TRIGGER subscriptions_live_again BEFORE UPDATE OF status ON subscriptions
    FOR EACH ROW WHEN (OLD.status IN ('pending_cancellation', 'canceled')
        AND NEW.status NOT IN ('pending_cancellation', 'canceled'))
    EXECUTE FUNCTION note_live_again();

-- For `reconcile`: return a page, ordered by id, of the subscriptions that were live when Stripe was last read.
CREATE FUNCTION live_subscriptions_after(after text, at_most integer)
    RETURNS SETOF text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT s.id FROM subscriptions s
    WHERE s.id > after AND s.status NOT IN ('canceled', 'incomplete_expired')
    ORDER BY s.id LIMIT at_most
$$;

-- Why and when a subscription ended, which happens once.
CREATE TABLE subscription_ends (
    id              uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id         text COLLATE "C" NOT NULL REFERENCES users,
    subscription_id text        NOT NULL UNIQUE REFERENCES subscriptions,
    kind            text        NOT NULL CHECK (kind IN (
        'voluntary', 'payment_failed', 'payment_disputed', 'never_started', 'neutral')),
    stripe_reason   text,       -- as Stripe reports it, including reasons unknown here
    ended_at        timestamptz NOT NULL,
    recorded_at     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX subscription_ends_of_user ON subscription_ends (user_id);
CALL protect('subscription_ends');
GRANT SELECT, INSERT ON subscription_ends TO cancelflow_app;

REVOKE ALL ON FUNCTION live_subscriptions_after(text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION live_subscriptions_after(text, integer) TO cancelflow_app;
