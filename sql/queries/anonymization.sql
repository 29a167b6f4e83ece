-- name: count_due_feedback
SELECT count_due_feedback();

-- name: claim_due_feedback
-- Requests, some at a time, each handed to one run.
SELECT request_id, user_id FROM claim_due_feedback(%(at_most)s);

-- name: comments_of_user
-- Subscriptions at which Stripe may still hold what this user wrote, with the request that it came with.
SELECT request_id, subscription_id FROM cancellation_reasons WHERE feedback IS NOT NULL ORDER BY id;

-- name: comment_of_request
-- A later reason at the same subscription has put its own text in Stripe, and will clear that when its time has come.
SELECT subscription_id FROM cancellation_reasons reason
WHERE request_id = %(request_id)s AND feedback IS NOT NULL AND NOT EXISTS (
    SELECT FROM cancellation_reasons later
    WHERE later.subscription_id = reason.subscription_id AND later.id > reason.id AND later.feedback IS NOT NULL);

-- name: anonymize_feedback
SELECT anonymize_feedback(%(request_id)s);
