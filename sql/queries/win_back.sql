-- Fixes, and the email to customers who left without them (sql/migrations/0023_win_back.sql).

-- name: ship_fix
-- For operators, as the owner.
INSERT INTO fixes (tag, notes) VALUES (%(tag)s, %(notes)s) ON CONFLICT (tag) DO NOTHING;

-- name: shipped_fix
SELECT notes::jsonb, shipped_at FROM fixes WHERE tag = %(tag)s;

-- name: add_customers_of_fix
INSERT INTO win_backs (tag, user_id, request_id)
SELECT %(tag)s, user_id, request_id FROM customers_tagged(%(tag)s)
ON CONFLICT (tag, user_id) DO NOTHING;

-- name: is_anybody_tagged
-- Whether any customer has the tag, or had it when it was shipped.
SELECT EXISTS (SELECT FROM customers_tagged(%(tag)s)) OR EXISTS (SELECT FROM win_backs WHERE tag = %(tag)s);

-- name: fixes_for_operators
-- The newest first; a fix without any outcome has one line of its own, and customers who wait have another.
SELECT f.tag, f.shipped_at, o.outcome, coalesce(o.customers, 0)::bigint AS customers,
    coalesce(o.came_back, 0)::bigint AS came_back, coalesce(o.judged, 0)::bigint AS judged,
    (SELECT count(*) FROM win_backs w WHERE w.tag = f.tag AND w.outcome IS NULL) AS waiting
FROM fixes f LEFT JOIN (
    SELECT tag, outcome, sum(customers) AS customers, sum(came_back) AS came_back, sum(judged) AS judged
    FROM fix_outcomes GROUP BY tag, outcome) AS o ON o.tag = f.tag
ORDER BY f.shipped_at DESC, f.tag, o.outcome = 'written' DESC NULLS LAST, o.customers DESC, o.outcome;

-- name: count_win_backs
SELECT count(*) FROM win_backs_waiting(%(tag)s, %(dry_run)s);

-- name: win_backs_after
-- A page, by id.
SELECT id, tag, user_id, request_id FROM win_backs_waiting(%(tag)s, %(dry_run)s)
WHERE id > coalesce(%(after)s, '00000000-0000-0000-0000-000000000000'::uuid) ORDER BY id LIMIT %(at_most)s;

-- name: departure
-- Whether the customer left with this tag, and can be reached.
SELECT r.anonymized_at IS NULL AND EXISTS (
        SELECT FROM feedback_tags t WHERE t.request_id = r.id AND t.kind = 'missing' AND t.tag = %(tag)s) AS tagged,
    coalesce(r.outcome IN ('pending_cancellation', 'canceled'), false) AND NOT EXISTS (
        SELECT FROM subscription_ends e WHERE e.subscription_id = r.subscription_id AND e.kind <> 'voluntary') AS has_left,
    EXISTS (
        SELECT FROM subscriptions s WHERE s.user_id = r.user_id
            AND s.status NOT IN ('pending_cancellation', 'canceled', 'incomplete', 'incomplete_expired'))
        OR EXISTS (
            SELECT FROM reactivation_requests b WHERE b.user_id = r.user_id AND b.finished_at IS NULL) AS came_back,
    u.email IS NOT NULL AS has_address,
    EXISTS (SELECT FROM replies p WHERE p.user_id = r.user_id AND p.kind = 'bounce') AS bounced
FROM cancellation_requests r LEFT JOIN users u ON u.id = r.user_id
WHERE r.id = %(request_id)s;

-- name: stripe_customers_of_user
SELECT stripe_customer_id FROM subscriptions
UNION
SELECT stripe_customer_id FROM users WHERE stripe_customer_id IS NOT NULL;

-- name: claim_win_back
-- No row: another run has claimed or decided it, or the customer's data was deleted. Longer than sending may take.
UPDATE win_backs SET claimed_until = now() + interval '1 minute'
WHERE id = %(id)s AND outcome IS NULL AND coalesce(claimed_until <= now(), true)
RETURNING id;

-- name: release_win_back
UPDATE win_backs SET claimed_until = NULL WHERE id = %(id)s AND outcome IS NULL;

-- name: decide_win_back
UPDATE win_backs SET outcome = %(outcome)s, decided_at = now() WHERE id = %(id)s AND outcome IS NULL;

-- name: win_back_recipient
-- What the email needs. `reactivate_until`: while the subscription hasn't ended.
SELECT u.email, u.name, u.locale, u.time_zone, f.notes, s.id AS subscription_id, s.plan,
    CASE WHEN s.status = 'pending_cancellation' AND s.cancel_at > now() THEN s.cancel_at END AS reactivate_until
FROM cancellation_requests r JOIN users u ON u.id = r.user_id JOIN subscriptions s ON s.id = r.subscription_id, fixes f
WHERE r.id = %(request_id)s AND f.tag = %(tag)s;

-- name: prune_win_backs
SELECT prune_win_backs(%(at_most)s);
