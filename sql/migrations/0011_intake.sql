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
    id              uuid,      -- of the new request, or of an earlier one
    problem         text,      -- the reason for a refusal: a key of `refusals`
    wait            integer,   -- seconds until the next attempt is possible
    outcome         text,      -- with http_status and response: those of the request
    http_status     smallint,
    response        json,
    subscription_id text       -- that the request names
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
CREATE FUNCTION judged(request uuid, subscription text, problem text, under_way uuid, refusals json) RETURNS reception
    LANGUAGE sql STABLE
AS $$
    SELECT request, problem, NULL::integer, CASE WHEN problem IS NOT NULL THEN 'refused' END,
        (refusals -> problem ->> 'status')::smallint,
        replace((refusals -> problem)::text, '{under_way}', coalesce(under_way::text, ''))::json, subscription
$$;

-- Serialise the intake per user, so that the second of two concurrent requests sees the first.
CREATE FUNCTION one_intake_at_a_time(caller text) RETURNS void
    LANGUAGE sql
    RETURN pg_advisory_xact_lock(hashtextextended(caller, 23));

-- Return the subscriptions that a call is about: the named one (null: the user's only one, which is chosen later), or
-- each live one. A user without any gets the same response as without `every`.
CREATE FUNCTION subscriptions_asked_for(caller text, every boolean, named text) RETURNS text[]
    LANGUAGE sql STABLE
AS $$
    SELECT CASE WHEN every AND count(*) > 0 THEN array_agg(s.id ORDER BY s.created_at, s.id) ELSE ARRAY[named] END
    FROM subscriptions s WHERE s.user_id = caller AND s.status NOT IN ('canceled', 'incomplete_expired')
$$;

-- Return the earlier requests with this user's `Idempotency-Key`, if any, with their responses. A failed request is
-- reopened, since its response asked the caller to try again.
CREATE FUNCTION requests_of_key(caller text, action text, own_key text, body bytea, in_line boolean, refusals json)
    RETURNS SETOF reception
    LANGUAGE plpgsql
AS $$
DECLARE
    taken   reception;
    kept    idempotency_keys;
    earlier requests;
BEGIN
    SELECT * INTO kept FROM idempotency_keys k
    WHERE k.user_id = caller AND k.key = own_key AND k.created_at >= now() - interval '24 hours';
    IF NOT FOUND THEN
        RETURN;
    END IF;
    taken.id := kept.request_ids[1];
    IF kept.fingerprint <> body THEN
        taken.problem := 'key-reused';
    ELSIF EXISTS (SELECT FROM requests r WHERE r.id = ANY (kept.request_ids) AND r.outcome IS NULL) THEN
        taken.problem := 'key-under-way';
    END IF;
    IF taken.problem IS NOT NULL THEN
        PERFORM audit_refusal(caller, action, taken.id, NULL, NULL, taken.problem, refusals);
        RETURN NEXT taken;
        RETURN;
    END IF;
    FOR earlier IN SELECT r.* FROM requests r WHERE r.id = ANY (kept.request_ids)
        ORDER BY array_position(kept.request_ids, r.id)
    LOOP
        taken := ROW(earlier.id, NULL, NULL, earlier.outcome, earlier.http_status, earlier.response,
            earlier.asked_subscription);
        IF earlier.outcome = 'failed' THEN
            taken := reopened(earlier.id, earlier.asked_subscription, in_line);
            IF taken.problem IS NOT NULL THEN
                PERFORM audit_refusal(caller, action, taken.id, NULL, NULL, taken.problem, refusals);
            END IF;
        END IF;
        RETURN NEXT taken;
    END LOOP;
END
$$;

-- Reopen a failed request, unless another one for its subscription has arrived meanwhile.
CREATE FUNCTION reopened(request uuid, subscription text, in_line boolean) RETURNS reception
    LANGUAGE plpgsql
AS $$
DECLARE
    taken reception;
BEGIN
    taken.id := request;
    taken.subscription_id := subscription;
    UPDATE cancellation_requests
    SET outcome = NULL, http_status = NULL, response = NULL, finished_at = NULL, reported_failed = false,
        resume_at = CASE WHEN in_line THEN now() ELSE now() + lease() END
    WHERE id = request;
    UPDATE change_requests
    SET outcome = NULL, http_status = NULL, response = NULL, finished_at = NULL, reported_failed = false,
        resume_at = now() + lease()
    WHERE id = request;
    RETURN taken;
EXCEPTION WHEN unique_violation THEN
    taken.problem := 'request-under-way';
    RETURN taken;
END
$$;

-- Keep the caller's `Idempotency-Key`, if there is one. An existing row is older than 24 hours.
CREATE FUNCTION keep_key(caller text, own_key text, body bytea, requests uuid[]) RETURNS void
    LANGUAGE sql
AS $$
    INSERT INTO idempotency_keys (user_id, key, fingerprint, request_ids)
    SELECT caller, own_key, body, requests WHERE own_key IS NOT NULL
    ON CONFLICT (user_id, key) DO UPDATE
    SET fingerprint = EXCLUDED.fingerprint, request_ids = EXCLUDED.request_ids, created_at = now()
$$;

-- Record a request to cancel, refused if there is a `problem` or if another request is under way.
CREATE FUNCTION record_cancellation(request uuid, caller text, asked_user text, asked_subscription text,
    accept_offer boolean, reason text, feedback_option text, feedback text, as_of timestamptz, in_line boolean,
    coming_in_seconds double precision, problem text, refusals json) RETURNS reception
    LANGUAGE plpgsql
AS $$
#variable_conflict use_variable
DECLARE
    taken     reception;
    under_way uuid;
BEGIN
    SELECT r.id INTO under_way FROM cancellation_requests r
    WHERE r.user_id = caller
        AND (r.finished_at IS NULL
            OR (r.outcome IN ('pending_cancellation', 'canceled', 'retained')
                AND r.finished_at > now() - make_interval(secs => coming_in_seconds)))
        AND coalesce(coalesce(r.subscription_id, r.asked_subscription) = asked_subscription, true)
    LIMIT 1;
    taken := judged(request, asked_subscription,
        coalesce(problem, CASE WHEN under_way IS NOT NULL THEN 'request-under-way' END), under_way, refusals);
    INSERT INTO cancellation_requests (id, user_id, asked_user_id, asked_subscription, accept_offer, reason,
        feedback_option, feedback, as_of, resume_at, period_end, outcome, http_status, response, finished_at)
    VALUES (request, caller, asked_user, asked_subscription, accept_offer, reason, feedback_option, feedback, as_of,
        CASE WHEN taken.problem IS NOT NULL THEN NULL WHEN in_line THEN now() ELSE now() + lease() END,
        (SELECT min(s.current_period_end) FROM subscriptions s
         WHERE s.user_id = caller AND s.status NOT IN ('canceled', 'incomplete_expired')
            AND s.id = coalesce(asked_subscription, s.id)),
        taken.outcome, taken.http_status, taken.response, CASE WHEN taken.problem IS NOT NULL THEN now() END);
    IF taken.problem IS NOT NULL THEN
        PERFORM audit_refusal(caller, 'cancel_subscription', request, asked_user, asked_subscription, taken.problem,
            refusals);
    END IF;
    RETURN taken;
END
$$;

-- Receive a request to cancel, or one for `every` subscription. `in_line`: no run can be started for it here, so any
-- trigger may claim it immediately. `coming_in_seconds`: how long ago it arrived; a request that took effect since then
-- was concurrent.
CREATE FUNCTION receive_cancellation(request uuid, caller text, asked_user text, asked_subscription text, every boolean,
    accept_offer boolean, reason text, feedback_option text, feedback text, as_of timestamptz, in_line boolean,
    coming_in_seconds double precision, own_key text, body bytea, reason_optional_countries text[], at_most integer,
    refusals json) RETURNS SETOF reception
    LANGUAGE plpgsql
AS $$
#variable_conflict use_variable
DECLARE
    taken       reception;
    problem     text;
    target      text;
    recorded    uuid[] := '{}';
    recorded_as uuid := request;
BEGIN
    taken.wait := count_attempt(caller, 'cancel_subscription', at_most, refusals);
    IF taken.wait IS NOT NULL THEN
        taken.id := request;
        taken.problem := 'too-many-attempts';
        RETURN NEXT taken;
        RETURN;
    END IF;
    PERFORM one_intake_at_a_time(caller);
    RETURN QUERY SELECT * FROM requests_of_key(caller, 'cancel_subscription', own_key, body, in_line, refusals);
    IF FOUND THEN
        RETURN;
    END IF;
    problem := CASE
        WHEN asked_user <> caller THEN 'not-your-subscription'
        WHEN NOT accept_offer AND coalesce(reason, '') = '' AND NOT EXISTS (
            SELECT FROM users u WHERE u.id = caller AND u.country = ANY(reason_optional_countries))
            THEN 'reason-required'
    END;
    FOREACH target IN ARRAY subscriptions_asked_for(caller, every AND problem IS NULL, asked_subscription) LOOP
        RETURN NEXT record_cancellation(recorded_as, caller, asked_user, target, accept_offer, reason, feedback_option,
            feedback, as_of, in_line, coming_in_seconds, problem,
            replace(refusals::text, request::text, recorded_as::text)::json);
        recorded := recorded || recorded_as;
        recorded_as := gen_random_uuid();
    END LOOP;
    PERFORM keep_key(caller, own_key, body, recorded);
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
    taken := judged(request, asked_subscription, CASE
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

-- Record a request to accept an offer, or to end a pause early (`offer` is null). Refused while a cancellation or a
-- reactivation of the subscription is under way; an equal request joins the one under way.
CREATE FUNCTION record_change(request uuid, caller text, action text, change_kind text, offer text,
    asked_subscription text, choice json, origin text, refusals json) RETURNS reception
    LANGUAGE plpgsql
AS $$
#variable_conflict use_variable
DECLARE
    taken     reception;
    under_way uuid;
    its_kind  text;
BEGIN
    SELECT r.id INTO taken.id FROM change_requests r
    WHERE r.user_id = caller AND r.finished_at IS NULL AND r.kind = change_kind
        AND r.offer_id IS NOT DISTINCT FROM offer AND r.choice::jsonb = choice::jsonb
        AND coalesce(coalesce(r.subscription_id, r.asked_subscription) = asked_subscription, true)
    ORDER BY r.received_at LIMIT 1;
    IF taken.id IS NOT NULL THEN
        taken.outcome := 'joined';
        taken.subscription_id := asked_subscription;
        INSERT INTO audit_log (user_id, action, request_id, asked_user_id, subscription_id, outcome, http_status)
        VALUES (caller, action, taken.id, caller, asked_subscription, 'joined', 202);
        RETURN taken;
    END IF;

    SELECT r.id, r.kind INTO under_way, its_kind FROM requests r
    WHERE r.user_id = caller AND r.finished_at IS NULL
        AND coalesce(coalesce(r.subscription_id, r.asked_subscription) = asked_subscription, true)
    LIMIT 1;
    taken := judged(request, asked_subscription, CASE WHEN under_way IS NOT NULL THEN 'request-under-way' END,
        under_way, replace(refusals::text, '/cancellation-requests/', CASE its_kind
            WHEN 'change' THEN '/changes/' WHEN 'reactivation' THEN '/reactivations/'
            ELSE '/cancellation-requests/' END)::json);
    INSERT INTO change_requests (id, user_id, asked_user_id, asked_subscription, kind, offer_id, choice, origin,
        resume_at, outcome, http_status, response, finished_at)
    VALUES (request, caller, caller, asked_subscription, change_kind, offer, choice, origin,
        CASE WHEN taken.problem IS NULL THEN now() + lease() END,
        taken.outcome, taken.http_status, taken.response, CASE WHEN taken.problem IS NOT NULL THEN now() END);
    IF taken.problem IS NOT NULL THEN
        PERFORM audit_refusal(caller, action, request, caller, asked_subscription, taken.problem, refusals);
    END IF;
    RETURN taken;
END
$$;

-- Receive a request to accept an offer, or to end a pause early, or one for `every` subscription.
CREATE FUNCTION receive_change(request uuid, caller text, action text, change_kind text, offer text,
    asked_subscription text, every boolean, choice json, origin text, own_key text, body bytea, at_most integer,
    refusals json) RETURNS SETOF reception
    LANGUAGE plpgsql
AS $$
#variable_conflict use_variable
DECLARE
    taken       reception;
    target      text;
    recorded    uuid[] := '{}';
    recorded_as uuid := request;
    all_joined  boolean := true;
BEGIN
    taken.wait := count_attempt(caller, action, at_most, refusals);
    IF taken.wait IS NOT NULL THEN
        taken.id := request;
        taken.problem := 'too-many-attempts';
        RETURN NEXT taken;
        RETURN;
    END IF;
    PERFORM one_intake_at_a_time(caller);
    RETURN QUERY SELECT * FROM requests_of_key(caller, action, own_key, body, false, refusals);
    IF FOUND THEN
        RETURN;
    END IF;
    FOREACH target IN ARRAY subscriptions_asked_for(caller, every, asked_subscription) LOOP
        taken := record_change(recorded_as, caller, action, change_kind, offer, target, choice, origin,
            replace(refusals::text, request::text, recorded_as::text)::json);
        RETURN NEXT taken;
        recorded := recorded || taken.id;
        all_joined := all_joined AND taken.outcome IS NOT DISTINCT FROM 'joined';
        recorded_as := gen_random_uuid();
    END LOOP;
    IF NOT all_joined THEN  -- a request that was joined keeps its own caller's key
        PERFORM keep_key(caller, own_key, body, recorded);
    END IF;
END
$$;
