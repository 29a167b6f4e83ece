-- depends: 0004_claims 0006_outbox
-- The inbox of Stripe's webhooks.

-- Ids, times and Stripe's identifiers; no text written by customers. Rows belong to no user, so the application can
-- access them only through the functions below.
CREATE TABLE stripe_events (
    id              text        PRIMARY KEY,           -- evt_…; makes receiving an event idempotent
    type            text        NOT NULL,
    change          text        NOT NULL,              -- the possible change: nodes/rules/stripe_changes.py
    created_at      timestamptz NOT NULL,              -- at Stripe
    received_at     timestamptz NOT NULL DEFAULT now(),
    livemode        boolean     NOT NULL,
    subscription_id text,
    customer_id     text,
    caused_by       uuid,                              -- the cancelflow request whose write caused the event

    resume_at       timestamptz DEFAULT now(),         -- when to claim it; null once nothing is left to do
    tries           integer     NOT NULL DEFAULT 0,
    trying_since    timestamptz NOT NULL DEFAULT now(),
    parked_at       timestamptz,                       -- automatic retries have ended: it needs attention
    problem         text,                              -- why the last try failed
    in_hand_until   timestamptz,                       -- a run's claim, which expires then
    flow_run_id     uuid,
    handled_at      timestamptz,
    outcome         text                               -- how it was handled
);
-- Return whether a change only updates our copies of Stripe's objects. There may be many of these, so cancellations and
-- ends are handled first.
CREATE FUNCTION only_copies(change text) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    RETURN change IN ('new customer', 'new subscription', 'customer', 'terms');
CREATE INDEX stripe_events_to_handle ON stripe_events (only_copies(change), resume_at) WHERE resume_at IS NOT NULL;
CREATE INDEX stripe_events_of_subscription ON stripe_events (subscription_id);
CREATE INDEX stripe_events_of_customer ON stripe_events (customer_id);
-- Events of one customer are handled one at a time: two concurrent ones would report the same change twice.
CREATE INDEX stripe_events_in_line ON stripe_events (coalesce(customer_id, subscription_id, id))
    WHERE handled_at IS NULL;
CREATE INDEX stripe_events_parked ON stripe_events (parked_at) WHERE parked_at IS NOT NULL;
CREATE INDEX stripe_events_by_age ON stripe_events (handled_at) WHERE handled_at IS NOT NULL;

-- Return whether a run of the event died or failed. An event that was put off only waits for other work.
CREATE FUNCTION was_orphaned(event stripe_events) RETURNS boolean
    LANGUAGE sql STABLE
    RETURN event.problem IS NOT NULL OR event.in_hand_until IS NOT NULL;

-- Return whether a request of the subscription goes first. An end that a person made in Stripe also waits for their
-- `cancelflow finish`, which announces it.
CREATE FUNCTION waits_for_request(event stripe_events) RETURNS boolean
    LANGUAGE sql STABLE
    RETURN subscription_under_way(event.subscription_id) OR (event.change = 'end' AND EXISTS (
        SELECT FROM cancellation_requests r
        WHERE r.subscription_id = event.subscription_id AND r.by_hand AND r.finished_at IS NULL));

-- Return whether the event can be handled now: no run has claimed it, no request is being processed for its
-- subscription, and no other event of the same customer is being handled or comes first.
CREATE FUNCTION is_next_in_line(event stripe_events) RETURNS boolean
    LANGUAGE sql STABLE
    RETURN event.resume_at <= now() AND coalesce(event.in_hand_until <= now(), true)
        AND NOT waits_for_request(event) AND NOT EXISTS (
            SELECT FROM stripe_events other
            WHERE coalesce(other.customer_id, other.subscription_id, other.id)
                    = coalesce(event.customer_id, event.subscription_id, event.id)
                AND other.handled_at IS NULL AND other.id <> event.id
                AND (other.in_hand_until > now()
                    OR (other.resume_at <= now()
                        AND (only_copies(other.change), other.resume_at, other.id)
                            < (only_copies(event.change), event.resume_at, event.id)
                        AND NOT waits_for_request(other))));

