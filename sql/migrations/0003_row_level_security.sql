-- depends: 0002_cancellation
-- Who may see and change what. A policy a table for the application; the owner, who runs migrations, seeds and the
-- functions below, sees all.

DO $$
DECLARE
    of_a_user text;
BEGIN
    FOREACH of_a_user IN ARRAY ARRAY['users', 'subscriptions', 'cancellation_requests', 'cancellation_reasons',
        'retention_offers', 'entitlements', 'data_retention_jobs', 'outbox', 'audit_log']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', of_a_user);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', of_a_user);
        EXECUTE format('CREATE POLICY own_rows ON %I TO cancelflow_app USING (%I = app_user_id())',
                       of_a_user, CASE of_a_user WHEN 'users' THEN 'id' ELSE 'user_id' END);
        EXECUTE format('CREATE POLICY all_rows ON %I TO %I USING (true)', of_a_user, current_user);
    END LOOP;
END
$$;

-- A flow run knows only its request's id; this is how it learns whose request that is.
CREATE POLICY by_its_id ON cancellation_requests FOR SELECT TO cancelflow_app
    USING (id = nullif(current_setting('app.request_id', true), '')::uuid);

GRANT USAGE ON SCHEMA public TO cancelflow_app;
GRANT SELECT ON users TO cancelflow_app;
GRANT SELECT ON subscriptions TO cancelflow_app;
GRANT UPDATE (status, current_period_start, current_period_end, cancel_at_period_end, cancel_at, ended_at, updated_at)
    ON subscriptions TO cancelflow_app;
GRANT SELECT, INSERT ON cancellation_requests, cancellation_reasons, retention_offers, entitlements,
    data_retention_jobs, outbox, audit_log TO cancelflow_app;
GRANT UPDATE (feedback, subscription_id, recovery_point, released_schedule, cancel_at, stripe_request_id, outcome,
    http_status, answer, finished_at, runs, flow_run_id, resume_at) ON cancellation_requests TO cancelflow_app;
GRANT UPDATE (state, stripe_discount_id) ON retention_offers TO cancelflow_app;
GRANT UPDATE (status) ON data_retention_jobs TO cancelflow_app;
GRANT UPDATE (delivered_at, receipt, attempts, refused) ON outbox TO cancelflow_app;

-- Which requests still have something to do, across all users: ids, and nothing else of theirs. Puts each one's next
-- turn off (doubling, up to an hour), so that of several processes that ask at once only one takes it up.
CREATE FUNCTION claim_unfinished(at_most integer) RETURNS SETOF uuid
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    UPDATE cancellation_requests
    SET resume_at = now() + least(interval '1 hour', interval '1 minute' * 2 ^ least(runs, 10))
    WHERE id IN (
        SELECT id FROM cancellation_requests WHERE resume_at <= now()
        ORDER BY resume_at LIMIT at_most FOR UPDATE SKIP LOCKED)
    RETURNING id
$$;
REVOKE ALL ON FUNCTION claim_unfinished(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION claim_unfinished(integer) TO cancelflow_app;
