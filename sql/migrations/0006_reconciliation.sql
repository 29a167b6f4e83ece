-- depends: 0005_leases
-- For `reconcile`, which walks all subscriptions: ids and states across users, and nothing else of theirs.

CREATE FUNCTION subscription_states(ids text[])
    RETURNS TABLE (id text, user_id uuid, status text, cancel_at timestamptz, under_way boolean)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT s.id, s.user_id, s.status, s.cancel_at,
        EXISTS (SELECT FROM cancellation_requests r WHERE r.subscription_id = s.id AND r.finished_at IS NULL)
    FROM subscriptions s WHERE s.id = ANY(ids)
$$;

-- A page of those that had not ended when last heard of, in the order of their ids.
CREATE FUNCTION live_subscriptions_after(after text, at_most integer)
    RETURNS SETOF text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT s.id FROM subscriptions s
    WHERE s.id > after AND s.status NOT IN ('canceled', 'incomplete_expired')
    ORDER BY s.id LIMIT at_most
$$;

REVOKE ALL ON FUNCTION subscription_states(text[]), live_subscriptions_after(text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION subscription_states(text[]), live_subscriptions_after(text, integer) TO cancelflow_app;
CREATE INDEX subscriptions_live ON subscriptions (id) WHERE status NOT IN ('canceled', 'incomplete_expired');
