-- depends: 0007_webhooks_and_reactivation
-- WF-056, the data's end: the notice before it, the deletion by a plan, its record, and feedback made anonymous.
--
-- The application's role can still delete nothing. What deletes are three functions of the owner's, each of which checks
-- for itself that the time has come; the statements that they run are the owner's too, written by `cancelflow migrate`.

-- The notice of 14 days goes out like every other letter: one kind more than there were.
DO $$
DECLARE
    so_far text := (SELECT pg_get_expr(conbin, conrelid) FROM pg_constraint WHERE conname = 'outbox_kind_check');
BEGIN
    ALTER TABLE outbox DROP CONSTRAINT outbox_kind_check;
    EXECUTE format('ALTER TABLE outbox ADD CONSTRAINT outbox_kind_check CHECK (%s OR kind = %L)',
                   so_far, 'deletion_notice');
END
$$;

-- A job outlives what it is about, as the proof that it was done: ids and dates, and no row that they must lead to.
ALTER TABLE data_retention_jobs
    DROP CONSTRAINT IF EXISTS data_retention_jobs_request_id_fkey,
    DROP CONSTRAINT data_retention_jobs_user_id_fkey,
    DROP CONSTRAINT data_retention_jobs_subscription_id_fkey,
    ADD COLUMN noticed_at     timestamptz,  -- the notice was sent, or will never be taken
    ADD COLUMN put_off_until  timestamptz,  -- due by its date, and yet the data is still needed: looked at again then
    ADD COLUMN put_off_reason text CHECK (put_off_reason IN (
        'live_subscription',   -- the customer came back, or has another subscription
        'ended_later',         -- the last of their subscriptions ended less than 90 days ago
        'unknown_to_stripe')), -- Stripe does not know the customer, and nothing is deleted without its word
    ADD COLUMN claimed_until  timestamptz,  -- a run has it in hand; after this moment that run counts as dead
    ADD CONSTRAINT a_job_is_put_off_for_a_reason CHECK (num_nonnulls(put_off_until, put_off_reason) IN (0, 2));
DROP INDEX data_retention_jobs_due;
CREATE INDEX data_retention_jobs_due ON data_retention_jobs (coalesce(put_off_until, run_at))
    WHERE status = 'scheduled';
CREATE INDEX data_retention_jobs_to_notice ON data_retention_jobs (coalesce(put_off_until, run_at))
    WHERE status = 'scheduled' AND noticed_at IS NULL;
GRANT UPDATE (noticed_at, put_off_until, put_off_reason) ON data_retention_jobs TO cancelflow_app;

-- What a deleted row is looked for by: without these, each deletion would read whole tables.
CREATE INDEX cancellation_requests_of_subscription ON cancellation_requests (subscription_id);
CREATE INDEX cancellation_reasons_of_subscription ON cancellation_reasons (subscription_id);
CREATE INDEX retention_offers_of_user ON retention_offers (user_id);
CREATE INDEX retention_offers_of_subscription ON retention_offers (subscription_id);
CREATE INDEX entitlements_of_subscription ON entitlements (subscription_id);
CREATE INDEX idempotency_keys_of_request ON idempotency_keys (request_id);

-- The plan, step by step: sql/data_deletion and DATA_DELETION_PLAN, as `cancelflow migrate` last read them.
CREATE TABLE data_deletion_plan (
    step       text    PRIMARY KEY,  -- the file's name, which is the order
    table_name text,                 -- none for what is kept outside this database
    kept       boolean NOT NULL,
    what       text    NOT NULL,     -- what goes or is kept, in words
    ground     text    NOT NULL,     -- the legal ground
    statement  text    NOT NULL      -- $1 is the user
);

-- The deletion record: what went and what was kept, in ids and counts.
CREATE TABLE data_deletions (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id     uuid        NOT NULL,  -- nobody's any more
    deleted_at  timestamptz NOT NULL DEFAULT now(),
    flow_run_id uuid,
    removed     json        NOT NULL,  -- [{"table", "rows", "ground"}]
    kept        json        NOT NULL   -- [{"where", "what", "rows", "ids", "ground"}]
);
CREATE INDEX data_deletions_of_user ON data_deletions (user_id);
ALTER TABLE data_deletions ENABLE ROW LEVEL SECURITY;
ALTER TABLE data_deletions FORCE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON data_deletions TO cancelflow_app USING (user_id = app_user_id());
DO $$ BEGIN EXECUTE format('CREATE POLICY all_rows ON data_deletions TO %I USING (true)', current_user); END $$;
GRANT SELECT ON data_deletions TO cancelflow_app;

