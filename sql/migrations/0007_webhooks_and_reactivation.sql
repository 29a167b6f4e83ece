-- depends: 0006_reconciliation
-- Stripe's word and the way back: events as they come in, how a subscription ended, and requests to go on after all.

-- When it was decided, which differs from when it was over, and what was bought.
ALTER TABLE subscriptions
    ADD COLUMN canceled_at timestamptz,
    ADD COLUMN price_ids   text[];
GRANT UPDATE (canceled_at, price_ids) ON subscriptions TO cancelflow_app;

-- Where a cancellation was asked for. One that Stripe told us of begins where Stripe has done its part.
ALTER TABLE cancellation_requests
    ADD COLUMN origin text NOT NULL DEFAULT 'api' CHECK (origin IN ('api', 'stripe'));

-- Stripe may say why a little later, and the page behind the letter's link asks once.
ALTER TABLE cancellation_reasons ADD COLUMN answered_at timestamptz;  -- on that page
GRANT UPDATE (category, feedback, answered_at) ON cancellation_reasons TO cancelflow_app;

-- A request to go on, from the API or the letter's button, or one that Stripe told us of.
CREATE TABLE reactivation_requests (
    id                 uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id            uuid        NOT NULL,  -- no foreign key, for it may be nobody's
    asked_user_id      uuid        NOT NULL,
    asked_subscription text,
    origin             text        NOT NULL CHECK (origin IN ('api', 'link', 'stripe')),
    received_at        timestamptz NOT NULL DEFAULT now(),

    subscription_id    text        REFERENCES subscriptions,
    recovery_point     text        NOT NULL DEFAULT 'received' CHECK (recovery_point IN (
        'received', 'cleared', 'marked_active', 'finished')),
    renews_at          timestamptz,           -- as Stripe answered when read back
    billing_try        integer     NOT NULL DEFAULT 1,
    stripe_request_id  text,

    outcome            text        CHECK (outcome IN ('reactivated', 'active_already', 'refused', 'failed')),
    http_status        smallint,
    answer             json,
    finished_at        timestamptz,
    runs               integer     NOT NULL DEFAULT 0,
    tries              integer     NOT NULL DEFAULT 0,
    trying_since       timestamptz NOT NULL DEFAULT now(),
    resume_at          timestamptz DEFAULT now() + lease(),  -- as in cancellation_requests
    parked_at          timestamptz,
    flow_run_id        uuid,
    CONSTRAINT a_reactivation_is_whole CHECK (num_nonnulls(outcome, http_status, answer, finished_at) IN (0, 4))
);
CREATE INDEX reactivation_requests_of_user ON reactivation_requests (user_id, received_at);
CREATE UNIQUE INDEX one_reactivation_at_a_time ON reactivation_requests (subscription_id) WHERE finished_at IS NULL;
CREATE INDEX reactivation_requests_to_resume ON reactivation_requests (resume_at) WHERE resume_at IS NOT NULL;

