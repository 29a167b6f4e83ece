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
-- No row if a later reason has overwritten the comment in Stripe: that one clears it when it is due.
SELECT subscription_id FROM cancellation_reasons reason
WHERE request_id = %(request_id)s AND feedback IS NOT NULL AND NOT EXISTS (
    SELECT FROM cancellation_requests r WHERE r.id = reason.request_id AND r.by_hand)
  AND NOT EXISTS (
    SELECT FROM cancellation_reasons later
    WHERE later.subscription_id = reason.subscription_id AND later.id > reason.id AND later.feedback IS NOT NULL);

-- name: anonymize_feedback
SELECT anonymize_feedback(%(request_id)s);
