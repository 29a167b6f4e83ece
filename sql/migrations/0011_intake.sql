-- depends: 0004_claims
-- Intake of requests in one statement, hence one round trip: it counts the attempt, judges and records the request, and
-- writes a refusal to the audit log.
--
-- These functions run as their caller, under its row-level security. Like every transaction of the application they
-- name the user that they act for, and they can write nothing that the application could not write directly. They are
-- volatile, so each statement in them sees what was committed before it, including while it waited for the lock.

-- A user's attempts, of every kind, in the minute that began at `since`.
CREATE TABLE attempts (
    user_id text COLLATE "C" PRIMARY KEY,
    since   timestamptz NOT NULL DEFAULT now(),
    counted integer     NOT NULL DEFAULT 1
);
CREATE INDEX attempts_by_age ON attempts (since);
CALL protect('attempts');
GRANT SELECT, INSERT, UPDATE (since, counted) ON attempts TO cancelflow_app;

-- Delete the counts of past minutes.
CREATE FUNCTION prune_attempts(at_most integer) RETURNS integer
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    WITH over AS (
        SELECT user_id FROM attempts WHERE since <= now() - interval '1 minute'
        LIMIT at_most FOR UPDATE SKIP LOCKED),
    gone AS (DELETE FROM attempts a USING over WHERE a.user_id = over.user_id RETURNING 1)
    SELECT count(*)::integer FROM gone
