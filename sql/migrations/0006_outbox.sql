-- depends: 0003_requests 0005_cancellation_effects
-- Emails and events to send: written in the transaction that decides them, and sent later if sending failed.

CREATE TABLE outbox (
    id              uuid        PRIMARY KEY DEFAULT gen_random_uuid(),  -- the event's event_id, the email's Message-ID
    request_id      uuid        NOT NULL,  -- of a request of any kind, or a subscription's end
    user_id         text COLLATE "C" NOT NULL REFERENCES users,
    kind            text        NOT NULL CHECK (kind IN (
        'cancellation_confirmation', 'cancellation_delayed', 'request_refused', 'reason_email',
        'discount_confirmation', 'reactivation_confirmation', 'reactivation_refused', 'subscription_ended',
        'onboarding_follow_up', 'deletion_notice', 'change_confirmation', 'offer_refused', 'billing_resumes',
        'discount_ends', 'request_received', 'manual_request', 'subscription.canceled', 'subscription.reactivated',
        'subscription.ended', 'subscription.changed')),
    created_at      timestamptz NOT NULL DEFAULT now(),
    delivered_at    timestamptz,
    receipt         text,        -- Pub/Sub's message id
    attempts        integer     NOT NULL DEFAULT 0,
    refused         boolean     NOT NULL DEFAULT false,  -- not to be sent: withdrawn or undeliverable
    -- Why it is undeliverable: it needs attention until an operator has it sent again or dismisses it.
    problem         text        CHECK (problem IN ('no-address', 'address-malformed', 'refused-by-mail-server')),
    UNIQUE (request_id, kind),
    CONSTRAINT a_problem_is_an_end CHECK (problem IS NULL OR refused)
);
CREATE INDEX outbox_of_user ON outbox (user_id);
CREATE INDEX outbox_undeliverable ON outbox (request_id) WHERE problem IS NOT NULL;
CALL protect('outbox');
GRANT SELECT, INSERT, UPDATE (delivered_at, receipt, attempts, refused, problem) ON outbox TO cancelflow_app;

-- Claim requests of any user whose email that asks for the reason is due, never before the confirmation was sent.
-- Returns ids only. After a crash or a failed send, a request can be claimed again after ten minutes.
CREATE FUNCTION claim_reason_emails(at_most integer) RETURNS SETOF uuid
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    UPDATE cancellation_requests SET ask_why_at = now() + interval '10 minutes'
    WHERE id IN (
        SELECT r.id FROM cancellation_requests r
        WHERE r.ask_why_at <= now() AND r.finished_at IS NOT NULL AND NOT EXISTS (
            SELECT FROM outbox o
            WHERE o.request_id = r.id AND o.kind = 'cancellation_confirmation' AND o.delivered_at IS NULL
                AND NOT o.refused)
        ORDER BY r.ask_why_at LIMIT at_most FOR UPDATE SKIP LOCKED)
    RETURNING id
$$;
-- Claim, likewise, changes and retention offers whose reminder is due.
CREATE FUNCTION claim_reminders(at_most integer) RETURNS SETOF uuid
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    WITH changes AS (
        UPDATE change_requests SET remind_at = now() + interval '10 minutes'
        WHERE id IN (
            SELECT r.id FROM change_requests r WHERE r.remind_at <= now() AND r.finished_at IS NOT NULL
            ORDER BY r.remind_at LIMIT at_most FOR UPDATE SKIP LOCKED)
        RETURNING id),
    offers AS (
        UPDATE retention_offers SET remind_at = now() + interval '10 minutes'
        WHERE id IN (
            SELECT o.id FROM retention_offers o WHERE o.remind_at <= now()
            ORDER BY o.remind_at LIMIT at_most - (SELECT count(*) FROM changes) FOR UPDATE SKIP LOCKED)
        RETURNING request_id)
    SELECT id FROM changes UNION ALL SELECT request_id FROM offers
$$;

REVOKE ALL ON FUNCTION claim_reason_emails(integer), claim_reminders(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION claim_reason_emails(integer), claim_reminders(integer) TO cancelflow_app;
