-- name: claim_reason_emails
-- Claim a batch of requests.
SELECT claim_reason_emails(%(at_most)s);

-- name: open_question
-- A cancellation still in effect, confirmed to the customer, without a reason or a reply so far.
SELECT r.id AS request_id, r.user_id, r.subscription_id, c.plan, j.run_at AS data_kept_until
FROM cancellation_requests r
    JOIN cancellation_reasons c ON c.request_id = r.id
    JOIN data_retention_jobs j ON j.request_id = r.id AND j.status = 'scheduled'
    JOIN outbox told ON told.request_id = r.id AND told.kind = 'cancellation_confirmation'
WHERE r.id = %(request_id)s AND r.ask_why_at IS NOT NULL AND told.delivered_at IS NOT NULL
    AND c.category = 'prefer_not_to_say' AND c.feedback IS NULL AND c.answered_at IS NULL
    AND NOT EXISTS (SELECT FROM replies p WHERE p.request_id = r.id AND p.kind IN ('reply', 'stop'))
    AND NOT EXISTS (
        SELECT FROM reactivation_requests WHERE subscription_id = r.subscription_id AND finished_at IS NULL);

-- name: asked_why
-- The email was sent, or is not to be sent.
UPDATE cancellation_requests SET ask_why_at = NULL WHERE id = %(request_id)s;