$$;
REVOKE ALL ON FUNCTION prune_attempts(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION prune_attempts(integer) TO cancelflow_app;

-- The result of an attempt. All null but `id`: the request is recorded and can be processed.
CREATE TYPE reception AS (
    id          uuid,      -- of the new request, or of an earlier one
    problem     text,      -- the reason for a refusal: a key of `refusals`
    wait        integer,   -- seconds until the next attempt is possible
    outcome     text,      -- with http_status and response: those of the request
    http_status smallint,
    response    json
);

-- Write the audit row of a refused attempt. `refusals`, here and below: the problem+json body of each refusal.
CREATE FUNCTION audit_refusal(caller text, action text, request uuid, asked_user text, subscription text, problem text,
    refusals json) RETURNS void
    LANGUAGE sql
AS $$
    INSERT INTO audit_log (user_id, action, request_id, asked_user_id, subscription_id, outcome, http_status, problem)
    VALUES (caller, action, request, asked_user, subscription, 'refused',
        (refusals -> problem ->> 'status')::smallint, problem)
$$;

-- Act for this user from here on, and count the attempt. Returns null for the first `at_most` attempts of a minute (0:
-- no limit), then the seconds until the next minute. Only the first attempt over the limit is written to the audit log.
CREATE FUNCTION count_attempt(caller text, action text, at_most integer, refusals json) RETURNS integer
    LANGUAGE plpgsql
AS $$
DECLARE
    counting attempts;
BEGIN
    PERFORM set_config('app.user_id', caller, true);
    IF at_most = 0 THEN
        RETURN NULL;
    END IF;
    INSERT INTO attempts AS so_far (user_id) VALUES (caller)
    ON CONFLICT (user_id) DO UPDATE
    SET since = CASE WHEN so_far.since > now() - interval '1 minute' THEN so_far.since ELSE now() END,
        counted = CASE WHEN so_far.since > now() - interval '1 minute' THEN so_far.counted + 1 ELSE 1 END
    RETURNING * INTO counting;
    IF counting.counted <= at_most THEN
        RETURN NULL;
    END IF;
    IF counting.counted = at_most + 1 THEN
        PERFORM audit_refusal(caller, action, NULL, NULL, NULL, 'too-many-attempts', refusals);
    END IF;
    RETURN greatest(ceil(extract(epoch FROM counting.since + interval '1 minute' - now())), 1);
END
$$;

-- Refuse an attempt whose body could not be read, which creates no request. Returns the seconds to wait, as above.
CREATE FUNCTION refuse_attempt(caller text, action text, at_most integer, problem text, refusals json) RETURNS integer
    LANGUAGE plpgsql
AS $$
DECLARE
    wait integer := count_attempt(caller, action, at_most, refusals);
BEGIN
    IF wait IS NULL THEN
        PERFORM audit_refusal(caller, action, NULL, NULL, NULL, problem, refusals);
    END IF;
    RETURN wait;
END
$$;

-- Return the result for a new request, refused if there is a `problem`. `{under_way}` in the body is replaced by the id
-- of the request under way, if any.
CREATE FUNCTION judged(request uuid, problem text, under_way uuid, refusals json) RETURNS reception
    LANGUAGE sql STABLE
AS $$
    SELECT request, problem, NULL::integer, CASE WHEN problem IS NOT NULL THEN 'refused' END,
        (refusals -> problem ->> 'status')::smallint,
        replace((refusals -> problem)::text, '{under_way}', coalesce(under_way::text, ''))::json
$$;

-- Serialise the intake per user, so that the second of two concurrent requests sees the first.
CREATE FUNCTION one_intake_at_a_time(caller text) RETURNS void
    LANGUAGE sql
    RETURN pg_advisory_xact_lock(hashtextextended(caller, 23));

-- Return the earlier request with this user's `Idempotency-Key`, if any, with its response. A failed request is
-- reopened, since its response asked the caller to try again.
CREATE FUNCTION request_of_key(caller text, action text, own_key text, body bytea, in_line boolean, refusals json)
    RETURNS reception
    LANGUAGE plpgsql
AS $$
DECLARE
    taken   reception;
    earlier record;
BEGIN
    SELECT k.fingerprint, r.id, r.outcome, r.http_status, r.response INTO earlier
    FROM idempotency_keys k JOIN requests r ON r.id = k.request_id
    WHERE k.user_id = caller AND k.key = own_key AND k.created_at >= now() - interval '24 hours';
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    taken.id := earlier.id;
    IF earlier.fingerprint <> body THEN
        taken.problem := 'key-reused';
    ELSIF earlier.outcome IS NULL THEN
        taken.problem := 'key-under-way';
    ELSIF earlier.outcome <> 'failed' THEN
        taken := ROW(earlier.id, NULL, NULL, earlier.outcome, earlier.http_status, earlier.response);
    ELSE
        BEGIN
            UPDATE cancellation_requests
            SET outcome = NULL, http_status = NULL, response = NULL, finished_at = NULL, reported_failed = false,
                resume_at = CASE WHEN in_line THEN now() ELSE now() + lease() END
            WHERE id = earlier.id;
            UPDATE change_requests
            SET outcome = NULL, http_status = NULL, response = NULL, finished_at = NULL, reported_failed = false,
                resume_at = now() + lease()
            WHERE id = earlier.id;
        EXCEPTION WHEN unique_violation THEN  -- another request for this subscription has arrived meanwhile
            taken.problem := 'request-under-way';
        END;
    END IF;
    IF taken.problem IS NOT NULL THEN
        PERFORM audit_refusal(caller, action, taken.id, NULL, NULL, taken.problem, refusals);
    END IF;
    RETURN taken;
END
$$;

-- Keep the caller's `Idempotency-Key`, if there is one. An existing row is older than 24 hours.
CREATE FUNCTION keep_key(caller text, own_key text, body bytea, request uuid) RETURNS void
    LANGUAGE sql
AS $$
    INSERT INTO idempotency_keys (user_id, key, fingerprint, request_id)
    SELECT caller, own_key, body, request WHERE own_key IS NOT NULL
    ON CONFLICT (user_id, key) DO UPDATE
    SET fingerprint = EXCLUDED.fingerprint, request_id = EXCLUDED.request_id, created_at = now()
$$;

-- Receive a request to cancel. `in_line`: no run can be started for it here, so any trigger may claim it immediately.
-- `coming_in_seconds`: how long ago it arrived; a request that took effect since then was concurrent.
CREATE FUNCTION receive_cancellation(request uuid, caller text, asked_user text, asked_subscription text,
    accept_offer boolean, reason text, feedback text, as_of timestamptz, in_line boolean, coming_in_seconds double precision, own_key text,
    body bytea, reason_optional_countries text[], at_most integer, refusals json) RETURNS reception
    LANGUAGE plpgsql
AS $$
#variable_conflict use_variable
DECLARE
    taken     reception;
    under_way uuid;
BEGIN
    taken.wait := count_attempt(caller, 'cancel_subscription', at_most, refusals);
    IF taken.wait IS NOT NULL THEN
        taken.id := request;
        taken.problem := 'too-many-attempts';
        RETURN taken;
    END IF;
    PERFORM one_intake_at_a_time(caller);
    IF own_key IS NOT NULL THEN
        taken := request_of_key(caller, 'cancel_subscription', own_key, body, in_line, refusals);
        IF taken.id IS NOT NULL THEN
            RETURN taken;
        END IF;
    END IF;

    SELECT r.id INTO under_way FROM cancellation_requests r
    WHERE r.user_id = caller
        AND (r.finished_at IS NULL
            OR (r.outcome IN ('pending_cancellation', 'canceled', 'retained')
                AND r.finished_at > now() - make_interval(secs => coming_in_seconds)))
        AND coalesce(coalesce(r.subscription_id, r.asked_subscription) = asked_subscription, true)
    LIMIT 1;
    taken := judged(request, CASE
        WHEN asked_user <> caller THEN 'not-your-subscription'
        WHEN NOT accept_offer AND coalesce(reason, '') = '' AND NOT EXISTS (
            SELECT FROM users u WHERE u.id = caller AND u.country = ANY(reason_optional_countries))
            THEN 'reason-required'
        WHEN under_way IS NOT NULL THEN 'request-under-way'
    END, under_way, refusals);

    INSERT INTO cancellation_requests (id, user_id, asked_user_id, asked_subscription, accept_offer, reason, feedback,
        as_of, resume_at, period_end, outcome, http_status, response, finished_at)
    VALUES (request, caller, asked_user, asked_subscription, accept_offer, reason, feedback, as_of,
        CASE WHEN taken.problem IS NOT NULL THEN NULL WHEN in_line THEN now() ELSE now() + lease() END,
        (SELECT min(s.current_period_end) FROM subscriptions s
         WHERE s.user_id = caller AND s.status NOT IN ('canceled', 'incomplete_expired')
            AND s.id = coalesce(asked_subscription, s.id)),
        taken.outcome, taken.http_status, taken.response, CASE WHEN taken.problem IS NOT NULL THEN now() END);
    PERFORM keep_key(caller, own_key, body, request);
    IF taken.problem IS NOT NULL THEN
        PERFORM audit_refusal(caller, 'cancel_subscription', request, asked_user, asked_subscription, taken.problem,
            refusals);
    END IF;
    RETURN taken;
END
$$;

-- Receive a request to reactivate. A repeated request joins the one under way, and then has the outcome `joined`.
CREATE FUNCTION receive_reactivation(request uuid, caller text, asked_user text, asked_subscription text, origin text,
    at_most integer, refusals json) RETURNS reception
    LANGUAGE plpgsql
AS $$
#variable_conflict use_variable
DECLARE
    taken     reception;
    under_way uuid;
BEGIN
    taken.wait := count_attempt(caller, 'reactivate_subscription', at_most, refusals);
    IF taken.wait IS NOT NULL THEN
        taken.id := request;
        taken.problem := 'too-many-attempts';
        RETURN taken;
    END IF;
    PERFORM one_intake_at_a_time(caller);
    SELECT r.id INTO taken.id FROM reactivation_requests r
    WHERE r.user_id = caller AND r.finished_at IS NULL AND r.asked_user_id = caller AND asked_user = caller
        AND coalesce(coalesce(r.subscription_id, r.asked_subscription) = asked_subscription, true)
    ORDER BY r.received_at LIMIT 1;
    IF taken.id IS NOT NULL THEN
        taken.outcome := 'joined';
        INSERT INTO audit_log (user_id, action, request_id, asked_user_id, subscription_id, outcome, http_status)
        VALUES (caller, 'reactivate_subscription', taken.id, asked_user, asked_subscription, 'joined', 202);
        RETURN taken;
    END IF;

    SELECT r.id INTO under_way FROM cancellation_requests r
    WHERE r.user_id = caller AND r.finished_at IS NULL
        AND coalesce(coalesce(r.subscription_id, r.asked_subscription) = asked_subscription, true)
    LIMIT 1;
    taken := judged(request, CASE
        WHEN asked_user <> caller THEN 'not-your-subscription'
        WHEN under_way IS NOT NULL THEN 'request-under-way'
    END, under_way, refusals);
    INSERT INTO reactivation_requests (id, user_id, asked_user_id, asked_subscription, origin, resume_at, outcome,
        http_status, response, finished_at)
    VALUES (request, caller, asked_user, asked_subscription, origin,
        CASE WHEN taken.problem IS NULL THEN now() + lease() END,
        taken.outcome, taken.http_status, taken.response, CASE WHEN taken.problem IS NOT NULL THEN now() END);
    IF taken.problem IS NOT NULL THEN
        PERFORM audit_refusal(caller, 'reactivate_subscription', request, asked_user, asked_subscription, taken.problem,
            refusals);
    END IF;
    RETURN taken;
END
$$;

-- Receive a request to accept an offer, or to end a pause early (`offer` is null). Refused while a cancellation or a
-- reactivation of the subscription is under way; an equal request joins the one under way.
CREATE FUNCTION receive_change(request uuid, caller text, action text, change_kind text, offer text,
    asked_subscription text, choice json, origin text, own_key text, body bytea, at_most integer, refusals json)
    RETURNS reception
    LANGUAGE plpgsql
AS $$
#variable_conflict use_variable
DECLARE
    taken     reception;
    under_way uuid;
BEGIN
    taken.wait := count_attempt(caller, action, at_most, refusals);
    IF taken.wait IS NOT NULL THEN
        taken.id := request;
        taken.problem := 'too-many-attempts';
        RETURN taken;
    END IF;
    PERFORM one_intake_at_a_time(caller);
    IF own_key IS NOT NULL THEN
        taken := request_of_key(caller, action, own_key, body, false, refusals);
        IF taken.id IS NOT NULL THEN
            RETURN taken;
        END IF;
    END IF;
    SELECT r.id INTO taken.id FROM change_requests r
    WHERE r.user_id = caller AND r.finished_at IS NULL AND r.kind = change_kind
        AND r.offer_id IS NOT DISTINCT FROM offer AND r.choice::jsonb = choice::jsonb
        AND coalesce(coalesce(r.subscription_id, r.asked_subscription) = asked_subscription, true)
    ORDER BY r.received_at LIMIT 1;
    IF taken.id IS NOT NULL THEN
        taken.outcome := 'joined';
        INSERT INTO audit_log (user_id, action, request_id, asked_user_id, subscription_id, outcome, http_status)
        VALUES (caller, action, taken.id, caller, asked_subscription, 'joined', 202);
        RETURN taken;
    END IF;

    SELECT r.id INTO under_way FROM requests r
    WHERE r.user_id = caller AND r.finished_at IS NULL
        AND coalesce(coalesce(r.subscription_id, r.asked_subscription) = asked_subscription, true)
    LIMIT 1;
    taken := judged(request, CASE WHEN under_way IS NOT NULL THEN 'request-under-way' END, under_way, refusals);
    INSERT INTO change_requests (id, user_id, asked_user_id, asked_subscription, kind, offer_id, choice, origin,
        resume_at, outcome, http_status, response, finished_at)
    VALUES (request, caller, caller, asked_subscription, change_kind, offer, choice, origin,
        CASE WHEN taken.problem IS NULL THEN now() + lease() END,
        taken.outcome, taken.http_status, taken.response, CASE WHEN taken.problem IS NOT NULL THEN now() END);
    PERFORM keep_key(caller, own_key, body, request);
    IF taken.problem IS NOT NULL THEN
        PERFORM audit_refusal(caller, action, request, caller, asked_subscription, taken.problem, refusals);
    END IF;
    RETURN taken;
END
$$;
