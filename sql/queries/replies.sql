-- Customers' replies (sql/migrations/0022_replies.sql).

-- name: store_reply
-- Returns its id; no row if the same email was stored before.
INSERT INTO replies (request_id, user_id, fingerprint, kind, text, categorize_at)
VALUES (%(request_id)s, %(user_id)s, %(fingerprint)s, %(kind)s, %(text)s,
    CASE WHEN %(text)s::text IS NOT NULL THEN now() END)
ON CONFLICT (request_id, fingerprint) DO NOTHING
RETURNING id;

-- name: owner_of_reply
-- After begin_for_request, which makes this one row visible.
SELECT user_id FROM replies WHERE id = %(request_id)s;

-- name: claim_replies
SELECT claim_replies(%(at_most)s);

-- name: reply_to_categorize
-- No row once it has a category, or was deleted.
SELECT p.text, u.name FROM replies p LEFT JOIN users u ON u.id = p.user_id
WHERE p.id = %(reply_id)s AND p.categorize_at IS NOT NULL;

-- name: categorized
-- Once. `certain`: no person has to decide, or one has.
UPDATE replies
SET category = %(category)s, confidence = %(confidence)s, categorized_by = %(model)s, categorize_at = NULL
WHERE id = %(reply_id)s AND categorize_at IS NOT NULL
RETURNING request_id, corrected_category IS NOT NULL OR coalesce(confidence >= %(min_confidence)s, false) AS certain;

-- name: reason_from_reply
-- Make a certain category the reason of the cancellation if that has none, once, as the feedback page does. A person's
-- correction also replaces what the same reply filled in.
WITH reply AS (
    SELECT id, request_id, filled_in, coalesce(corrected_category, category) AS category
    FROM replies
    WHERE id = %(reply_id)s AND (corrected_category IS NOT NULL OR confidence >= %(min_confidence)s)),
filled AS (
    UPDATE cancellation_reasons c
    SET category = reply.category, answered_at = coalesce(c.answered_at, now())
    FROM reply
    WHERE c.request_id = reply.request_id
        AND (c.category = reply.filled_in OR (c.category = 'prefer_not_to_say' AND c.answered_at IS NULL))
    RETURNING reply.id, reply.category)
UPDATE replies p SET filled_in = filled.category FROM filled WHERE p.id = filled.id;

-- name: replies_for_operators
-- Oldest first, without texts. `unsure`: it waits for a person's category.
WITH listed AS (
    SELECT id, request_id, now() - received_at AS age, kind, category, confidence, corrected_category,
        kind = 'reply' AND corrected_category IS NULL
            AND coalesce(confidence < %(min_confidence)s, categorize_at IS NULL OR tries > 5) AS unsure
    FROM replies)
SELECT * FROM listed WHERE unsure OR NOT %(only_unsure)s::boolean ORDER BY age DESC, id LIMIT %(at_most)s;

-- name: reply_for_operators
SELECT id, request_id, user_id, received_at, kind, text, category, confidence, categorized_by, corrected_category,
    corrected_at, corrected_by, filled_in,
    ARRAY(SELECT f.kind || ': ' || f.tag FROM feedback_tags f WHERE f.request_id = p.request_id ORDER BY 1) AS tags
FROM replies p WHERE id = %(reply_id)s;

-- name: correct_reply
-- With its task, which is done.
WITH corrected AS (
    UPDATE replies SET corrected_category = %(category)s, corrected_at = now(), corrected_by = %(by)s
    WHERE id = %(reply_id)s AND kind = 'reply' RETURNING id),
done AS (
    UPDATE tasks t SET done_at = now(), done_by = %(by)s FROM corrected
    WHERE t.kind = 'uncertain_reply' AND t.key = corrected.id::text AND t.done_at IS NULL)
SELECT id FROM corrected;