-- A subscription ends once, and this is what it ended of.
CREATE TABLE subscription_ends (
    id              uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id         uuid        NOT NULL REFERENCES users,
    subscription_id text        NOT NULL UNIQUE REFERENCES subscriptions,
    kind            text        NOT NULL CHECK (kind IN (
        'voluntary', 'payment_failed', 'payment_disputed', 'never_started', 'neutral')),
    stripe_reason   text,       -- Stripe's own word, known or not
    ended_at        timestamptz NOT NULL,
    recorded_at     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX subscription_ends_of_user ON subscription_ends (user_id);

-- What leaves the house, and how long data is kept, may follow from a cancellation, a reactivation or an end:
-- request_id is the id of any of these.
ALTER TABLE outbox DROP CONSTRAINT outbox_request_id_fkey;
ALTER TABLE data_retention_jobs DROP CONSTRAINT IF EXISTS data_retention_jobs_request_id_fkey;
GRANT UPDATE (cancel_at, run_at) ON data_retention_jobs TO cancelflow_app;
DO $$
DECLARE
    so_far text := (SELECT pg_get_expr(conbin, conrelid) FROM pg_constraint WHERE conname = 'outbox_kind_check');
BEGIN
    ALTER TABLE outbox DROP CONSTRAINT outbox_kind_check;
    EXECUTE format('ALTER TABLE outbox ADD CONSTRAINT outbox_kind_check CHECK (%s OR kind = ANY (%L::text[]))', so_far,
        ARRAY['reactivation_confirmation', 'reactivation_refused', 'subscription.reactivated', 'subscription_ended',
            'onboarding_follow_up', 'subscription.ended']);
END
$$;

DO $$
DECLARE
    of_a_user text;
BEGIN
    FOREACH of_a_user IN ARRAY ARRAY['reactivation_requests', 'subscription_ends']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', of_a_user);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', of_a_user);
        EXECUTE format('CREATE POLICY own_rows ON %I TO cancelflow_app USING (user_id = app_user_id())', of_a_user);
        EXECUTE format('CREATE POLICY all_rows ON %I TO %I USING (true)', of_a_user, current_user);
    END LOOP;
END
$$;
CREATE POLICY by_its_id ON reactivation_requests FOR SELECT TO cancelflow_app
    USING (id = nullif(current_setting('app.request_id', true), '')::uuid);
GRANT SELECT, INSERT ON reactivation_requests, subscription_ends TO cancelflow_app;
GRANT UPDATE (subscription_id, recovery_point, renews_at, billing_try, stripe_request_id, outcome, http_status, answer,
    finished_at, runs, tries, trying_since, resume_at, parked_at, flow_run_id) ON reactivation_requests
    TO cancelflow_app;

-- The lease of whoever works on a request, of either kind.
CREATE OR REPLACE FUNCTION renew_lease(request uuid) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    UPDATE cancellation_requests SET resume_at = greatest(resume_at, now() + lease())
    WHERE id = request AND resume_at IS NOT NULL;
    UPDATE reactivation_requests SET resume_at = greatest(resume_at, now() + lease())
    WHERE id = request AND resume_at IS NOT NULL
$$;
CREATE OR REPLACE FUNCTION end_lease(request uuid) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    UPDATE cancellation_requests SET resume_at = now() WHERE id = request AND resume_at IS NOT NULL;
    UPDATE reactivation_requests SET resume_at = now() WHERE id = request AND resume_at IS NOT NULL
$$;

CREATE FUNCTION pause_after_tries(tries integer) RETURNS interval
    LANGUAGE sql IMMUTABLE
    RETURN least(lease() * 2 ^ greatest(least(tries, 10) - 1, 0), interval '10 minutes');

-- Reactivations of any user whose lease has passed, with a new one: ids, and nothing else of theirs. One that was tried
-- a dozen times over six hours waits for a person (parked_at).
CREATE FUNCTION claim_reactivations(at_most integer) RETURNS TABLE (id uuid, died_in uuid)
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    UPDATE reactivation_requests r SET parked_at = now(), resume_at = NULL
    WHERE r.resume_at <= now() AND r.tries >= 12 AND r.trying_since < now() - interval '6 hours';
    WITH due AS (
        SELECT r.id FROM reactivation_requests r WHERE r.resume_at <= now()
        ORDER BY r.resume_at LIMIT at_most FOR UPDATE SKIP LOCKED)
    UPDATE reactivation_requests r SET resume_at = now() + pause_after_tries(r.tries)
    FROM due WHERE r.id = due.id
    RETURNING r.id, CASE WHEN r.finished_at IS NULL THEN r.flow_run_id END
$$;

