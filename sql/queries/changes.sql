-- name: receive_change
-- A single statement, outside a transaction; see sql/migrations/0011_intake.sql.
SELECT * FROM receive_change(request => %(request_id)s, caller => %(user_id)s, action => %(action)s,
    change_kind => %(kind)s, offer => %(offer_id)s, asked_subscription => %(asked_subscription)s,
    choice => %(choice)s, origin => %(origin)s, own_key => %(key)s, body => %(fingerprint)s, at_most => %(at_most)s,
    refusals => %(refusals)s);

-- name: claim_change
UPDATE change_requests
SET runs = runs + 1, tries = tries + 1, resume_at = greatest(resume_at, now() + lease()),
    flow_run_id = CASE WHEN finished_at IS NULL OR outcome = 'failed' THEN %(flow_run_id)s ELSE flow_run_id END
WHERE id = %(request_id)s
RETURNING id, user_id, asked_subscription, origin, kind, offer_id, choice, agreed, subscription_id, recovery_point,
    received_at, outcome, response, billing_try, stripe_request_id, reported_failed;

-- name: kind_of_change
SELECT kind FROM change_requests WHERE id = %(request_id)s;

-- name: choose_subscription_to_change
UPDATE change_requests SET subscription_id = %(subscription_id)s, plan = %(plan)s WHERE id = %(request_id)s;

-- name: change_agreed
-- Before the first write: what is to be done, and what it costs.
UPDATE change_requests SET recovery_point = 'agreed', agreed = %(agreed)s WHERE id = %(request_id)s;

-- name: change_applied
-- After reading the result back from Stripe.
UPDATE change_requests
SET recovery_point = 'applied', stripe_request_id = coalesce(%(stripe_request_id)s, stripe_request_id)
WHERE id = %(request_id)s;

-- name: remind_of_change
UPDATE change_requests SET remind_at = %(remind_at)s WHERE id = %(request_id)s;

-- name: changes_of_subscription
-- The latest change of each kind that took effect, for eligibility: when, by the clock of the subscription.
SELECT DISTINCT ON (kind) kind, (agreed->>'at')::timestamptz AS at, (agreed->>'resumes_at')::timestamptz AS resumes_at
FROM change_requests
WHERE user_id = %(user_id)s AND subscription_id = %(subscription_id)s AND outcome = 'changed'
    AND id IS DISTINCT FROM %(request_id)s
ORDER BY kind, finished_at DESC;

-- name: trial_was_extended
-- Once per customer, whichever subscription it was.
SELECT EXISTS (
    SELECT FROM change_requests
    WHERE user_id = %(user_id)s AND kind = 'trial_extension' AND outcome = 'changed'
        AND id IS DISTINCT FROM %(request_id)s);

-- name: change_asked
-- For emails outside the steps: the request, its time and its response.
SELECT received_at, response, EXISTS (
    SELECT FROM outbox WHERE request_id = %(request_id)s AND kind = 'offer_refused' AND delivered_at IS NULL
        AND NOT refused) AS refusal_to_send
FROM change_requests WHERE id = %(request_id)s;
