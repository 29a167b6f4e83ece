-- depends: 0010_invoices_and_late_letters
-- Reactivations and Stripe's events are carried out, left, taken up and given to a person as cancellations are.

-- Why the last try failed, for whoever looks: a word of ours, and nothing of the customer's.
ALTER TABLE cancellation_requests ADD COLUMN problem text;
ALTER TABLE reactivation_requests ADD COLUMN problem text;
ALTER TABLE reactivation_requests
    ADD COLUMN told_failed boolean NOT NULL DEFAULT false;  -- and then Stripe turned out to have done it
GRANT UPDATE (problem) ON cancellation_requests TO cancelflow_app;
GRANT UPDATE (problem, told_failed) ON reactivation_requests TO cancelflow_app;

-- A reason that is captured anew, by a request that is taken up after its feedback was made anonymous, must go too.
GRANT UPDATE (anonymized_at) ON cancellation_requests TO cancelflow_app;

CREATE INDEX reactivation_requests_parked ON reactivation_requests (parked_at) WHERE parked_at IS NOT NULL;
CREATE INDEX stripe_events_parked ON stripe_events (parked_at) WHERE parked_at IS NOT NULL;

-- Six hours outlast a deploy that went wrong and nearly every outage; a dozen tries show that it was really tried.
CREATE FUNCTION tried_for_hours(tries integer, since timestamptz) RETURNS boolean
    LANGUAGE sql STABLE
    RETURN tries >= 12 AND since < now() - interval '6 hours';

CREATE OR REPLACE FUNCTION needs_a_person(request cancellation_requests) RETURNS boolean
    LANGUAGE sql STABLE
    RETURN tried_for_hours(request.tries, request.trying_since) AND NOT is_urgent(request);

-- A reactivation that Stripe has not taken, while what was paid for runs out: after that there is no way back. Once it
-- is over, hurry helps nobody: then it is refused with a letter, or given to a person.
CREATE FUNCTION is_urgent(request reactivation_requests) RETURNS boolean
    LANGUAGE sql STABLE
    RETURN request.finished_at IS NULL AND request.origin <> 'stripe' AND request.recovery_point = 'received'
        AND EXISTS (
            SELECT FROM subscriptions s WHERE s.user_id = request.user_id
                AND s.id = coalesce(request.subscription_id, request.asked_subscription, s.id)
                AND s.cancel_at > now() AND s.cancel_at < now() + interval '1 day');

CREATE FUNCTION pause_after(request reactivation_requests) RETURNS interval
    LANGUAGE sql STABLE
    RETURN least(
        pause_after_tries(request.tries),
        CASE WHEN is_urgent(request) THEN interval '1 minute' ELSE interval '10 minutes' END);

CREATE FUNCTION needs_a_person(request reactivation_requests) RETURNS boolean
    LANGUAGE sql STABLE
    RETURN tried_for_hours(request.tries, request.trying_since) AND NOT is_urgent(request);

-- As claim_unfinished for cancellations: ids, and nothing else of theirs.
DROP FUNCTION claim_reactivations(integer);
CREATE FUNCTION claim_reactivations(at_most integer, only_new boolean)
    RETURNS TABLE (id uuid, user_id uuid, needs_a_person boolean, urgent boolean, tries integer, died_in uuid)
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    WITH due AS (
        SELECT r.id FROM reactivation_requests r
        WHERE r.resume_at <= now() AND (r.runs = 0 OR NOT only_new)
        ORDER BY r.resume_at LIMIT at_most FOR UPDATE SKIP LOCKED)
    UPDATE reactivation_requests r
    SET resume_at = now() + pause_after(r)
    FROM due
    WHERE r.id = due.id
    RETURNING r.id, r.user_id, r.parked_at IS NOT NULL OR needs_a_person(r), is_urgent(r), r.tries,
        CASE WHEN r.finished_at IS NULL THEN r.flow_run_id END
$$;

-- A run of it died or failed; not one that was put off, for that is how an event takes its turn.
CREATE FUNCTION was_left(event stripe_events) RETURNS boolean
    LANGUAGE sql STABLE
    RETURN event.problem IS NOT NULL OR event.in_hand_until IS NOT NULL;

-- Nobody has it, no request of ours is at work on its subscription, and no other event of the same customer is in hand
-- or before it: both would find the same to tell.
CREATE FUNCTION has_its_turn(event stripe_events) RETURNS boolean
    LANGUAGE sql STABLE
    RETURN event.resume_at <= now() AND coalesce(event.in_hand_until <= now(), true)
        AND NOT subscription_under_way(event.subscription_id) AND NOT EXISTS (
            SELECT FROM stripe_events other
            WHERE coalesce(other.customer_id, other.subscription_id, other.id)
                    = coalesce(event.customer_id, event.subscription_id, event.id)
                AND other.handled_at IS NULL AND other.id <> event.id
                AND (other.in_hand_until > now()
                    OR (other.resume_at <= now() AND (other.resume_at, other.id) < (event.resume_at, event.id)
                        AND NOT subscription_under_way(other.subscription_id))));

