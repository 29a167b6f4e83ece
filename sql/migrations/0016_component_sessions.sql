-- depends: 0015_cancel_sessions
-- Sessions of the open-source React component, which a token opens and continues (deployments/http/sdk/README.md).

ALTER TABLE cancel_sessions
    ADD COLUMN component boolean NOT NULL DEFAULT false,  -- `browser` is then the SHA-256 of the token
    ADD COLUMN listed json NOT NULL DEFAULT '{}',  -- the options that the component was given: nodes/sessions/component.py
    ADD COLUMN closed_at timestamptz;  -- when the customer closed it without a decision; null again when they continue
GRANT UPDATE (listed, closed_at) ON cancel_sessions TO cancelflow_app;

ALTER TABLE session_events DROP CONSTRAINT session_events_kind_check;
ALTER TABLE session_events ADD CONSTRAINT session_events_kind_check CHECK (kind IN ('opened', 'resumed', 'step_shown',
    'reason_chosen', 'offer_shown', 'offer_declined', 'offer_accepted', 'cancellation_requested', 'attribute_ignored',
    'closed', 'error'));

-- Each session with its outcome, which is that of its last request. `idle`: when a session counts as abandoned.
CREATE OR REPLACE FUNCTION session_outcome(session cancel_sessions, idle interval) RETURNS text
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
$$;
