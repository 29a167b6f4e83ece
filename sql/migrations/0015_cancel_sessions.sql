-- depends: 0014_blueprints
-- Sessions of the cancel page and of the React component, the tokens that opened them, and what happened in them (FEATURES U05, U06, U09, U12).

CREATE TABLE cancel_sessions (
    id                uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id           text COLLATE "C" NOT NULL,
    subscription_id   text        REFERENCES subscriptions,  -- null until the customer has chosen one of several
    browser           bytea       NOT NULL,  -- SHA-256 of the secret in the browser's cookie, or of the component's token
    component         boolean     NOT NULL DEFAULT false,  -- the React component's (deployments/http/sdk/README.md)
    livemode          boolean     NOT NULL,
    opened_at         timestamptz NOT NULL DEFAULT now(),
    active_at         timestamptz NOT NULL DEFAULT now(),
    closed_at         timestamptz,  -- when the component was closed without a decision; null again if it goes on
    options           json        NOT NULL,  -- of the token: see nodes/sessions/claims.py
    blueprint_version integer     NOT NULL,
    blueprint         text        NOT NULL,
    figures           json        NOT NULL DEFAULT '{}',  -- for the blueprint's texts: declared attributes with a value
    progress          json        NOT NULL DEFAULT '{}',  -- steps passed, reason, and offers shown and declined
    texts             json        NOT NULL DEFAULT '{}',  -- free text by step, until the cancellation has it
    listed            json        NOT NULL DEFAULT '{}',  -- the options that the component has: nodes/sessions/component.py
    -- The requests made in this session; their outcome is the session's.
    cancellation_id   uuid        REFERENCES cancellation_requests ON DELETE SET NULL,
    change_id         uuid        REFERENCES change_requests ON DELETE SET NULL
);
CREATE INDEX cancel_sessions_of_user ON cancel_sessions (user_id, opened_at);
CREATE INDEX cancel_sessions_of_cancellation ON cancel_sessions (cancellation_id);
CREATE INDEX cancel_sessions_of_change ON cancel_sessions (change_id);
CALL protect('cancel_sessions');
-- A browser's cookie holds only the session's id and a secret; this policy lets it look up the user.
CREATE POLICY by_its_id ON cancel_sessions FOR SELECT TO cancelflow_app
    USING (id = nullif(current_setting('app.request_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE (subscription_id, active_at, closed_at, blueprint_version, blueprint, figures, progress,
    texts, listed, cancellation_id, change_id) ON cancel_sessions TO cancelflow_app;

-- Forget the texts of sessions that can't be resumed any more, unless an unfinished cancellation is still to get them.
CREATE FUNCTION prune_session_texts(at_most integer) RETURNS integer
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    WITH over AS (
        SELECT s.id FROM cancel_sessions s
        WHERE s.texts::text <> '{}' AND s.active_at < now() - interval '24 hours' AND NOT EXISTS (
            SELECT FROM cancellation_requests c WHERE c.id = s.cancellation_id AND c.finished_at IS NULL)
        LIMIT at_most FOR UPDATE SKIP LOCKED),
    gone AS (UPDATE cancel_sessions s SET texts = '{}' FROM over WHERE s.id = over.id RETURNING 1)
    SELECT count(*)::integer FROM gone
$$;
REVOKE ALL ON FUNCTION prune_session_texts(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION prune_session_texts(integer) TO cancelflow_app;
CREATE INDEX cancel_sessions_with_texts ON cancel_sessions (active_at) WHERE texts::text <> '{}';

-- Each token opens one session (FEATURES U05).
CREATE TABLE session_tokens (
    issuer     text        NOT NULL,
    token_id   text        NOT NULL,  -- the token's `jti`
    user_id    text COLLATE "C" NOT NULL,
    session_id uuid        NOT NULL REFERENCES cancel_sessions ON DELETE CASCADE,
    PRIMARY KEY (issuer, token_id)
);
CREATE INDEX session_tokens_of_session ON session_tokens (session_id);
CALL protect('session_tokens');
GRANT SELECT, INSERT ON session_tokens TO cancelflow_app;

-- What happened, in order: append-only for the application. Ids and codes only, never free text.
CREATE TABLE session_events (
    session_id uuid        NOT NULL REFERENCES cancel_sessions ON DELETE CASCADE,
    number     integer     NOT NULL,
    user_id    text COLLATE "C" NOT NULL,
    at         timestamptz NOT NULL DEFAULT now(),
    kind       text        NOT NULL CHECK (kind IN ('opened', 'resumed', 'step_shown', 'reason_chosen', 'offer_shown',
        'offer_declined', 'offer_accepted', 'cancellation_requested', 'left', 'attribute_ignored', 'error')),
    detail     json        NOT NULL DEFAULT '{}',
    PRIMARY KEY (session_id, number)
);
CALL protect('session_events');
GRANT SELECT, INSERT ON session_events TO cancelflow_app;

-- Add an event. In a transaction that has updated the session's row. What is shown again, as after a reload, is no new
-- event, and a token with `record: false` has none.
CREATE FUNCTION add_session_event(session uuid, kind text, detail json) RETURNS void
    LANGUAGE sql
AS $$
    INSERT INTO session_events (session_id, number, user_id, kind, detail)
    SELECT s.id, coalesce(max(e.number), 0) + 1, s.user_id, add_session_event.kind, add_session_event.detail
    FROM cancel_sessions s LEFT JOIN session_events e ON e.session_id = s.id
    WHERE s.id = session AND (s.options ->> 'record')::boolean
    GROUP BY s.id
    HAVING NOT coalesce((array_agg(e.kind = add_session_event.kind AND e.detail::text = add_session_event.detail::text
        ORDER BY e.number DESC))[1], false)
$$;

-- Record a received request as the session's, in the transaction that receives it, so that a crash can't separate them.
-- Nothing without a session. One that is refused on arrival leaves the session with the request that it has. A token with
-- `report: false` keeps the request out of every figure (FEATURES C06).
CREATE FUNCTION asked_in_session(session uuid, asked reception, is_change boolean, offer text) RETURNS void
    LANGUAGE plpgsql
AS $$
DECLARE
    reported boolean;
BEGIN
    IF session IS NULL OR asked.wait IS NOT NULL THEN
        RETURN;
    END IF;
    UPDATE cancel_sessions
    SET active_at = now(), closed_at = NULL, idle_at = NULL,
        cancellation_id = CASE
            WHEN is_change OR asked.outcome = 'refused' AND cancellation_id IS NOT NULL THEN cancellation_id
            ELSE asked.id END,
        change_id = CASE
            WHEN NOT is_change OR asked.outcome = 'refused' AND change_id IS NOT NULL THEN change_id
            ELSE asked.id END
    WHERE id = session
    RETURNING (options ->> 'report')::boolean INTO reported;
    IF NOT reported THEN
        INSERT INTO unreported_requests (request_id) VALUES (asked.id) ON CONFLICT DO NOTHING;
    END IF;
    PERFORM add_session_event(session, CASE WHEN is_change THEN 'offer_accepted' ELSE 'cancellation_requested' END,
        CASE WHEN is_change THEN json_build_object('offer', coalesce(offer, 'resume'), 'request_id', asked.id)
            ELSE json_build_object('request_id', asked.id) END);
END
$$;

-- Return the session's last request of a kind that wasn't refused, by the idempotency keys, which begin with the session.
CREATE FUNCTION last_in_session(session cancel_sessions, of_kind text) RETURNS uuid
    LANGUAGE sql STABLE
AS $$
    SELECT r.id FROM idempotency_keys k JOIN requests r ON r.id = k.request_ids[1]
    WHERE k.user_id = session.user_id AND starts_with(k.key, 'session:' || session.id || ':')
        AND r.kind = of_kind AND r.outcome IS DISTINCT FROM 'refused'
    ORDER BY r.received_at DESC LIMIT 1
$$;

-- Each session with its outcome, which is that of its last request. `idle`: when a session counts as abandoned.
CREATE FUNCTION session_outcome(session cancel_sessions, idle interval) RETURNS text
    LANGUAGE sql STABLE
AS $$
    SELECT CASE
        WHEN c.outcome IN ('pending_cancellation', 'canceled') THEN 'cancelled'
        WHEN h.outcome = 'changed' AND c.id IS NULL THEN 'saved'
        WHEN c.by_hand OR c.parked_at IS NOT NULL AND c.outcome IS NULL THEN 'manual'  -- a person completes it
        WHEN coalesce(c.outcome, h.outcome) = 'failed' THEN 'errored'
        WHEN (session.closed_at IS NOT NULL OR session.active_at < now() - idle) AND c.id IS NULL AND h.id IS NULL
            THEN 'abandoned'
    END
    FROM (SELECT 1) one
    -- A refused request changed nothing, and the session continues.
    LEFT JOIN cancellation_requests c ON c.id = session.cancellation_id AND c.outcome IS DISTINCT FROM 'refused'
    LEFT JOIN change_requests h ON h.id = session.change_id AND h.outcome IS DISTINCT FROM 'refused'
        AND h.kind NOT IN ('contact', 'redirect')  -- following a link saves nothing by itself
$$;

-- Return the user of a Stripe customer, for a token that names the customer; an id only.
CREATE FUNCTION user_of_customer(customer text) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT u.id FROM users u WHERE u.stripe_customer_id = customer
    UNION ALL
    SELECT s.user_id FROM subscriptions s WHERE s.stripe_customer_id = customer
    LIMIT 1
$$;
REVOKE ALL ON FUNCTION user_of_customer(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION user_of_customer(text) TO cancelflow_app;
