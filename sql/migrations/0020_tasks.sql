-- depends: 0017_webhooks 0018_cancel_codes
-- Tasks: what a person of the company should do about a customer, and the event and webhook of each (FEATURES F11, F25, A14,
-- A15, A17).

CREATE TABLE tasks (
    id              uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id         text COLLATE "C" NOT NULL REFERENCES users,
    kind            text        NOT NULL CHECK (kind IN (
        'sales', 'billing', 'support', 'escalation', 'promise', 'idle_session', 'saved_for_now')),
    key             text        NOT NULL,  -- what it is about, among the tasks of its kind: it is put once
    subscription_id text,
    request_id      uuid,                  -- of any kind
    session_id      uuid,
    said            text        CHECK (length(said) <= 5000),  -- by the customer; forgotten after 90 days, as feedback is
    created_at      timestamptz NOT NULL DEFAULT now(),
    publish_at      timestamptz DEFAULT now(),  -- when to publish its event, or to retry; null once it was published
    done_at         timestamptz,
    done_by         text,                  -- a name that the operator gave, or `customer`
    UNIQUE (kind, key),
    CONSTRAINT a_done_task_says_by_whom CHECK (num_nonnulls(done_at, done_by) IN (0, 2))
);
CREATE INDEX tasks_of_user ON tasks (user_id);
CREATE INDEX tasks_open ON tasks (created_at) WHERE done_at IS NULL;
CREATE INDEX tasks_done ON tasks (done_at) WHERE done_at IS NOT NULL;
CREATE INDEX tasks_to_publish ON tasks (publish_at) WHERE publish_at IS NOT NULL;
CREATE INDEX tasks_with_text ON tasks (created_at) WHERE said IS NOT NULL;
CALL protect('tasks');
GRANT SELECT, INSERT (user_id, kind, key, subscription_id, request_id, session_id, said),
    UPDATE (publish_at, done_at, done_by) ON tasks TO cancelflow_app;

-- The call that the customer booked on the page of a `contact` offer: the id that the company's calendar gave it.
ALTER TABLE change_requests ADD COLUMN booking_id text CHECK (length(booking_id) BETWEEN 1 AND 255);
GRANT UPDATE (booking_id) ON change_requests TO cancelflow_app;

ALTER TABLE outbox DROP CONSTRAINT outbox_kind_check, ADD CONSTRAINT outbox_kind_check CHECK (kind IN (
    'cancellation_confirmation', 'cancellation_delayed', 'request_refused', 'reason_email',
    'discount_confirmation', 'reactivation_confirmation', 'reactivation_refused', 'subscription_ended',
    'onboarding_follow_up', 'deletion_notice', 'change_confirmation', 'offer_refused', 'billing_resumes',
    'discount_ends', 'request_received', 'manual_request', 'cancel_code', 'subscription.canceled',
    'subscription.reactivated', 'subscription.ended', 'subscription.changed', 'customer_success.task'));

-- The same view, with tasks. Ids and codes only: `said` stays here.
ALTER VIEW webhook_events RENAME TO webhook_events_without_tasks;
CREATE VIEW webhook_events WITH (security_invoker = true) AS
SELECT * FROM webhook_events_without_tasks
UNION ALL
SELECT t.id, t.user_id, 'task.created', t.id::text, t.created_at, interval '0', json_build_object(
    'task_id', t.id, 'kind', t.kind, 'user_id', t.user_id, 'subscription_id', t.subscription_id,
    'request_id', t.request_id, 'session_id', t.session_id)
FROM tasks t;
COMMENT ON VIEW webhook_events IS 'the events of outgoing webhooks; each user sees their own';
GRANT SELECT ON webhook_events TO cancelflow_app;

-- Put a task, its event and its webhooks; nothing if its kind has one with this key. For the session of a request, only
-- the request need be given.
CREATE FUNCTION put_task(whose text, its_kind text, its_key text, subscription text, request uuid, session uuid,
    what_was_said text, endpoints json) RETURNS void
    LANGUAGE plpgsql
AS $$
DECLARE
    task uuid;
BEGIN
    INSERT INTO tasks (user_id, kind, key, subscription_id, request_id, session_id, said)
    VALUES (whose, its_kind, its_key, subscription, request, coalesce(session, (
        SELECT s.id FROM cancel_sessions s WHERE s.cancellation_id = request OR s.change_id = request LIMIT 1)),
        left(what_was_said, 5000))
    ON CONFLICT (kind, key) DO NOTHING
    RETURNING id INTO task;
    IF task IS NOT NULL THEN
        INSERT INTO outbox (request_id, user_id, kind) VALUES (task, whose, 'customer_success.task');
        PERFORM put_webhooks(task, endpoints);
    END IF;
END
$$;

-- Return whether the request has decided something about its subscription. A link decides nothing.
CREATE FUNCTION is_decision(request requests) RETURNS boolean
    LANGUAGE sql STABLE
AS $$
    SELECT request.outcome IN ('pending_cancellation', 'canceled', 'retained', 'changed') AND NOT EXISTS (
        SELECT FROM change_requests c WHERE c.id = request.id AND c.kind IN ('contact', 'redirect'))
