-- depends: 0003_requests
-- When each user's data is due for deletion (step 9B, WF-056), and the notices sent before.

-- A job is kept after the deletion as proof of it, so it has only ids and dates, and no foreign keys.
CREATE TABLE data_retention_jobs (
    id              bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    request_id      uuid        NOT NULL UNIQUE,  -- of a cancellation or a subscription's end
    user_id         text COLLATE "C" NOT NULL,
    subscription_id text        NOT NULL,
    cancel_at       timestamptz NOT NULL,
    run_at          timestamptz NOT NULL,
    status          text        NOT NULL DEFAULT 'scheduled' CHECK (status IN ('scheduled', 'done', 'cancelled')),
    noticed_at      timestamptz,  -- the notice was sent or is undeliverable
    put_off_until   timestamptz,  -- the data was due but still needed: check again then
    put_off_reason  text        CHECK (put_off_reason IN (
        'live_subscription',    -- the customer came back, or has another subscription
        'ended_later',          -- the customer's last subscription ended less than 90 days ago
        'unknown_to_stripe')),  -- Stripe does not know the customer, so it cannot confirm the end
    claimed_until   timestamptz,  -- a run's claim, which expires then
    created_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT data_is_kept_for_90_days CHECK (run_at - cancel_at = interval '90 days'),
    CONSTRAINT a_job_is_put_off_for_a_reason CHECK (num_nonnulls(put_off_until, put_off_reason) IN (0, 2))
);
CREATE UNIQUE INDEX one_scheduled_job_a_subscription ON data_retention_jobs (subscription_id)
    WHERE status = 'scheduled';
CREATE INDEX data_retention_jobs_of_user ON data_retention_jobs (user_id);
CREATE INDEX data_retention_jobs_due ON data_retention_jobs (coalesce(put_off_until, run_at))
    WHERE status = 'scheduled';
CREATE INDEX data_retention_jobs_to_notice ON data_retention_jobs (coalesce(put_off_until, run_at))
    WHERE status = 'scheduled' AND noticed_at IS NULL;
CALL protect('data_retention_jobs');
GRANT SELECT, INSERT, UPDATE (cancel_at, run_at, status, noticed_at, put_off_until, put_off_reason)
    ON data_retention_jobs TO cancelflow_app;

-- Return whether customer and company were notified that the subscription ends, without a later reactivation.
CREATE FUNCTION is_announced(subscription text) RETURNS boolean
    LANGUAGE sql STABLE
    RETURN EXISTS (
        SELECT FROM data_retention_jobs j WHERE j.subscription_id = subscription AND j.status = 'scheduled');

-- Whether another request did what this one was to do, after this one was reported as failed and the customer tried
-- again. What Stripe shows is then not this request's doing.
CREATE FUNCTION superseded(request cancellation_requests) RETURNS boolean
    LANGUAGE sql STABLE
    RETURN request.recovery_point NOT IN ('discount_applied', 'cancellation_scheduled', 'marked_pending', 'finished')
        AND (
            EXISTS (
                SELECT FROM data_retention_jobs j
                WHERE j.subscription_id = request.subscription_id AND j.status = 'scheduled' AND j.request_id <> request.id)
            OR request.accept_offer AND EXISTS (
                SELECT FROM cancellation_requests later
                WHERE later.subscription_id = request.subscription_id AND later.received_at > request.received_at
                    AND later.outcome = 'retained'));
CREATE FUNCTION superseded(request reactivation_requests) RETURNS boolean
    LANGUAGE sql STABLE
    RETURN request.recovery_point = 'received' AND EXISTS (
        SELECT FROM reactivation_requests later
        WHERE later.subscription_id = request.subscription_id AND later.received_at > request.received_at
            AND later.outcome = 'reactivated');
CREATE FUNCTION superseded(request change_requests) RETURNS boolean
    LANGUAGE sql STABLE
    RETURN request.recovery_point IN ('received', 'agreed') AND EXISTS (
        SELECT FROM change_requests later
        WHERE later.subscription_id = request.subscription_id AND later.received_at > request.received_at
            AND later.kind = request.kind AND later.outcome = 'changed');

-- For `reconcile`: return the states of these subscriptions, of any user.
CREATE FUNCTION subscription_states(ids text[])
    RETURNS TABLE (id text, user_id text, status text, cancel_at timestamptz, pause_behavior text,
        resumes_at timestamptz, updated_at timestamptz, announced boolean, under_way boolean)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT s.id, s.user_id, s.status, s.cancel_at, s.pause_behavior, s.resumes_at, s.updated_at,
        is_announced(s.id),
        EXISTS (SELECT FROM requests r WHERE r.subscription_id = s.id AND r.finished_at IS NULL)
    FROM subscriptions s WHERE s.id = ANY(ids)
$$;

-- Return the number of users whose data is due, for a progress bar.
CREATE FUNCTION count_due_deletions() RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT count(DISTINCT user_id) FROM data_retention_jobs
    WHERE status = 'scheduled' AND coalesce(put_off_until, run_at) <= now()
$$;

-- Return a page of these users, ordered by id, without claiming them, for a dry run.
CREATE FUNCTION due_deletions(after text, at_most integer) RETURNS SETOF text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT DISTINCT user_id FROM data_retention_jobs
    WHERE status = 'scheduled' AND coalesce(put_off_until, run_at) <= now() AND (after IS NULL OR user_id > after)
    ORDER BY user_id LIMIT at_most
$$;

-- Claim users whose data is due. Returns ids only. If the run dies, they can be claimed again after ten minutes.
CREATE FUNCTION claim_due_deletions(at_most integer) RETURNS SETOF text
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    WITH claimed AS (
        UPDATE data_retention_jobs SET claimed_until = now() + interval '10 minutes'
        WHERE id IN (
            SELECT id FROM data_retention_jobs
            WHERE status = 'scheduled' AND coalesce(put_off_until, run_at) <= now()
                AND (claimed_until IS NULL OR claimed_until <= now())
            ORDER BY coalesce(put_off_until, run_at) LIMIT at_most FOR UPDATE SKIP LOCKED)
        RETURNING user_id)
    SELECT DISTINCT user_id FROM claimed
$$;

-- Claim, likewise, users whose last job is due within `ahead` and who have had no notice of it. The data is deleted
-- with the last job.
CREATE FUNCTION claim_deletion_notices(at_most integer, ahead interval) RETURNS SETOF text
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    UPDATE data_retention_jobs SET claimed_until = now() + interval '10 minutes'
    WHERE id IN (
        SELECT id FROM data_retention_jobs job
        WHERE status = 'scheduled' AND noticed_at IS NULL
            AND coalesce(put_off_until, run_at) > now()
            AND coalesce(put_off_until, run_at) <= now() + ahead
            AND (claimed_until IS NULL OR claimed_until <= now())
            AND NOT EXISTS (
                SELECT FROM data_retention_jobs other
                WHERE other.user_id = job.user_id AND other.status = 'scheduled'
                    AND (coalesce(other.put_off_until, other.run_at), other.id)
                        > (coalesce(job.put_off_until, job.run_at), job.id))
        ORDER BY coalesce(put_off_until, run_at) LIMIT at_most FOR UPDATE SKIP LOCKED)
    RETURNING user_id
$$;

REVOKE ALL ON FUNCTION subscription_states(text[]), count_due_deletions(), due_deletions(text, integer), claim_due_deletions(integer),
    claim_deletion_notices(integer, interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION subscription_states(text[]), count_due_deletions(), due_deletions(text, integer), claim_due_deletions(integer),
    claim_deletion_notices(integer, interval) TO cancelflow_app;
