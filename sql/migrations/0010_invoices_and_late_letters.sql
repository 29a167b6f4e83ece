-- depends: 0009_report_views
-- What was owed when a customer left, and letters that follow later.

ALTER TABLE cancellation_requests
    ADD COLUMN invoices_voided boolean NOT NULL DEFAULT false;  -- open ones, on which nothing was paid: the letter says so
GRANT UPDATE (invoices_voided) ON cancellation_requests TO cancelflow_app;

-- The one question why, to who cancelled elsewhere and gave no reason: when it is due, and then when to try again. Null
-- where it is not to be asked, or was.
ALTER TABLE cancellation_requests ADD COLUMN ask_why_at timestamptz;
GRANT UPDATE (ask_why_at) ON cancellation_requests TO cancelflow_app;
CREATE INDEX cancellation_requests_to_ask_why ON cancellation_requests (ask_why_at) WHERE ask_why_at IS NOT NULL;

DO $$
DECLARE
    so_far text := (SELECT pg_get_expr(conbin, conrelid) FROM pg_constraint WHERE conname = 'outbox_kind_check');
BEGIN
    ALTER TABLE outbox DROP CONSTRAINT outbox_kind_check;
    EXECUTE format('ALTER TABLE outbox ADD CONSTRAINT outbox_kind_check CHECK (%s OR kind = ANY (%L::text[]))', so_far,
        ARRAY['reason_letter', 'discount_confirmation']);
END
$$;

-- Requests of any user whose question is due, ids alone, each handed to one process; one that a dead process had, and one
-- whose letter was not taken, is handed out again after ten minutes. Never before the confirmation has left.
CREATE FUNCTION claim_reason_letters(at_most integer) RETURNS SETOF uuid
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
REVOKE ALL ON FUNCTION claim_reason_letters(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION claim_reason_letters(integer) TO cancelflow_app;
