-- name: count_due_feedback
SELECT count_due_feedback();

-- name: claim_due_feedback
-- Claim a batch of requests.
SELECT request_id, user_id FROM claim_due_feedback(%(at_most)s);

-- name: comments_of_user
-- The subscriptions for which Stripe may still have this user's comment, with their requests. What a person did by hand
-- in Stripe has no comment of ours there.
SELECT request_id, subscription_id FROM cancellation_reasons reason
WHERE feedback IS NOT NULL AND NOT EXISTS (
    SELECT FROM cancellation_requests r WHERE r.id = reason.request_id AND r.by_hand)
ORDER BY id;

-- name: comment_of_request
-- Also if a later cancellation has replaced the comment: not every text is sent to Stripe, so Stripe may still have this
-- one. Of the later one, only Stripe's copy is cleared early; its row keeps the text.
SELECT subscription_id FROM cancellation_reasons reason
WHERE request_id = %(request_id)s AND feedback IS NOT NULL AND NOT EXISTS (
    SELECT FROM cancellation_requests r WHERE r.id = reason.request_id AND r.by_hand);

-- name: anonymize_feedback
SELECT anonymize_feedback(%(request_id)s);
