-- Sessions of the cancel page (sql/migrations/0015_cancel_sessions.sql).

-- name: user_of_customer
SELECT user_of_customer(%(customer)s);

-- name: owner_of_session
-- After begin_for_request, which makes this one row visible.
SELECT user_id FROM cancel_sessions WHERE id = %(request_id)s;

-- name: session_of_token
SELECT session_id FROM session_tokens WHERE issuer = %(issuer)s AND token_id = %(token_id)s;

-- name: open_session
INSERT INTO cancel_sessions (id, user_id, subscription_id, browser, component, livemode, options, blueprint_version,
    blueprint, figures)
VALUES (%(session_id)s, %(user_id)s, %(subscription_id)s, %(browser)s, %(component)s, %(livemode)s, %(options)s,
    %(blueprint_version)s, %(blueprint)s, %(figures)s);

-- name: use_session_token
INSERT INTO session_tokens (issuer, token_id, user_id, session_id)
VALUES (%(issuer)s, %(token_id)s, %(user_id)s, %(session_id)s);

-- name: session
SELECT s.id, s.user_id, s.subscription_id, s.browser, s.opened_at, s.options, s.blueprint_version, s.blueprint, s.figures,
    s.progress, s.texts, s.component, s.listed, s.cancellation_id, s.change_id, session_outcome(s, make_interval(mins => %(idle_minutes)s)) AS outcome
FROM cancel_sessions s WHERE s.id = %(session_id)s;

-- name: session_moved
-- What is null stays as it is. `closed`: the component was; one that says so again was closed when it said so first.
UPDATE cancel_sessions
SET active_at = now(), closed_at = CASE WHEN %(closed)s THEN coalesce(closed_at, now()) END,
    idle_at = CASE WHEN %(closed)s THEN coalesce(idle_at, now()) END, progress = coalesce(%(progress)s::json, progress),
    subscription_id = coalesce(%(subscription_id)s, subscription_id), texts = (texts::jsonb || coalesce(%(texts)s::jsonb, '{}'))::json
WHERE id = %(session_id)s;

-- name: refused_in_session
-- A session whose request was refused goes back to the last one that wasn't, if there is one.
UPDATE cancel_sessions s
SET cancellation_id = CASE WHEN s.cancellation_id = %(request_id)s
        THEN coalesce(last_in_session(s, 'cancellation'), s.cancellation_id) ELSE s.cancellation_id END,
    change_id = CASE WHEN s.change_id = %(request_id)s
        THEN coalesce(last_in_session(s, 'change'), s.change_id) ELSE s.change_id END
WHERE s.cancellation_id = %(request_id)s OR s.change_id = %(request_id)s;

-- name: add_session_event
SELECT add_session_event(%(session_id)s, %(kind)s, %(detail)s);

-- name: session_for_operators
SELECT s.subscription_id, s.opened_at, s.blueprint_version, s.blueprint,
    session_outcome(s, make_interval(mins => %(idle_minutes)s)) AS outcome
FROM cancel_sessions s WHERE s.id = %(session_id)s;

-- name: request_of_session
-- The request that an operator resumes.
SELECT coalesce(cancellation_id, change_id)::text AS id FROM cancel_sessions WHERE id::text = %(id)s;

-- name: done_in_session
-- How many of the session's requests are over; a failed one is reopened by its own key.
SELECT count(*)::integer
FROM idempotency_keys k JOIN requests r ON r.id = k.request_ids[1]
WHERE starts_with(k.key, %(prefix)s) AND r.outcome IS NOT NULL AND r.outcome <> 'failed';

-- name: void_in_session
-- How many requests with such a key were refused, or cancelled a subscription that was reactivated since.
SELECT count(*)::integer
FROM idempotency_keys k JOIN requests r ON r.id = k.request_ids[1]
WHERE starts_with(k.key, %(prefix)s) AND (r.outcome = 'refused' OR r.kind = 'cancellation' AND EXISTS (
    SELECT FROM reactivation_requests b
    WHERE b.subscription_id = r.subscription_id AND b.finished_at > r.finished_at AND b.outcome = 'reactivated'));

-- name: agreed_in_session
SELECT agreed FROM change_requests WHERE id = %(change_id)s;

-- name: reactivated_since
-- Whether a cancellation was taken back.
SELECT EXISTS (
    SELECT FROM reactivation_requests r JOIN cancellation_requests c ON c.id = %(cancellation_id)s
    WHERE r.subscription_id = c.subscription_id AND r.finished_at > c.finished_at AND r.outcome = 'reactivated');

