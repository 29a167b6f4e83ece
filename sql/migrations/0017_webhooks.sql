-- depends: 0016_carried_out_by
-- Outgoing webhooks: which events there are, and their deliveries to each endpoint (FEATURES U18, U19, F12).

-- An outbox of its own: one that waits for a receiver keeps no request open. One row per event and endpoint, written in
-- the transaction of what it reports. Ids, codes and times only, never free text.
CREATE TABLE webhook_deliveries (
    id           uuid        PRIMARY KEY DEFAULT gen_random_uuid(),  -- the `webhook-id`, the same for each attempt
    user_id      text COLLATE "C" NOT NULL,
    endpoint     text        NOT NULL,  -- its name in WEBHOOKS
    type         text        NOT NULL,
    key          text        NOT NULL,  -- of the event, among those of its type: what is recorded again is sent once
    at           timestamptz NOT NULL,
    data         json        NOT NULL,
    attempts     integer     NOT NULL DEFAULT 0,
    due_at       timestamptz,           -- of the next attempt; null once it was delivered, or has failed for good
    delivered_at timestamptz,
    problem      text,                  -- why the last attempt failed
    UNIQUE (endpoint, type, key)
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_deliveries_by_age ON webhook_deliveries (at);
CREATE INDEX webhook_deliveries_of_user ON webhook_deliveries (user_id);
CALL protect('webhook_deliveries');
GRANT SELECT, INSERT, UPDATE (data, due_at, delivered_at, problem) ON webhook_deliveries TO cancelflow_app;

-- When `close-idle-sessions` or the component's record found the session left; null again if it goes on.
ALTER TABLE cancel_sessions ADD COLUMN idle_at timestamptz;
GRANT UPDATE (idle_at) ON cancel_sessions TO cancelflow_app;
CREATE INDEX cancel_sessions_not_idle ON cancel_sessions (active_at) WHERE idle_at IS NULL;
UPDATE cancel_sessions SET idle_at = active_at;  -- nothing is announced of sessions from before

CREATE FUNCTION in_utc(at timestamptz) RETURNS text
    LANGUAGE sql STABLE
    RETURN to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"');

-- Return the code of the reason that the customer chose last.
CREATE FUNCTION reason_in(session cancel_sessions) RETURNS text
    LANGUAGE sql STABLE
AS $$
    SELECT passed.step ->> 'reason'
    FROM json_array_elements(session.progress -> 'passed') WITH ORDINALITY AS passed (step, number)
    WHERE passed.step ->> 'reason' IS NOT NULL
    ORDER BY passed.number DESC LIMIT 1
$$;

-- Return the offers that were presented, in order, each with the customer's response; the accepted one is always there.
CREATE FUNCTION offers_presented(session cancel_sessions) RETURNS json
    LANGUAGE sql STABLE
AS $$
    WITH accepted AS (
        -- A change that the company's page made may be recorded from Stripe, which doesn't know its offer.
        SELECT DISTINCT coalesce(r.offer_id, e.detail ->> 'offer') AS offer_id
        FROM change_requests r LEFT JOIN session_events e ON e.session_id = session.id AND e.kind = 'offer_accepted'
            AND e.detail ->> 'request_id' = r.id::text
        WHERE r.id = session.change_id AND r.outcome = 'changed' AND r.kind <> 'resume'),
    presented AS (
        SELECT shown.offer_id, min(e.number) AS first, bool_or(e.kind = 'offer_declined') AS declined
        FROM session_events e, json_array_elements_text(e.detail -> 'offers') AS shown (offer_id)
        WHERE e.session_id = session.id AND e.kind IN ('offer_shown', 'offer_declined')
        GROUP BY shown.offer_id)
    SELECT coalesce(json_agg(json_build_object('offer_id', offer_id, 'response',
        CASE WHEN a.offer_id IS NOT NULL THEN 'accepted' WHEN p.declined THEN 'declined' ELSE 'none' END)
        ORDER BY p.first, offer_id), '[]')
    FROM presented p FULL JOIN accepted a USING (offer_id)
    WHERE offer_id IS NOT NULL
$$;

-- The events, each with the id of what it is about: a session, a request or a subscription's end. `delay`: before it is
-- sent, as the React component sends the reason after the cancellation.
CREATE VIEW webhook_events WITH (security_invoker = true) AS
WITH sessions AS NOT MATERIALIZED (
    SELECT s.id, s.user_id, s.opened_at, s.idle_at, s.component, reason_in(s) AS reason,
        session_outcome(s, interval '0') AS outcome, offers_presented(s) AS offers, s.cancellation_id, s.change_id,
        s.subscription_id, s.livemode, s.blueprint, s.blueprint_version
    FROM cancel_sessions s WHERE NOT coalesce((s.options ->> 'preview')::boolean, false)),
changes AS NOT MATERIALIZED (
    SELECT r.*, json_build_object(
        'request_id', r.id,
        'session_id', (SELECT s.id FROM cancel_sessions s WHERE s.change_id = r.id LIMIT 1),
        'user_id', r.user_id, 'subscription_id', r.subscription_id, 'plan', r.plan, 'kind', r.kind,
        'offer_id', r.offer_id, 'origin', r.origin,
        'percent_off', r.agreed -> 'percent_off', 'months', r.agreed -> 'months',
        'discount_ends_at', in_utc((r.agreed ->> 'discount_ends_at')::timestamptz),
        'resumes_at', in_utc((r.agreed ->> 'resumes_at')::timestamptz),
        'price_id', r.agreed -> 'price_id', 'new_plan', r.agreed -> 'new_plan',
        'starts_at', in_utc((r.agreed ->> 'starts_at')::timestamptz),
        'trial_ends_at', in_utc((r.agreed ->> 'trial_ends_at')::timestamptz)) AS data
    FROM change_requests r WHERE r.outcome = 'changed')
SELECT s.id AS about, s.user_id, 'session.started'::text AS type, s.id::text AS key, s.opened_at AS at,
    interval '0' AS delay, json_build_object(
        'session_id', s.id, 'user_id', s.user_id, 'subscription_id', s.subscription_id, 'livemode', s.livemode,
        'blueprint', s.blueprint, 'blueprint_version', s.blueprint_version) AS data
FROM sessions s
UNION ALL
SELECT s.id, s.user_id, 'session.completed', s.id || ':' || s.outcome, now(),
    CASE WHEN s.component AND s.reason IS NULL THEN interval '30 seconds' ELSE interval '0' END, json_build_object(
        'session_id', s.id, 'user_id', s.user_id, 'subscription_id', s.subscription_id, 'livemode', s.livemode,
        'blueprint', s.blueprint, 'blueprint_version', s.blueprint_version, 'outcome', s.outcome,
        'request_id', CASE s.outcome WHEN 'saved' THEN s.change_id ELSE coalesce(s.cancellation_id, s.change_id) END,
        'reason', s.reason, 'offers', s.offers)
FROM sessions s WHERE s.outcome IN ('cancelled', 'saved', 'manual', 'errored')
UNION ALL
SELECT s.id, s.user_id, 'session.abandoned', s.id || ':' || extract(epoch FROM s.idle_at), s.idle_at, interval '0',
    json_build_object(
        'session_id', s.id, 'user_id', s.user_id, 'subscription_id', s.subscription_id, 'livemode', s.livemode,
        'blueprint', s.blueprint, 'blueprint_version', s.blueprint_version, 'reason', s.reason, 'offers', s.offers)
FROM sessions s WHERE s.idle_at IS NOT NULL AND s.outcome = 'abandoned'
UNION ALL
SELECT c.id, c.user_id, 'offer.accepted', c.id::text, c.finished_at, interval '0', c.data
FROM changes c WHERE c.offer_id IS NOT NULL
UNION ALL
SELECT c.id, c.user_id, CASE c.kind WHEN 'pause' THEN 'subscription.paused' WHEN 'resume' THEN 'subscription.resumed'
        WHEN 'discount' THEN 'subscription.discounted' WHEN 'plan_change' THEN 'subscription.plan_changed'
        WHEN 'trial_extension' THEN 'subscription.trial_extended' END,
    c.id::text, c.finished_at, interval '0', c.data
FROM changes c WHERE c.kind NOT IN ('contact', 'redirect')  -- a link changes nothing by itself
UNION ALL
-- The plan's retention offer, which has no id.
SELECT r.id, r.user_id, each.type, r.id::text, r.finished_at, interval '0', json_build_object(
    'request_id', r.id, 'user_id', r.user_id, 'subscription_id', r.subscription_id, 'plan', o.plan, 'kind', 'discount',
    'origin', r.origin, 'percent_off', o.percent_off, 'months', o.months)
FROM cancellation_requests r JOIN retention_offers o ON o.request_id = r.id
    CROSS JOIN (VALUES ('offer.accepted'), ('subscription.discounted')) AS each (type)
WHERE r.outcome = 'retained'
UNION ALL
SELECT r.id, r.user_id, 'subscription.canceled', r.id::text, r.finished_at, interval '0', json_build_object(
    'request_id', r.id, 'session_id', (SELECT s.id FROM cancel_sessions s WHERE s.cancellation_id = r.id LIMIT 1),
    'user_id', r.user_id, 'subscription_id', r.subscription_id, 'plan', s.plan, 'origin', r.origin,
    'cancel_at', in_utc(r.cancel_at))
FROM cancellation_requests r LEFT JOIN subscriptions s ON s.id = r.subscription_id
WHERE r.outcome IN ('pending_cancellation', 'canceled')
UNION ALL
SELECT r.id, r.user_id, 'subscription.reactivated', r.id::text, r.finished_at, interval '0', json_build_object(
    'request_id', r.id, 'user_id', r.user_id, 'subscription_id', r.subscription_id, 'plan', s.plan, 'origin', r.origin,
    'renews_at', in_utc(r.renews_at))
FROM reactivation_requests r LEFT JOIN subscriptions s ON s.id = r.subscription_id
WHERE r.outcome = 'reactivated'
UNION ALL
SELECT e.id, e.user_id, 'subscription.ended', e.id::text, e.recorded_at, interval '0', json_build_object(
    'user_id', e.user_id, 'subscription_id', e.subscription_id, 'plan', s.plan, 'reason', e.kind,
    'ended_at', in_utc(e.ended_at))
FROM subscription_ends e LEFT JOIN subscriptions s ON s.id = e.subscription_id;
COMMENT ON VIEW webhook_events IS 'the events of outgoing webhooks; each user sees their own';
GRANT SELECT ON webhook_events TO cancelflow_app;

-- Put the events of a session, a request or an end into the outbox, and those of the request's session. `endpoints`: the
-- types that each takes, by its name. An event is put there once, so not again after prune_webhooks has deleted it; until
-- its first attempt, its data is brought up to date.
CREATE FUNCTION put_webhooks(whose uuid, endpoints json) RETURNS void
    LANGUAGE sql
AS $$
    INSERT INTO webhook_deliveries AS d (user_id, endpoint, type, key, at, data, due_at)
    SELECT e.user_id, target.name, e.type, e.key, e.at, json_strip_nulls(e.data), now() + e.delay
    FROM webhook_events e, json_each(endpoints) AS target (name, types)
    WHERE target.types::jsonb ? e.type AND e.at >= now() - interval '30 days' AND e.about = ANY (ARRAY(
        SELECT whose
        UNION ALL
        SELECT s.id FROM cancel_sessions s WHERE s.cancellation_id = whose OR s.change_id = whose))
    ON CONFLICT (endpoint, type, key) DO UPDATE
        SET data = EXCLUDED.data, due_at = least(d.due_at, EXCLUDED.due_at) WHERE d.attempts = 0
$$;

-- Return the pause after this many attempts; null after the last one. Ten attempts within three days. The first pause is
-- longer than a send may take, so that no two attempts overlap.
CREATE FUNCTION pause_of_webhook(attempts integer) RETURNS interval
    LANGUAGE sql IMMUTABLE
    RETURN ('{15 seconds, 5 minutes, 30 minutes, 2 hours, 5 hours, 10 hours, 14 hours, 20 hours, 20 hours}'::interval[])[attempts];

-- Claim an endpoint's deliveries that are due, of any user. A claim counts as an attempt, and is due again after its pause
-- unless it is marked as delivered. Returns ids only.
CREATE FUNCTION claim_webhooks(of_endpoint text, at_most integer) RETURNS TABLE (id uuid, user_id text)
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    WITH due AS (
        SELECT d.id FROM webhook_deliveries d WHERE d.endpoint = of_endpoint AND d.due_at <= now()
        ORDER BY d.due_at LIMIT at_most FOR UPDATE SKIP LOCKED)
    UPDATE webhook_deliveries d
    SET attempts = d.attempts + 1, due_at = now() + pause_of_webhook(d.attempts + 1)
    FROM due WHERE d.id = due.id
    RETURNING d.id, d.user_id
$$;

-- Whatever became of them: one that still waits then is for an endpoint that is no longer in WEBHOOKS.
CREATE FUNCTION prune_webhooks(at_most integer) RETURNS integer
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    WITH over AS (
        SELECT id FROM webhook_deliveries WHERE at < now() - interval '30 days'
        LIMIT at_most FOR UPDATE SKIP LOCKED),
    gone AS (DELETE FROM webhook_deliveries d USING over WHERE d.id = over.id RETURNING 1)
    SELECT count(*)::integer FROM gone
$$;

REVOKE ALL ON FUNCTION claim_webhooks(text, integer), prune_webhooks(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION claim_webhooks(text, integer), prune_webhooks(integer) TO cancelflow_app;