$$;

-- Return the kind of task that the session is worth, if any: it is abandoned, without a decision elsewhere or a booked
-- call; or an offer was accepted in it, which the end of a pause is not.
CREATE FUNCTION task_of_session(session cancel_sessions) RETURNS text
    LANGUAGE sql STABLE
AS $$
    SELECT CASE session_outcome(session, interval '0')
        WHEN 'saved' THEN CASE WHEN c.kind <> 'resume' THEN 'saved_for_now' END
        WHEN 'abandoned' THEN CASE WHEN session.idle_at IS NOT NULL AND c.booking_id IS NULL AND NOT EXISTS (
            SELECT FROM requests r
            WHERE r.user_id = session.user_id AND r.finished_at > session.opened_at AND is_decision(r)
                AND r.subscription_id = coalesce(session.subscription_id, r.subscription_id)) THEN 'idle_session' END
    END
    FROM (SELECT 1) one LEFT JOIN change_requests c ON c.id = session.change_id
    WHERE NOT coalesce((session.options ->> 'preview')::boolean, false)
$$;

-- Bring the tasks about sessions up to date, for a session or for a request that has ended: a decision ends those that
-- earlier sessions about the subscription left open, and a session has its own once. `kinds`: those that the company wants.
CREATE FUNCTION put_session_tasks(about uuid, kinds text[], endpoints json) RETURNS void
    LANGUAGE plpgsql
AS $$
BEGIN
    UPDATE tasks t SET done_at = now(), done_by = 'customer'
    FROM requests r
    WHERE r.id = about AND is_decision(r) AND t.user_id = r.user_id AND t.kind IN ('idle_session', 'saved_for_now')
        AND t.done_at IS NULL AND coalesce(t.subscription_id, r.subscription_id) = r.subscription_id;
    PERFORM put_task(s.user_id, task_of_session(s), s.id::text, s.subscription_id, s.change_id, s.id, NULL, endpoints)
    FROM cancel_sessions s
    WHERE (s.id = about OR s.change_id = about) AND task_of_session(s) = ANY (kinds);
END
$$;

-- Record that nothing has happened in these sessions for so long: those without a decision are abandoned.
CREATE FUNCTION close_idle_sessions(idle interval, endpoints json, task_kinds text[], at_most integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    closed uuid[];
BEGIN
    WITH due AS (
        SELECT id FROM cancel_sessions WHERE idle_at IS NULL AND active_at < now() - idle
        LIMIT at_most FOR UPDATE SKIP LOCKED),
    marked AS (UPDATE cancel_sessions s SET idle_at = now() FROM due WHERE s.id = due.id RETURNING s.id)
    SELECT array_agg(id) INTO closed FROM marked;
    PERFORM put_webhooks(each, endpoints), put_session_tasks(each, task_kinds, endpoints) FROM unnest(closed) AS each;
    RETURN coalesce(cardinality(closed), 0);
END
$$;

-- Claim tasks of any user whose event is to be published. After a crash or a failure, one can be claimed again after a
-- pause, which grows with the failures. Returns ids only.
CREATE FUNCTION claim_task_events(at_most integer) RETURNS TABLE (id uuid, user_id text)
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    WITH due AS (
        SELECT t.id FROM tasks t WHERE t.publish_at <= now()
        ORDER BY t.publish_at LIMIT at_most FOR UPDATE SKIP LOCKED)
    UPDATE tasks t SET publish_at = now() + pause_after_tries(o.attempts + 1)
    FROM due JOIN outbox o ON o.request_id = due.id AND o.kind = 'customer_success.task'
    WHERE t.id = due.id
    RETURNING t.id, t.user_id
$$;

-- Forget what was said 90 days ago. An open task stays.
CREATE FUNCTION forget_said(at_most integer) RETURNS integer
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    WITH over AS (
        SELECT id FROM tasks WHERE said IS NOT NULL AND created_at <= now() - interval '90 days'
        LIMIT at_most FOR UPDATE SKIP LOCKED),
    gone AS (UPDATE tasks t SET said = NULL FROM over WHERE t.id = over.id RETURNING 1)
    SELECT count(*)::integer FROM gone
$$;

-- Delete tasks that were done 90 days ago, with their events.
CREATE FUNCTION prune_tasks(at_most integer) RETURNS integer
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    WITH over AS (
        SELECT id FROM tasks WHERE done_at <= now() - interval '90 days' AND publish_at IS NULL
        LIMIT at_most FOR UPDATE SKIP LOCKED),
    events AS (DELETE FROM outbox o USING over WHERE o.request_id = over.id AND o.kind = 'customer_success.task'),
    gone AS (DELETE FROM tasks t USING over WHERE t.id = over.id RETURNING 1)
    SELECT count(*)::integer FROM gone
$$;

REVOKE ALL ON FUNCTION close_idle_sessions(interval, json, text[], integer), claim_task_events(integer),
    forget_said(integer), prune_tasks(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION close_idle_sessions(interval, json, text[], integer), claim_task_events(integer),
    forget_said(integer), prune_tasks(integer) TO cancelflow_app;
