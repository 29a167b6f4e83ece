-- name: feedback_question
SELECT category, coalesce(length(feedback), 0) AS written, answered_at IS NOT NULL AS answered
FROM cancellation_reasons WHERE request_id = %(request_id)s;

-- name: save_feedback
-- Once. A reason given when cancelling is kept; the text is appended to the earlier text.
UPDATE cancellation_reasons
SET category = CASE WHEN category = 'prefer_not_to_say' THEN coalesce(%(category)s, category) ELSE category END,
    feedback = nullif(concat_ws(E'\n\n', feedback, %(feedback)s::text), ''),
    answered_at = now()
WHERE request_id = %(request_id)s AND answered_at IS NULL;
