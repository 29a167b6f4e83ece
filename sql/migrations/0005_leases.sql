-- depends: 0004_idempotency_keys
-- Who works on a request, how often it was tried, and when a person has to look at it.

ALTER TABLE cancellation_requests
    ADD COLUMN tries           integer     NOT NULL DEFAULT 0,  -- runs since it was asked, or since a person resumed it
    ADD COLUMN trying_since    timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN parked_at       timestamptz,       -- given up by the machine: it waits for a person
    -- Stripe replays a failure under the key that it was given for: a try after an answer takes the next key.
    ADD COLUMN billing_try     integer     NOT NULL DEFAULT 1,
    ADD COLUMN told_failed     boolean     NOT NULL DEFAULT false,  -- and then Stripe turned out to have done it
    ADD COLUMN period_end      timestamptz,       -- of what was paid for when the customer asked, as far as we knew
    ADD COLUMN renewal_undone  boolean     NOT NULL DEFAULT false;  -- it renewed while the cancellation was delayed

GRANT UPDATE (tries, trying_since, parked_at, billing_try, told_failed, period_end, renewal_undone)
    ON cancellation_requests TO cancelflow_app;

-- resume_at is the lease of whoever works on the request: renewed while they live, and once it has passed, the next
-- look takes the request up. Null once nothing is left to do, or when a person has to look.
CREATE FUNCTION lease() RETURNS interval LANGUAGE sql IMMUTABLE RETURN interval '15 seconds';
ALTER TABLE cancellation_requests ALTER COLUMN resume_at SET DEFAULT now() + lease();

-- The run says that it lives. A request that was left in peace stays so.
CREATE FUNCTION renew_lease(request uuid) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    UPDATE cancellation_requests SET resume_at = greatest(resume_at, now() + lease())
    WHERE id = request AND resume_at IS NOT NULL
$$;

-- Nobody here goes on with it: whoever looks next may take it up.
CREATE FUNCTION end_lease(request uuid) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    UPDATE cancellation_requests SET resume_at = now() WHERE id = request AND resume_at IS NOT NULL
$$;

-- A cancellation that Stripe has not taken yet, while what was paid for runs out: every further delay may cost the
-- customer a renewal.
CREATE FUNCTION is_urgent(request cancellation_requests) RETURNS boolean
    LANGUAGE sql STABLE
    RETURN request.finished_at IS NULL AND NOT request.accept_offer
        AND request.recovery_point IN ('received', 'reason_captured')
        AND coalesce(request.period_end < now() + interval '1 day', false);

-- How long to leave a request after a try: short after the first, for a process may just have died; then longer, for
-- the part that is away has others to serve when it comes back.
CREATE FUNCTION pause_after(request cancellation_requests) RETURNS interval
    LANGUAGE sql STABLE
    RETURN least(
        lease() * 2 ^ greatest(least(request.tries, 10) - 1, 0),
        CASE WHEN is_urgent(request) THEN interval '1 minute' ELSE interval '10 minutes' END);

-- Six hours outlast a deploy that went wrong and nearly every outage; a dozen tries show that it was really tried (the
-- machine may have slept). An urgent one is never given up.
CREATE FUNCTION needs_a_person(request cancellation_requests) RETURNS boolean
    LANGUAGE sql STABLE
    RETURN request.tries >= 12 AND request.trying_since < now() - interval '6 hours' AND NOT is_urgent(request);

-- Requests of any user whose lease has passed, with a new lease: ids, and nothing else of theirs. `only_new`: those
-- that no run has begun yet, which wait their turn after a burst.
DROP FUNCTION claim_unfinished(integer);
CREATE FUNCTION claim_unfinished(at_most integer, only_new boolean)
    RETURNS TABLE (id uuid, user_id uuid, needs_a_person boolean, urgent boolean, tries integer, died_in uuid)
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    WITH due AS (
        SELECT r.id FROM cancellation_requests r
        WHERE r.resume_at <= now() AND (r.runs = 0 OR NOT only_new)
        ORDER BY r.resume_at LIMIT at_most FOR UPDATE SKIP LOCKED)
    UPDATE cancellation_requests r
    SET resume_at = now() + pause_after(r)
    FROM due
    WHERE r.id = due.id
    RETURNING r.id, r.user_id, r.parked_at IS NOT NULL OR needs_a_person(r), is_urgent(r), r.tries,
        CASE WHEN r.finished_at IS NULL THEN r.flow_run_id END
$$;

-- Whether there is anything for `resume_unfinished`: asked every second, so it only looks.
CREATE FUNCTION anything_unfinished() RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    RETURN EXISTS (SELECT FROM cancellation_requests WHERE resume_at <= now() AND runs > 0);

REVOKE ALL ON FUNCTION renew_lease(uuid), end_lease(uuid), claim_unfinished(integer, boolean), anything_unfinished() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION renew_lease(uuid), end_lease(uuid), claim_unfinished(integer, boolean), anything_unfinished()
    TO cancelflow_app;

CREATE INDEX cancellation_requests_parked ON cancellation_requests (parked_at) WHERE parked_at IS NOT NULL;
-- One request at a time: the intake looks for another that is under way or that ended while this one came in.
CREATE INDEX cancellation_requests_under_way ON cancellation_requests (user_id) WHERE finished_at IS NULL;

-- Besides the two of WF-023: to a customer whose cancellation waits for a person, or was refused after they had been
-- told that it goes on.
ALTER TABLE outbox DROP CONSTRAINT outbox_kind_check;
ALTER TABLE outbox ADD CONSTRAINT outbox_kind_check CHECK (kind IN (
    'cancellation_confirmation', 'subscription.canceled', 'cancellation_delayed', 'request_refused'));
