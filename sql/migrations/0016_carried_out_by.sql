-- depends: 0015_cancel_sessions
-- Who makes a request's change in Stripe: cancelflow, a hook of the company's, or a page of the company's, which made it
-- before the request (FEATURES C15 to C17). Decided on receipt, so that every run does the same.

ALTER TABLE cancellation_requests
    ADD COLUMN carried_out_by text NOT NULL DEFAULT 'cancelflow' CHECK (carried_out_by IN ('cancelflow', 'hook', 'page')),
    ADD COLUMN message text CHECK (length(message) <= 500);  -- of the hook or the page, for the customer
GRANT UPDATE (carried_out_by, message) ON cancellation_requests TO cancelflow_app;

ALTER TABLE change_requests
    ADD COLUMN carried_out_by text NOT NULL DEFAULT 'cancelflow' CHECK (carried_out_by IN ('cancelflow', 'hook', 'page')),
    ADD COLUMN message text CHECK (length(message) <= 500);
GRANT UPDATE (carried_out_by, message) ON change_requests TO cancelflow_app;

ALTER TABLE audit_log ADD COLUMN carried_out_by text;  -- null for an attempt that nothing was to be done for

-- Leave a request that was just received to its carrier, in the transaction that receives it. One that was received
-- before stays with its own.
CREATE FUNCTION left_to_carrier(asked reception, is_change boolean, carrier text, said text) RETURNS void
    LANGUAGE plpgsql
AS $$
BEGIN
    IF carrier = 'cancelflow' OR asked.wait IS NOT NULL OR asked.outcome IS NOT NULL THEN
        RETURN;
    END IF;
    IF is_change THEN
        UPDATE change_requests SET carried_out_by = carrier, message = said WHERE id = asked.id AND runs = 0;
    ELSE
        UPDATE cancellation_requests SET carried_out_by = carrier, message = said WHERE id = asked.id AND runs = 0;
    END IF;
END
$$;