-- Record an event, to be handled after `patience` seconds; return whether it is new.
CREATE FUNCTION receive_stripe_event(event text, kind text, its_change text, created timestamptz, live boolean,
    subscription text, customer text, cause uuid, patience double precision) RETURNS boolean
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    WITH came AS (
        INSERT INTO stripe_events (id, type, change, created_at, livemode, subscription_id, customer_id, caused_by,
            resume_at)
        VALUES (event, kind, its_change, created, live, subscription, customer, cause,
            now() + make_interval(secs => patience))
        ON CONFLICT (id) DO NOTHING
        RETURNING id)
    SELECT EXISTS (SELECT FROM came)
$$;

-- Claim events that are due, with a lease that the run renews. `only_new`: only events that no run has tried. Events
-- that need no run are closed first: those caused by our own write, whose result the request has read back (except an
-- end, which is always handled); those of a subscription whose end was already reported; new objects that already have
-- a row; and changes followed by a later one of the same kind.
CREATE FUNCTION claim_stripe_events(at_most integer, only_new boolean)
    RETURNS TABLE (id text, needs_attention boolean, tries integer, died_in uuid)
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    UPDATE stripe_events e SET handled_at = now(), outcome = 'ours', resume_at = NULL
    WHERE e.resume_at <= now() AND e.caused_by IS NOT NULL AND e.type <> 'customer.subscription.deleted'
        AND EXISTS (SELECT FROM requests r WHERE r.id = e.caused_by
            AND r.outcome IN ('pending_cancellation', 'canceled', 'retained', 'reactivated', 'changed'));
    UPDATE stripe_events e SET handled_at = now(), outcome = 'over', resume_at = NULL
    WHERE e.resume_at <= now() AND EXISTS (
        SELECT FROM subscription_ends s WHERE s.subscription_id = e.subscription_id AND NOT EXISTS (
            SELECT FROM outbox o WHERE o.request_id = s.id AND o.delivered_at IS NULL AND NOT o.refused));
    UPDATE stripe_events e SET handled_at = now(), outcome = 'known', resume_at = NULL
    WHERE only_copies(e.change) AND e.resume_at <= now() AND CASE e.change
        WHEN 'new subscription' THEN EXISTS (SELECT FROM subscriptions s WHERE s.id = e.subscription_id)
        WHEN 'new customer' THEN EXISTS (SELECT FROM users u WHERE u.stripe_customer_id = e.customer_id)
        ELSE EXISTS (
            SELECT FROM stripe_events later
            WHERE coalesce(later.customer_id, later.subscription_id, later.id)
                    = coalesce(e.customer_id, e.subscription_id, e.id)
                AND later.subscription_id IS NOT DISTINCT FROM e.subscription_id AND later.change = e.change
                AND later.handled_at IS NULL AND (later.received_at, later.id) > (e.received_at, e.id)) END;
    WITH due AS (
        SELECT e.id FROM stripe_events e
        WHERE e.resume_at <= now() AND NOT (only_new AND was_orphaned(e)) AND is_next_in_line(e)
        ORDER BY only_copies(e.change), e.resume_at LIMIT at_most FOR UPDATE SKIP LOCKED)
    UPDATE stripe_events e
    SET in_hand_until = now() + lease(), resume_at = now() + pause_after_tries(e.tries + 1)
    FROM due WHERE e.id = due.id
    RETURNING e.id, e.parked_at IS NOT NULL OR tried_for_hours(e.tries, e.trying_since), e.tries, e.flow_run_id
$$;

-- For `resume_unfinished`, which polls every second: return whether there is any work for it.
CREATE FUNCTION anything_unfinished() RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    RETURN EXISTS (SELECT FROM requests WHERE resume_at <= now() AND runs > 0)
        OR EXISTS (SELECT FROM stripe_events e WHERE e.resume_at <= now() AND was_orphaned(e) AND is_next_in_line(e));

