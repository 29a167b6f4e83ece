-- name: requests_without_end
-- For an operator, as the owner: what is under way or waits its turn, what was given up, and what needs a person.
SELECT 'cancellation' AS work, id::text, subscription_id, recovery_point AS point, outcome, runs, problem, received_at,
    resume_at, parked_at, is_urgent(cancellation_requests) AS urgent
FROM cancellation_requests
WHERE resume_at IS NOT NULL OR parked_at IS NOT NULL OR outcome = 'failed'
UNION ALL
SELECT 'reactivation', id::text, coalesce(subscription_id, asked_subscription), recovery_point, outcome, runs, problem,
    received_at, resume_at, parked_at, is_urgent(reactivation_requests)
FROM reactivation_requests
WHERE resume_at IS NOT NULL OR parked_at IS NOT NULL OR outcome = 'failed'
UNION ALL
SELECT 'Stripe event', id, subscription_id, moment, outcome, tries, problem, received_at, resume_at, parked_at, false
FROM stripe_events
WHERE resume_at IS NOT NULL OR parked_at IS NOT NULL
ORDER BY received_at;

-- name: resume_request
-- By hand: the next look takes it up, a failed one too, which is reopened. A refused one stays refused.
UPDATE cancellation_requests
SET resume_at = now(), parked_at = NULL, tries = 0, trying_since = now(), approved_at = coalesce(approved_at, now()),
    told_failed = false,  -- asked for again
    outcome = CASE WHEN outcome = 'failed' THEN NULL ELSE outcome END,
    http_status = CASE WHEN outcome = 'failed' THEN NULL ELSE http_status END,
    answer = CASE WHEN outcome = 'failed' THEN NULL ELSE answer END,
    finished_at = CASE WHEN outcome = 'failed' THEN NULL ELSE finished_at END
WHERE id::text = %(id)s AND outcome IS DISTINCT FROM 'refused'
RETURNING id;

-- name: resume_reactivation
-- The same.
UPDATE reactivation_requests
SET resume_at = now(), parked_at = NULL, tries = 0, trying_since = now(), told_failed = false,
    outcome = CASE WHEN outcome = 'failed' THEN NULL ELSE outcome END,
    http_status = CASE WHEN outcome = 'failed' THEN NULL ELSE http_status END,
    answer = CASE WHEN outcome = 'failed' THEN NULL ELSE answer END,
    finished_at = CASE WHEN outcome = 'failed' THEN NULL ELSE finished_at END
WHERE id::text = %(id)s AND outcome IS DISTINCT FROM 'refused'
RETURNING id;

-- name: resume_stripe_event
UPDATE stripe_events SET resume_at = now(), parked_at = NULL, tries = 0, trying_since = now()
WHERE id = %(id)s AND handled_at IS NULL
RETURNING id;
