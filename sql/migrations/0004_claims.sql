-- depends: 0003_requests
-- Claiming of unfinished requests: leases, pauses between tries, and when a request needs attention.

-- Return the pause after this many tries: short at first, since the process may just have been killed; then longer, so
-- as not to overload a service that is recovering from an outage.
CREATE FUNCTION pause_after_tries(tries integer) RETURNS interval
    LANGUAGE sql IMMUTABLE
    RETURN least(lease() * 2 ^ greatest(least(tries, 10) - 1, 0), interval '10 minutes');

-- Return whether a request has been retried long enough to need attention: six hours outlast a failed deploy and nearly
-- every outage, and a dozen tries show that the machine was not asleep meanwhile.
CREATE FUNCTION tried_for_hours(tries integer, since timestamptz) RETURNS boolean
    LANGUAGE sql STABLE
    RETURN tries >= 12 AND since < now() - interval '6 hours';

-- Return whether Stripe does not have the cancellation yet and the paid period ends soon: any further delay may cost
-- the customer a renewal. Retries of an urgent request never end.
CREATE FUNCTION is_urgent(request cancellation_requests) RETURNS boolean
    LANGUAGE sql STABLE
    RETURN request.finished_at IS NULL AND NOT request.accept_offer
        AND request.recovery_point IN ('received', 'reason_captured')
        AND coalesce(coalesce(request.paid_until, request.period_end) < now() + interval '1 day', false);

-- Return whether Stripe does not have the reactivation yet and the subscription ends soon, after which it cannot be
-- reactivated. After the end it is no longer urgent: the request is refused by email, or needs attention.
CREATE FUNCTION is_urgent(request reactivation_requests) RETURNS boolean
    LANGUAGE sql STABLE
    RETURN request.finished_at IS NULL AND request.origin <> 'stripe' AND request.recovery_point = 'received'
        AND EXISTS (
            SELECT FROM subscriptions s WHERE s.user_id = request.user_id
                AND s.id = coalesce(request.subscription_id, request.asked_subscription, s.id)
                AND s.cancel_at > now() AND s.cancel_at < now() + interval '1 day');

-- A change costs nothing by coming late: at worst the offer no longer fits, and the customer is told so.
CREATE FUNCTION is_urgent(request change_requests) RETURNS boolean LANGUAGE sql IMMUTABLE RETURN false;

-- Return whether Stripe has applied the change, so that the request can only be completed.
CREATE FUNCTION is_applied(request cancellation_requests) RETURNS boolean
    LANGUAGE sql STABLE
    RETURN request.recovery_point IN ('discount_applied', 'cancellation_scheduled', 'marked_pending');
CREATE FUNCTION is_applied(request reactivation_requests) RETURNS boolean
    LANGUAGE sql STABLE
    RETURN request.recovery_point IN ('cleared', 'marked_active');
CREATE FUNCTION is_applied(request change_requests) RETURNS boolean
    LANGUAGE sql STABLE
    RETURN request.recovery_point IN ('applied', 'recorded');

CREATE FUNCTION pause_after(tries integer, urgent boolean) RETURNS interval
    LANGUAGE sql IMMUTABLE
    RETURN least(
        pause_after_tries(tries), CASE WHEN urgent THEN interval '1 minute' ELSE interval '10 minutes' END);

-- Claim cancellation requests of any user whose lease has expired, longest overdue first, with a new lease. Returns ids
-- only. `only_new`: only requests without a run so far, which queue up after a burst.
CREATE FUNCTION claim_cancellations(at_most integer, only_new boolean)
    RETURNS TABLE (id uuid, user_id text, needs_attention boolean, urgent boolean, tries integer, died_in uuid)
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    WITH due AS (
        SELECT r.id FROM cancellation_requests r
        WHERE r.resume_at <= now() AND (r.runs = 0 OR NOT only_new)
        ORDER BY r.resume_at LIMIT at_most FOR UPDATE SKIP LOCKED)
    UPDATE cancellation_requests r
    SET resume_at = now() + pause_after(r.tries, is_urgent(r))
    FROM due
    WHERE r.id = due.id
    RETURNING r.id, r.user_id, r.parked_at IS NOT NULL OR (tried_for_hours(r.tries, r.trying_since) AND NOT is_urgent(r)),
        is_urgent(r), r.tries,
        CASE WHEN r.finished_at IS NULL THEN r.flow_run_id END