-- Reasons after 90 days: how many, and nobody's. Counts and no rows, for a row's number, moment and order would still
-- lead to the job that was written beside it. cancellation_reasons has the ones that are younger.
CREATE TABLE reason_counts (
    month    date    NOT NULL CHECK (extract(day FROM month) = 1),  -- in which it was given, in UTC
    plan     text    NOT NULL,
    category text    NOT NULL,
    retained boolean NOT NULL,  -- given with an offer that was accepted, not with a cancellation
    reasons  integer NOT NULL CHECK (reasons > 0),
    PRIMARY KEY (month, plan, category, retained)
);

ALTER TABLE cancellation_requests
    ADD COLUMN anonymized_at  timestamptz,
    ADD COLUMN anonymizing_until timestamptz;  -- as claimed_until above
CREATE INDEX cancellation_requests_to_anonymize ON cancellation_requests (received_at) WHERE anonymized_at IS NULL;

-- How many users there are to go through: for a progress bar.
CREATE FUNCTION count_due_deletions() RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT count(DISTINCT user_id) FROM data_retention_jobs
    WHERE status = 'scheduled' AND coalesce(put_off_until, run_at) <= now()
$$;

-- The same users, some at a time and by id, without taking them: for a dry run.
CREATE FUNCTION due_deletions(after uuid, at_most integer) RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT DISTINCT user_id FROM data_retention_jobs
    WHERE status = 'scheduled' AND coalesce(put_off_until, run_at) <= now() AND (after IS NULL OR user_id > after)
    ORDER BY user_id LIMIT at_most
$$;

-- Users whose data is due: ids, and nothing else of theirs. Each is handed to one run; one that a dead run had is handed
-- out again after ten minutes.
CREATE FUNCTION claim_due_deletions(at_most integer) RETURNS SETOF uuid
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

-- Jobs that come due within a time, whose users have not been told: as above. Their last one only, with which the data goes.
CREATE FUNCTION claim_deletion_notices(at_most integer, ahead interval) RETURNS SETOF uuid
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

-- Where the plan and the catalogue differ: a table with a user's rows that no step names, or a step without its table.
CREATE FUNCTION gaps_in_deletion_plan() RETURNS TABLE (table_name text, planned boolean)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT c.oid::regclass::text, false
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'f') AND NOT c.relispartition
        AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
        AND (c.oid = 'users'::regclass OR EXISTS (
            SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'user_id' AND NOT a.attisdropped))
        AND NOT EXISTS (SELECT FROM data_deletion_plan p WHERE to_regclass(p.table_name) = c.oid)
    UNION ALL
    SELECT p.table_name, true FROM data_deletion_plan p
    WHERE p.table_name IS NOT NULL AND to_regclass(p.table_name) IS NULL
$$;

