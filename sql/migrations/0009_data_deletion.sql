-- depends: 0005_cancellation_effects 0007_data_retention
-- WF-056: planned deletion of a user's data, its record, and the anonymisation of reasons.
--
-- The application's role cannot delete anything. The functions below delete as the owner, and each checks that the data
-- is due. The owner also installs the statements that they run, with `cancelflow migrate`.

-- The steps of the plan: sql/data_deletion and DATA_DELETION_PLAN, as `cancelflow migrate` last read them.
CREATE TABLE data_deletion_plan (
    step       text    PRIMARY KEY,  -- the file's name; steps run in this order
    table_name text,                 -- null for data kept outside this database
    kept       boolean NOT NULL,
    what       text    NOT NULL,     -- describes what is deleted or kept
    ground     text    NOT NULL,     -- the legal basis
    statement  text    NOT NULL      -- $1 is the user's id
);

-- The deletion record: what was deleted and what was kept, as ids and counts.
CREATE TABLE data_deletions (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id     text COLLATE "C" NOT NULL,  -- of a user who is no longer in `users`
    deleted_at  timestamptz NOT NULL DEFAULT now(),
    flow_run_id uuid,
    removed     json        NOT NULL,  -- [{"table", "rows", "ground"}]
    kept        json        NOT NULL   -- [{"where", "what", "rows", "ids", "ground"}]
);
CREATE INDEX data_deletions_of_user ON data_deletions (user_id);
CALL protect('data_deletions');
GRANT SELECT ON data_deletions TO cancelflow_app;

-- Return the ids kept outside this database: with 05_stripe.sql, the user's customers in Stripe.
CREATE FUNCTION kept_outside(kept json) RETURNS text[]
    LANGUAGE sql IMMUTABLE
    RETURN ARRAY(
        SELECT json_array_elements_text(part -> 'ids') FROM json_array_elements(kept) AS part
        WHERE part ->> 'where' = 'outside');
CREATE INDEX data_deletions_of_customer ON data_deletions USING gin (kept_outside(kept));

-- Reasons older than 90 days, as counts; cancellation_reasons has the newer ones. Counts, because a row's id, time and
-- order would still identify the job written together with it.
CREATE TABLE reason_counts (
    month    date    NOT NULL CHECK (extract(day FROM month) = 1),  -- in which it was given, in UTC
    plan     text    NOT NULL,
    category text    NOT NULL,
    retained boolean NOT NULL,  -- given with an accepted offer, not with a cancellation
    reasons  integer NOT NULL CHECK (reasons > 0),
    PRIMARY KEY (month, plan, category, retained)
);

-- Requests that count in no figure, as a session token said (FEATURES C06). Ids without a user, so they stay.
CREATE TABLE unreported_requests (request_id uuid PRIMARY KEY);
GRANT INSERT ON unreported_requests TO cancelflow_app;

CREATE FUNCTION installed_deletion_plan() RETURNS TABLE (step text, statement text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT step, statement FROM data_deletion_plan ORDER BY step
$$;

-- Return where the plan and the database differ: a table with users' rows that no step names, or a step whose table
-- does not exist.
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

-- Delete the data of the transaction's user, and record it. Returns no row if another run has done it; raises if the
-- data is not due.
CREATE FUNCTION delete_data_of_user(by_flow_run uuid) RETURNS TABLE (removed json, kept json)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    whose    text := app_user_id();
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

-- Claim requests whose feedback is due for anonymisation. Returns the ids of requests and users only.
CREATE FUNCTION claim_due_feedback(at_most integer) RETURNS TABLE (request_id uuid, user_id text)
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

-- Return the number of these requests, for a progress bar.
CREATE FUNCTION count_due_feedback() RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT count(*) FROM cancellation_requests
    WHERE received_at <= now() - interval '90 days' AND anonymized_at IS NULL
$$;

-- Count the reason of a request, unless it counts in no figure, and delete its row; the request keeps no reason, text or
-- fingerprint of the body. Its callers, anonymize_feedback and delete_data_of_user, check that this is due.
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
    WHERE NOT EXISTS (SELECT FROM unreported_requests u WHERE u.request_id = whose_request)
    ON CONFLICT (month, plan, category, retained) DO UPDATE SET reasons = counted.reasons + 1;
    DELETE FROM cancellation_reasons WHERE request_id = whose_request;
    DELETE FROM idempotency_keys
    WHERE user_id = (SELECT user_id FROM cancellation_requests WHERE id = whose_request)
        AND whose_request = ANY (request_ids);
    UPDATE cancellation_requests
    SET feedback = NULL, reason = NULL, feedback_option = NULL, anonymized_at = now(), anonymizing_until = NULL,
        -- A request that failed after step 5B and is resumed runs that step again, without a reason.
        recovery_point = CASE recovery_point WHEN 'reason_captured' THEN 'received' ELSE recovery_point END
    WHERE id = whose_request;
$$;

-- Anonymise a request of the transaction's user. Returns false if it is not due or already done.
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

REVOKE ALL ON FUNCTION installed_deletion_plan(), gaps_in_deletion_plan(), delete_data_of_user(uuid),
    claim_due_feedback(integer), count_due_feedback(), anonymize_request(uuid), anonymize_feedback(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION installed_deletion_plan(), gaps_in_deletion_plan(), delete_data_of_user(uuid),
    claim_due_feedback(integer), count_due_feedback(), anonymize_feedback(uuid) TO cancelflow_app;