-- The inbox of Stripe's webhooks. Ids, times and words of Stripe's own; nothing that a customer wrote. It belongs to no
-- user, so the application reaches it through the functions below alone.
CREATE TABLE stripe_events (
    id              text        PRIMARY KEY,           -- evt_…, so that an event comes in once
    type            text        NOT NULL,
    moment          text        NOT NULL,              -- what it may be about: nodes/rules/moments.py
    created_at      timestamptz NOT NULL,              -- at Stripe
    received_at     timestamptz NOT NULL DEFAULT now(),
    livemode        boolean     NOT NULL,
    subscription_id text,
    customer_id     text,
    caused_by       uuid,                              -- our request, where a write of ours caused it

    resume_at       timestamptz DEFAULT now(),         -- when to take it up; null once nothing is left to do
    tries           integer     NOT NULL DEFAULT 0,
    trying_since    timestamptz NOT NULL DEFAULT now(),
    parked_at       timestamptz,                       -- given up by the machine: it waits for a person
    problem         text,                              -- why the last try failed
    in_hand_until   timestamptz,                       -- a run has it; after this moment that run counts as dead
    flow_run_id     uuid,
    handled_at      timestamptz,
    outcome         text                               -- what it turned out to be
);
CREATE INDEX stripe_events_to_handle ON stripe_events (resume_at) WHERE resume_at IS NOT NULL;
CREATE INDEX stripe_events_of_subscription ON stripe_events (subscription_id);
CREATE INDEX stripe_events_of_customer ON stripe_events (customer_id);
-- Of two events about one customer at once, one waits: both would find the same to tell.
CREATE INDEX stripe_events_in_turn ON stripe_events (coalesce(customer_id, subscription_id, id))
    WHERE handled_at IS NULL;

-- Whether a request of ours is at work on it, or is about to look again: an event then waits until that is through.
CREATE FUNCTION subscription_under_way(subscription text) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    RETURN EXISTS (
        SELECT FROM cancellation_requests r WHERE r.subscription_id = subscription AND r.parked_at IS NULL
            AND (r.finished_at IS NULL OR (r.outcome = 'failed' AND r.resume_at IS NOT NULL)))
    OR EXISTS (
        SELECT FROM reactivation_requests r WHERE r.subscription_id = subscription AND r.parked_at IS NULL
            AND r.finished_at IS NULL);

-- True if the event is new.
CREATE FUNCTION receive_stripe_event(event text, kind text, its_moment text, created timestamptz, live boolean,
    subscription text, customer text, cause uuid) RETURNS boolean
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    WITH came AS (
        INSERT INTO stripe_events (id, type, moment, created_at, livemode, subscription_id, customer_id, caused_by)
        VALUES (event, kind, its_moment, created, live, subscription, customer, cause)
        ON CONFLICT (id) DO NOTHING
        RETURNING id)
    SELECT EXISTS (SELECT FROM came)
$$;

-- Events that nobody has handled, with a lease. What a write of ours caused was read back by the request that wrote it,
-- and what is over and told has no more to tell: neither needs a run. An end is looked at whoever caused it.
CREATE FUNCTION claim_stripe_events(at_most integer) RETURNS TABLE (id text, died_in uuid)
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    UPDATE stripe_events e SET handled_at = now(), outcome = 'ours', resume_at = NULL
    WHERE e.resume_at <= now() AND e.caused_by IS NOT NULL AND e.type <> 'customer.subscription.deleted'
        AND (EXISTS (SELECT FROM cancellation_requests r WHERE r.id = e.caused_by
                AND r.outcome IN ('pending_cancellation', 'canceled', 'retained'))
            OR EXISTS (SELECT FROM reactivation_requests r WHERE r.id = e.caused_by AND r.outcome = 'reactivated'));
    UPDATE stripe_events e SET handled_at = now(), outcome = 'over', resume_at = NULL
    WHERE e.resume_at <= now() AND EXISTS (
        SELECT FROM subscription_ends s WHERE s.subscription_id = e.subscription_id AND NOT EXISTS (
            SELECT FROM outbox o WHERE o.request_id = s.id AND o.delivered_at IS NULL AND NOT o.refused));
    WITH due AS (
        SELECT e.id FROM stripe_events e
        WHERE e.resume_at <= now() AND NOT subscription_under_way(e.subscription_id) AND NOT EXISTS (
            SELECT FROM stripe_events other
            WHERE coalesce(other.customer_id, other.subscription_id, other.id)
                    = coalesce(e.customer_id, e.subscription_id, e.id)
                AND other.handled_at IS NULL AND other.id <> e.id
                AND (other.in_hand_until > now()
                    OR (other.resume_at <= now() AND (other.resume_at, other.id) < (e.resume_at, e.id)
                        AND NOT subscription_under_way(other.subscription_id))))
        ORDER BY e.resume_at LIMIT at_most FOR UPDATE SKIP LOCKED)
    UPDATE stripe_events e
    SET tries = e.tries + 1, in_hand_until = now() + interval '1 minute',
        resume_at = now() + greatest(interval '1 minute', pause_after_tries(e.tries + 1))
    FROM due WHERE e.id = due.id
    RETURNING e.id, e.flow_run_id