CREATE FUNCTION installed_deletion_plan() RETURNS TABLE (step text, statement text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT step, statement FROM data_deletion_plan ORDER BY step
$$;

-- The end of the data of the user whom the transaction names, and its record; no row if another run was faster. It
-- refuses where the time has not come, whoever calls it.
CREATE FUNCTION delete_data_of_user(by_flow_run uuid) RETURNS TABLE (removed json, kept json)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    whose    uuid := app_user_id();
    planned  data_deletion_plan;
    ids      json;
    affected bigint;
    went     json[] := '{}';
    stayed   json[] := '{}';
BEGIN
    PERFORM FROM data_retention_jobs WHERE user_id = whose AND status = 'scheduled' ORDER BY id FOR UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF EXISTS (SELECT FROM data_retention_jobs j
               WHERE j.user_id = whose AND j.status = 'scheduled' AND coalesce(j.put_off_until, j.run_at) > now()) THEN
        RAISE EXCEPTION 'a retention job of this user is not due'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'data_is_kept_until_every_job_is_due';
    END IF;
    IF EXISTS (SELECT FROM subscriptions s WHERE s.user_id = whose
               AND (s.status NOT IN ('canceled', 'incomplete_expired') OR s.ended_at > now() - interval '90 days')) THEN
        RAISE EXCEPTION 'a subscription of this user lives, or ended less than 90 days ago'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'data_is_kept_while_a_subscription_lives';
    END IF;
    FOR planned IN SELECT * FROM data_deletion_plan ORDER BY step LOOP
        IF planned.kept THEN
            EXECUTE format('SELECT coalesce(json_agg(id), ''[]'') FROM (%s) AS of_user (id)', planned.statement)
                INTO ids USING whose;
            stayed := stayed || json_build_object(
                'where', coalesce(planned.table_name, 'outside'), 'what', planned.what,
                'rows', json_array_length(ids), 'ids', ids, 'ground', planned.ground);
        ELSE
            EXECUTE planned.statement USING whose;
            GET DIAGNOSTICS affected = ROW_COUNT;
            went := went || json_build_object(
                'table', planned.table_name, 'rows', affected, 'ground', planned.ground);
        END IF;
    END LOOP;
    UPDATE data_retention_jobs SET status = 'done', claimed_until = NULL WHERE user_id = whose AND status = 'scheduled';
    INSERT INTO data_deletions (user_id, flow_run_id, removed, kept)
    VALUES (whose, by_flow_run, array_to_json(went), array_to_json(stayed));
    RETURN QUERY SELECT array_to_json(went), array_to_json(stayed);
END
$$;

-- Requests whose feedback is due, with whose they are: ids, and nothing else of theirs.
CREATE FUNCTION claim_due_feedback(at_most integer) RETURNS TABLE (request_id uuid, user_id uuid)
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    UPDATE cancellation_requests r SET anonymizing_until = now() + interval '10 minutes'
    WHERE r.id IN (
        SELECT id FROM cancellation_requests
        WHERE received_at <= now() - interval '90 days' AND anonymized_at IS NULL
            AND (anonymizing_until IS NULL OR anonymizing_until <= now())
        ORDER BY received_at LIMIT at_most FOR UPDATE SKIP LOCKED)
    RETURNING r.id, r.user_id
$$;

CREATE FUNCTION count_due_feedback() RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT count(*) FROM cancellation_requests
    WHERE received_at <= now() - interval '90 days' AND anonymized_at IS NULL
$$;

-- For the two functions that may end a link: the reason is counted and its row goes; the request keeps no reason, no
-- text and no fingerprint of the body that held it.
CREATE FUNCTION anonymize_request(whose_request uuid) RETURNS void
    LANGUAGE sql SET search_path = public, pg_temp
AS $$
    WITH linked AS (
        SELECT created_at, plan, category, false AS retained FROM cancellation_reasons
        WHERE request_id = whose_request
        UNION ALL
        SELECT r.received_at, o.plan, r.reason, true
        FROM cancellation_requests r JOIN retention_offers o ON o.request_id = r.id
        WHERE r.id = whose_request AND r.outcome = 'retained' AND r.reason IS NOT NULL)
    INSERT INTO reason_counts AS counted (month, plan, category, retained, reasons)
    SELECT date_trunc('month', created_at AT TIME ZONE 'UTC'), plan, category, retained, 1 FROM linked
    ON CONFLICT (month, plan, category, retained) DO UPDATE SET reasons = counted.reasons + 1;
    DELETE FROM cancellation_reasons WHERE request_id = whose_request;
    DELETE FROM idempotency_keys WHERE request_id = whose_request;
    UPDATE cancellation_requests
    SET feedback = NULL, reason = NULL, anonymized_at = now(), anonymizing_until = NULL,
        -- One that failed there and is taken up again asks for its reason anew, and finds none.
        recovery_point = CASE recovery_point WHEN 'reason_captured' THEN 'received' ELSE recovery_point END
    WHERE id = whose_request;
$$;
REVOKE ALL ON FUNCTION anonymize_request(uuid) FROM PUBLIC;

-- Of the user whom the transaction names. False if it is not due, or done.
CREATE FUNCTION anonymize_feedback(whose_request uuid) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    PERFORM FROM cancellation_requests
    WHERE id = whose_request AND user_id = app_user_id() AND anonymized_at IS NULL
        AND received_at <= now() - interval '90 days'
    FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM anonymize_request(whose_request);
    RETURN true;
END
$$;

DO $$
DECLARE
    handed_out text;
BEGIN
    FOREACH handed_out IN ARRAY ARRAY['count_due_deletions()', 'due_deletions(uuid, integer)',
        'claim_due_deletions(integer)', 'claim_deletion_notices(integer, interval)', 'gaps_in_deletion_plan()',
        'installed_deletion_plan()', 'delete_data_of_user(uuid)', 'claim_due_feedback(integer)', 'count_due_feedback()',
        'anonymize_feedback(uuid)']
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', handed_out);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO cancelflow_app', handed_out);
    END LOOP;
END
$$;