$$;

-- Claim reactivation requests likewise.
CREATE FUNCTION claim_reactivations(at_most integer, only_new boolean)
    RETURNS TABLE (id uuid, user_id text, needs_attention boolean, urgent boolean, tries integer, died_in uuid)
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    WITH due AS (
        SELECT r.id FROM reactivation_requests r
        WHERE r.resume_at <= now() AND (r.runs = 0 OR NOT only_new)
        ORDER BY r.resume_at LIMIT at_most FOR UPDATE SKIP LOCKED)
    UPDATE reactivation_requests r
    SET resume_at = now() + pause_after(r.tries, is_urgent(r))
    FROM due
    WHERE r.id = due.id
    RETURNING r.id, r.user_id, r.parked_at IS NOT NULL OR (tried_for_hours(r.tries, r.trying_since) AND NOT is_urgent(r)),
        is_urgent(r), r.tries,
        CASE WHEN r.finished_at IS NULL THEN r.flow_run_id END
$$;

-- Claim requests to accept an offer likewise.
CREATE FUNCTION claim_changes(at_most integer, only_new boolean)
    RETURNS TABLE (id uuid, user_id text, needs_attention boolean, urgent boolean, tries integer, died_in uuid)
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    WITH due AS (
        SELECT r.id FROM change_requests r
        WHERE r.resume_at <= now() AND (r.runs = 0 OR NOT only_new)
        ORDER BY r.resume_at LIMIT at_most FOR UPDATE SKIP LOCKED)
    UPDATE change_requests r
    SET resume_at = now() + pause_after(r.tries, is_urgent(r))
    FROM due
    WHERE r.id = due.id
    RETURNING r.id, r.user_id, r.parked_at IS NOT NULL OR (tried_for_hours(r.tries, r.trying_since) AND NOT is_urgent(r)),
        is_urgent(r), r.tries,
        CASE WHEN r.finished_at IS NULL THEN r.flow_run_id END
$$;

-- Renew the lease of a request of any kind while its run lives. A finished request has no lease.
CREATE FUNCTION renew_lease(request uuid) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    UPDATE cancellation_requests SET resume_at = greatest(resume_at, now() + lease())
    WHERE id = request AND resume_at IS NOT NULL;
    UPDATE reactivation_requests SET resume_at = greatest(resume_at, now() + lease())
    WHERE id = request AND resume_at IS NOT NULL;
    UPDATE change_requests SET resume_at = greatest(resume_at, now() + lease())
    WHERE id = request AND resume_at IS NOT NULL
$$;

-- End the lease of a request of any kind, so that any process can claim it now.
CREATE FUNCTION end_lease(request uuid) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    UPDATE cancellation_requests SET resume_at = now() WHERE id = request AND resume_at IS NOT NULL;
    UPDATE reactivation_requests SET resume_at = now() WHERE id = request AND resume_at IS NOT NULL;
    UPDATE change_requests SET resume_at = now() WHERE id = request AND resume_at IS NOT NULL
$$;

-- Return whether a request is being processed for the subscription, or is about to check Stripe again.
CREATE FUNCTION subscription_under_way(subscription text) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    RETURN EXISTS (
        SELECT FROM cancellation_requests r WHERE r.subscription_id = subscription AND r.parked_at IS NULL
            AND (r.finished_at IS NULL OR (r.outcome = 'failed' AND r.resume_at IS NOT NULL)))
    OR EXISTS (
        SELECT FROM requests r WHERE r.subscription_id = subscription AND r.parked_at IS NULL
            AND r.finished_at IS NULL);

REVOKE ALL ON FUNCTION claim_cancellations(integer, boolean), claim_reactivations(integer, boolean),
    claim_changes(integer, boolean), renew_lease(uuid), end_lease(uuid), subscription_under_way(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION claim_cancellations(integer, boolean), claim_reactivations(integer, boolean),
    claim_changes(integer, boolean), renew_lease(uuid), end_lease(uuid), subscription_under_way(text)
    TO cancelflow_app;