$$;

CREATE FUNCTION take_up_stripe_event(event text, run uuid)
    RETURNS TABLE (id text, type text, moment text, tries integer, caused_by uuid, handled boolean)
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    UPDATE stripe_events e SET flow_run_id = run WHERE e.id = event
    RETURNING e.id, e.type, e.moment, e.tries, e.caused_by, e.handled_at IS NOT NULL
$$;

-- Whose subscriptions an event is about: one, or all of a customer's. Ids, and nothing else of theirs.
CREATE FUNCTION subscriptions_of_stripe_event(event text) RETURNS TABLE (id text, user_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT s.id, s.user_id FROM subscriptions s, stripe_events e
    WHERE e.id = event AND (s.id = e.subscription_id
        OR (e.subscription_id IS NULL AND s.stripe_customer_id = e.customer_id))
    ORDER BY s.id
$$;

CREATE FUNCTION stripe_event_handled(event text, what text) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    UPDATE stripe_events
    SET handled_at = now(), outcome = what, resume_at = NULL, problem = NULL, in_hand_until = NULL
    WHERE id = event AND handled_at IS NULL
$$;

CREATE FUNCTION put_off_stripe_event(event text, seconds double precision) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    UPDATE stripe_events SET resume_at = now() + make_interval(secs => seconds), in_hand_until = NULL
    WHERE id = event AND handled_at IS NULL
$$;

-- Its next turn comes later, and after a dozen tries over six hours a person's. True if it is parked.
CREATE FUNCTION stripe_event_failed(event text, what text) RETURNS boolean
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    UPDATE stripe_events e
    SET problem = what, in_hand_until = NULL,
        parked_at = CASE WHEN e.tries >= 12 AND e.trying_since < now() - interval '6 hours' THEN now() END,
        resume_at = CASE WHEN e.tries >= 12 AND e.trying_since < now() - interval '6 hours' THEN NULL
            ELSE now() + pause_after_tries(e.tries) END
    WHERE e.id = event AND e.handled_at IS NULL
    RETURNING e.parked_at IS NOT NULL
$$;

REVOKE ALL ON FUNCTION claim_reactivations(integer), subscription_under_way(text), claim_stripe_events(integer),
    receive_stripe_event(text, text, text, timestamptz, boolean, text, text, uuid), take_up_stripe_event(text, uuid),
    subscriptions_of_stripe_event(text), stripe_event_handled(text, text),
    put_off_stripe_event(text, double precision), stripe_event_failed(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION claim_reactivations(integer), subscription_under_way(text), claim_stripe_events(integer),
    receive_stripe_event(text, text, text, timestamptz, boolean, text, text, uuid), take_up_stripe_event(text, uuid),
    subscriptions_of_stripe_event(text), stripe_event_handled(text, text),
    put_off_stripe_event(text, double precision), stripe_event_failed(text, text) TO cancelflow_app;