-- As before, and: the lease is that of requests, renewed while the run lives; a try counts when its run begins.
DROP FUNCTION claim_stripe_events(integer);
CREATE FUNCTION claim_stripe_events(at_most integer, only_new boolean)
    RETURNS TABLE (id text, needs_a_person boolean, tries integer, died_in uuid)
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
        WHERE e.resume_at <= now() AND NOT (only_new AND was_left(e)) AND has_its_turn(e)
        ORDER BY e.resume_at LIMIT at_most FOR UPDATE SKIP LOCKED)
    UPDATE stripe_events e
    SET in_hand_until = now() + lease(), resume_at = now() + pause_after_tries(e.tries + 1)
    FROM due WHERE e.id = due.id
    RETURNING e.id, e.parked_at IS NOT NULL OR tried_for_hours(e.tries, e.trying_since), e.tries, e.flow_run_id
$$;

CREATE OR REPLACE FUNCTION anything_unfinished() RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    RETURN EXISTS (SELECT FROM cancellation_requests WHERE resume_at <= now() AND runs > 0)
        OR EXISTS (SELECT FROM reactivation_requests WHERE resume_at <= now() AND runs > 0)
        OR EXISTS (SELECT FROM stripe_events e WHERE e.resume_at <= now() AND was_left(e) AND has_its_turn(e));

CREATE OR REPLACE FUNCTION take_up_stripe_event(event text, run uuid)
    RETURNS TABLE (id text, type text, moment text, tries integer, caused_by uuid, handled boolean)
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    UPDATE stripe_events e
    SET flow_run_id = run, tries = e.tries + 1, in_hand_until = now() + lease(),
        resume_at = greatest(e.resume_at, now() + lease())
    WHERE e.id = event AND e.handled_at IS NULL;
    SELECT e.id, e.type, e.moment, e.tries, e.caused_by, e.handled_at IS NOT NULL FROM stripe_events e WHERE e.id = event
$$;

-- The run says that it lives.
CREATE FUNCTION renew_stripe_event(event text) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    UPDATE stripe_events
    SET in_hand_until = now() + lease(), resume_at = greatest(resume_at, now() + lease())
    WHERE id = event AND handled_at IS NULL AND in_hand_until IS NOT NULL
$$;

CREATE OR REPLACE FUNCTION stripe_event_handled(event text, what text) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    UPDATE stripe_events
    SET handled_at = now(), outcome = what, resume_at = NULL, problem = NULL, in_hand_until = NULL, parked_at = NULL
    WHERE id = event AND handled_at IS NULL
$$;

CREATE OR REPLACE FUNCTION put_off_stripe_event(event text, seconds double precision) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    UPDATE stripe_events SET resume_at = now() + make_interval(secs => seconds), in_hand_until = NULL, problem = NULL
    WHERE id = event AND handled_at IS NULL
$$;

-- Its next turn comes later.
DROP FUNCTION stripe_event_failed(text, text);
CREATE FUNCTION stripe_event_failed(event text, what text) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    UPDATE stripe_events e
    SET problem = what, in_hand_until = NULL, resume_at = now() + pause_after_tries(e.tries)
    WHERE e.id = event AND e.handled_at IS NULL
$$;

-- Given up by the machine: it waits for a person.
CREATE FUNCTION park_stripe_event(event text) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    UPDATE stripe_events SET parked_at = coalesce(parked_at, now()), resume_at = NULL, in_hand_until = NULL
    WHERE id = event AND handled_at IS NULL
$$;

-- By a run that takes it up again: whether nothing is left to do for it.
CREATE FUNCTION stripe_event_is_handled(event text) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$ SELECT EXISTS (SELECT FROM stripe_events WHERE id = event AND handled_at IS NOT NULL) $$;

REVOKE ALL ON FUNCTION claim_reactivations(integer, boolean), claim_stripe_events(integer, boolean),
    renew_stripe_event(text), stripe_event_failed(text, text), park_stripe_event(text), stripe_event_is_handled(text)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION claim_reactivations(integer, boolean), claim_stripe_events(integer, boolean),
    renew_stripe_event(text), stripe_event_failed(text, text), park_stripe_event(text), stripe_event_is_handled(text)
    TO cancelflow_app;
