-- name: requests_without_end
-- For an operator, as the owner: work that is under way, waiting to be claimed, failed or needing attention.
SELECT kind AS work, id::text, coalesce(subscription_id, asked_subscription) AS subscription_id,
    recovery_point AS point, outcome, runs, problem, received_at, resume_at, parked_at,
    EXISTS (SELECT FROM cancellation_requests c WHERE c.id = requests.id AND is_urgent(c))
    OR EXISTS (SELECT FROM reactivation_requests r WHERE r.id = requests.id AND is_urgent(r)) AS urgent,
    false AS undeliverable, by_hand,
    by_hand AND EXISTS (
        SELECT FROM cancellation_requests c JOIN subscriptions s ON s.id = c.subscription_id
        WHERE c.id = requests.id AND s.current_period_start >= c.paid_until) AS renewed
FROM requests
WHERE resume_at IS NOT NULL OR parked_at IS NOT NULL OR outcome = 'failed'
UNION ALL
SELECT 'Stripe event', id, subscription_id, change, outcome, tries, problem, received_at, resume_at, parked_at, false,
    false, false, false
FROM stripe_events
WHERE resume_at IS NOT NULL OR parked_at IS NOT NULL
UNION ALL
SELECT 'call', c.id::text, r.subscription_id, c.state, NULL, c.attempts, c.problem, c.created_at, NULL, c.tried_at, false,
    false, false, false
FROM calls c JOIN cancellation_requests r ON r.id = c.request_id
WHERE c.state = 'failed'
UNION ALL
SELECT coalesce(r.kind, 'end'), o.request_id::text,
    coalesce(r.subscription_id, r.asked_subscription, e.subscription_id), o.kinds, NULL, o.attempts,
    o.problem, o.created_at, NULL, NULL, false, true, false, false
FROM (
    SELECT request_id, string_agg(kind, ', ' ORDER BY kind) AS kinds, max(attempts) AS attempts,
        max(problem) AS problem, min(created_at) AS created_at
    FROM outbox
    -- An email about a delayed request is left out, as that request is listed itself.
    WHERE problem IS NOT NULL AND kind NOT IN ('cancellation_delayed', 'request_received')
    GROUP BY request_id) o
    LEFT JOIN requests r ON r.id = o.request_id
    LEFT JOIN subscription_ends e ON e.id = o.request_id
ORDER BY received_at;

-- name: send_undeliverable_again
-- By an operator, after correcting the address. The request's flow sends whatever is not marked as refused; the flow of
-- an end is started by a Stripe event; the flows of reason emails and deletion notices determine themselves whether
-- they are still due.
WITH again AS (
    UPDATE outbox SET refused = kind IN ('cancellation_delayed', 'reason_email', 'deletion_notice'), problem = NULL
    WHERE request_id::text = %(id)s AND problem IS NOT NULL
    RETURNING request_id, kind),
asked AS (
    UPDATE cancellation_requests r SET ask_why_at = now() FROM again a
    WHERE r.id = a.request_id AND a.kind = 'reason_email'),
noticed AS (
    UPDATE data_retention_jobs j SET noticed_at = NULL FROM again a
    WHERE j.request_id = a.request_id AND a.kind = 'deletion_notice'),
looked_at AS (
    INSERT INTO stripe_events (id, type, change, created_at, livemode, subscription_id)
    SELECT 'resumed ' || e.id, 'resume', 'end', now(),
        coalesce((SELECT bool_or(livemode) FROM stripe_events s WHERE s.subscription_id = e.subscription_id), false),
        e.subscription_id
    FROM subscription_ends e WHERE e.id IN (SELECT request_id FROM again)
    ON CONFLICT (id) DO UPDATE SET resume_at = now(), tries = 0, trying_since = now(), handled_at = NULL, outcome = NULL)
SELECT request_id FROM again LIMIT 1;

-- name: dismiss_undeliverable
-- By an operator, for emails that can't be delivered.
UPDATE outbox SET problem = NULL WHERE request_id::text = %(id)s AND problem IS NOT NULL RETURNING request_id;

-- name: approve_cancellation
-- By an operator, who resumes a request of a plan that is `manual_only`.
UPDATE cancellation_requests SET approved_at = coalesce(approved_at, now()) WHERE id::text = %(id)s;

-- name: request_by_hand
-- For `cancelflow finish`: an unfinished request that was left to a person.
SELECT kind, id, subscription_id FROM requests WHERE id::text = %(id)s AND by_hand AND finished_at IS NULL;

-- name: finish_cancellation_by_hand
-- The person ended the subscription in Stripe, which shows `cancel_at`: the request goes on at the step after that.
UPDATE cancellation_requests
SET recovery_point = 'cancellation_scheduled', cancel_at = %(cancel_at)s, resume_at = now(), parked_at = NULL, tries = 0,
    trying_since = now(), problem = NULL
WHERE id = %(id)s;

-- name: finish_reactivation_by_hand
-- The person cleared the end in Stripe: the request goes on, and finds nothing to write.
UPDATE reactivation_requests
SET resume_at = now(), parked_at = NULL, tries = 0, trying_since = now(), problem = NULL
WHERE id = %(id)s;

-- name: withdraw_messages_by_hand
-- What the customer and the team were not told yet is out of date.
UPDATE outbox SET refused = true, problem = NULL
WHERE request_id = %(id)s AND kind IN ('request_received', 'manual_request', 'cancellation_delayed')
    AND delivered_at IS NULL;

-- name: resume_stripe_event
UPDATE stripe_events SET resume_at = now(), parked_at = NULL, tries = 0, trying_since = now()
WHERE id = %(id)s AND handled_at IS NULL
RETURNING id;