-- Start a run of the event, which counts as a try.
CREATE FUNCTION claim_stripe_event(event text, run uuid)
    RETURNS TABLE (id text, type text, change text, tries integer, caused_by uuid, subscription_id text,
        customer_id text, handled boolean)
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    UPDATE stripe_events e
    SET flow_run_id = run, tries = e.tries + 1, in_hand_until = now() + lease(),
        resume_at = greatest(e.resume_at, now() + lease())
    WHERE e.id = event AND e.handled_at IS NULL;
    SELECT e.id, e.type, e.change, e.tries, e.caused_by, e.subscription_id, e.customer_id, e.handled_at IS NOT NULL
    FROM stripe_events e WHERE e.id = event
$$;

-- Renew the lease while the run lives.
CREATE FUNCTION renew_stripe_event(event text) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    UPDATE stripe_events
    SET in_hand_until = now() + lease(), resume_at = greatest(resume_at, now() + lease())
    WHERE id = event AND handled_at IS NULL AND in_hand_until IS NOT NULL
$$;

-- Return the ids of the subscriptions an event is about, one or all of a customer's, and of their users.
CREATE FUNCTION subscriptions_of_stripe_event(event text) RETURNS TABLE (id text, user_id text)
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
    SET handled_at = now(), outcome = what, resume_at = NULL, problem = NULL, in_hand_until = NULL, parked_at = NULL
    WHERE id = event AND handled_at IS NULL
$$;

CREATE FUNCTION stripe_event_is_handled(event text) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$ SELECT EXISTS (SELECT FROM stripe_events WHERE id = event AND handled_at IS NOT NULL) $$;

-- Put the event off until other work on the same subscription or customer is done. This is not a failure.
CREATE FUNCTION put_off_stripe_event(event text, seconds double precision) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    UPDATE stripe_events SET resume_at = now() + make_interval(secs => seconds), in_hand_until = NULL, problem = NULL
    WHERE id = event AND handled_at IS NULL
$$;

-- Record a failure and retry after a pause.
CREATE FUNCTION stripe_event_failed(event text, what text) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    UPDATE stripe_events e
    SET problem = what, in_hand_until = NULL, resume_at = now() + pause_after_tries(e.tries)
    WHERE e.id = event AND e.handled_at IS NULL
$$;

-- End the retries, so that the event waits for an operator.
CREATE FUNCTION park_stripe_event(event text) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    UPDATE stripe_events SET parked_at = coalesce(parked_at, now()), resume_at = NULL, in_hand_until = NULL
    WHERE id = event AND handled_at IS NULL
$$;

-- Delete events handled over 31 days ago. Stripe retries an event for three days, and an operator can resend it for 30
-- (https://docs.stripe.com/webhooks#automatic-retries); until then its row shows that it was handled.
CREATE FUNCTION prune_stripe_events(at_most integer) RETURNS integer
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    WITH over AS (
        SELECT id FROM stripe_events WHERE handled_at < now() - interval '31 days' AND resume_at IS NULL
        LIMIT at_most FOR UPDATE SKIP LOCKED),
    gone AS (DELETE FROM stripe_events e USING over WHERE e.id = over.id RETURNING 1)
    SELECT count(*)::integer FROM gone
$$;

REVOKE ALL ON FUNCTION receive_stripe_event(text, text, text, timestamptz, boolean, text, text, uuid,
    double precision),
    claim_stripe_events(integer, boolean), anything_unfinished(), claim_stripe_event(text, uuid),
    renew_stripe_event(text), subscriptions_of_stripe_event(text), stripe_event_handled(text, text),
    stripe_event_is_handled(text), put_off_stripe_event(text, double precision), stripe_event_failed(text, text),
    park_stripe_event(text), prune_stripe_events(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION receive_stripe_event(text, text, text, timestamptz, boolean, text, text, uuid,
    double precision),
    claim_stripe_events(integer, boolean), anything_unfinished(), claim_stripe_event(text, uuid),
    renew_stripe_event(text), subscriptions_of_stripe_event(text), stripe_event_handled(text, text),
    stripe_event_is_handled(text), put_off_stripe_event(text, double precision), stripe_event_failed(text, text),
    park_stripe_event(text), prune_stripe_events(integer) TO cancelflow_app;
