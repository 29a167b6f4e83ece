-- depends: 0012_current_discounts
-- What serves for a while only goes by itself, so that neither disk nor latency grows with history.

CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
CREATE INDEX stripe_events_by_age ON stripe_events (handled_at) WHERE handled_at IS NOT NULL;

-- A key holds for 24 hours, and is free again after them, whether its row is here or not.
CREATE FUNCTION prune_idempotency_keys(at_most integer) RETURNS integer
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    WITH over AS (
        SELECT user_id, key FROM idempotency_keys WHERE created_at < now() - interval '24 hours'
        LIMIT at_most FOR UPDATE SKIP LOCKED),
    gone AS (DELETE FROM idempotency_keys k USING over WHERE (k.user_id, k.key) = (over.user_id, over.key) RETURNING 1)
    SELECT count(*)::integer FROM gone
$$;

-- Stripe sends an event again for three days, and a person may have one sent again for 30
-- (https://docs.stripe.com/webhooks#automatic-retries): until then its row tells that it was handled.
CREATE FUNCTION prune_stripe_events(at_most integer) RETURNS integer
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    WITH over AS (
        SELECT id FROM stripe_events WHERE handled_at < now() - interval '31 days' AND resume_at IS NULL
        LIMIT at_most FOR UPDATE SKIP LOCKED),
    gone AS (DELETE FROM stripe_events e USING over WHERE e.id = over.id RETURNING 1)
    SELECT count(*)::integer FROM gone
$$;
REVOKE ALL ON FUNCTION prune_idempotency_keys(integer), prune_stripe_events(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION prune_idempotency_keys(integer), prune_stripe_events(integer) TO cancelflow_app;
