-- depends: 0013_pruning
-- The end, by Stripe's clock, of the period that was running when the customer asked, as the first look at Stripe found
-- it. period_end is what our row said before that, and serves to tell urgent requests only.
ALTER TABLE cancellation_requests ADD COLUMN paid_until timestamptz;
GRANT UPDATE (paid_until) ON cancellation_requests TO cancelflow_app;

CREATE OR REPLACE FUNCTION is_urgent(request cancellation_requests) RETURNS boolean
    LANGUAGE sql STABLE
    RETURN request.finished_at IS NULL AND NOT request.accept_offer
        AND request.recovery_point IN ('received', 'reason_captured')
        AND coalesce(coalesce(request.paid_until, request.period_end) < now() + interval '1 day', false);