-- name: session_events
-- For an operator, as the owner; last, the call about the session's cancellation.
SELECT at, kind, detail FROM (
    SELECT number, at, kind, detail FROM session_events WHERE session_id = %(session_id)s
    UNION ALL
    SELECT NULL, coalesce(c.received_at, c.placed_at, c.created_at), 'call', json_strip_nulls(json_build_object(
        'id', c.id, 'state', c.state, 'gate', c.gate, 'status', c.status, 'warmth', c.warmth))
    FROM cancel_sessions s JOIN calls c ON c.request_id = s.cancellation_id
    WHERE s.id = %(session_id)s) happened
ORDER BY number NULLS LAST;

-- name: customer_for_audiences
SELECT locale, country FROM users WHERE id = %(user_id)s;

-- name: session_has_blueprint
UPDATE cancel_sessions SET blueprint_version = %(blueprint_version)s, blueprint = %(blueprint)s, figures = %(figures)s
WHERE id = %(session_id)s;

-- name: session_listed
-- Unless `again`, what a call that arrived at the same time has listed stays. A component that was closed is open again.
UPDATE cancel_sessions
SET active_at = now(), closed_at = NULL, idle_at = NULL,
    listed = CASE WHEN %(again)s OR listed::text = '{}' THEN %(listed)s ELSE listed END
WHERE id = %(session_id)s
RETURNING listed;

-- name: component_session_of
SELECT id FROM cancel_sessions WHERE cancellation_id = %(request_id)s AND component;

-- name: reason_to_publish
-- The reason of a cancellation, and whether the component may still send one. `patience` in seconds.
SELECT c.category, c.category = 'prefer_not_to_say' AND c.feedback IS NULL
    AND r.finished_at > now() - make_interval(secs => %(patience)s) AND EXISTS (
        SELECT FROM cancel_sessions s WHERE s.cancellation_id = r.id AND s.component) AS awaited
FROM cancellation_reasons c JOIN cancellation_requests r ON r.id = c.request_id
WHERE c.request_id = %(request_id)s;

-- name: clear_session_texts
UPDATE cancel_sessions SET texts = '{}' WHERE id = %(session_id)s;

-- name: adopt_change
-- A change that an event of Stripe's reported before the page that made it did becomes the session's.
WITH found AS MATERIALIZED (
    SELECT r.id FROM change_requests r JOIN cancel_sessions s ON s.subscription_id = r.subscription_id
    WHERE s.id = %(session_id)s AND r.origin = 'stripe' AND r.kind = %(kind)s AND r.received_at > s.opened_at
        AND r.outcome IS DISTINCT FROM 'refused'
        AND NOT EXISTS (SELECT FROM cancel_sessions other WHERE other.change_id = r.id)
    ORDER BY r.received_at DESC LIMIT 1)
SELECT found.id FROM found, asked_in_session(%(session_id)s,
    ROW(found.id, NULL, NULL, NULL, NULL, NULL, NULL)::reception, true, %(offer_id)s);

-- name: adopt_cancellation
-- Likewise, a cancellation.
WITH found AS MATERIALIZED (
    SELECT r.id FROM cancellation_requests r JOIN cancel_sessions s ON s.subscription_id = r.subscription_id
    WHERE s.id = %(session_id)s AND r.origin = 'stripe' AND NOT r.accept_offer AND r.received_at > s.opened_at
        AND r.outcome IS DISTINCT FROM 'refused'
        AND NOT EXISTS (SELECT FROM cancel_sessions other WHERE other.cancellation_id = r.id)
    ORDER BY r.received_at DESC LIMIT 1)
SELECT found.id FROM found, asked_in_session(%(session_id)s,
    ROW(found.id, NULL, NULL, NULL, NULL, NULL, NULL)::reception, false, NULL);

-- name: reason_of_adopted
-- What the customer said on the page, unless Stripe had a reason.
UPDATE cancellation_reasons SET category = %(category)s, feedback = %(feedback)s
WHERE request_id = %(request_id)s AND category = 'prefer_not_to_say' AND feedback IS NULL AND answered_at IS NULL;

-- name: drop_session_change
-- Only one that failed; it changed nothing.
UPDATE cancel_sessions s SET change_id = NULL FROM change_requests h
WHERE s.id = %(session_id)s AND h.id = s.change_id AND h.outcome = 'failed';
