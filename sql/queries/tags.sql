-- Tags of feedback (sql/migrations/0022_replies.sql). For operators, as the owner.

-- name: tag_feedback
-- Of a cancellation request, or of the one that a reply is about; the first to say it stays. No row if neither is known.
WITH about AS (
    SELECT id, user_id FROM cancellation_requests
    WHERE id = coalesce((SELECT request_id FROM replies WHERE id = %(about)s), %(about)s)),
tagged AS (
    INSERT INTO feedback_tags (request_id, user_id, tag, tagged_by)
    SELECT id, user_id, %(tag)s, %(by)s FROM about
    ON CONFLICT DO NOTHING)
SELECT id FROM about;

-- name: untag_feedback
DELETE FROM feedback_tags
WHERE request_id = coalesce((SELECT request_id FROM replies WHERE id = %(about)s), %(about)s) AND tag = %(tag)s
RETURNING request_id;

-- name: tags_for_operators
-- The most frequent first.
SELECT kind, tag, count(DISTINCT user_id) AS customers
FROM feedback_tags GROUP BY kind, tag ORDER BY customers DESC, tag;
