-- name: receive_stripe_event
SELECT receive_stripe_event(%(id)s, %(type)s, %(change)s, %(created_at)s, %(livemode)s, %(subscription_id)s,
    %(customer_id)s, %(caused_by)s, %(patience)s);

-- name: claim_stripe_events
-- Events whose subscription no request is being processed for.
SELECT id, NULL::text AS user_id, needs_attention, false AS urgent, tries, died_in
FROM claim_stripe_events(%(at_most)s, %(only_new)s);

-- name: claim_stripe_event
SELECT id, type, change, tries, caused_by, subscription_id, customer_id, now() AS claimed_at, handled
FROM claim_stripe_event(%(id)s, %(flow_run_id)s::uuid);

-- name: subscriptions_of_stripe_event
SELECT id, user_id FROM subscriptions_of_stripe_event(%(id)s);

-- name: stripe_event_handled
SELECT stripe_event_handled(%(id)s, %(outcome)s);

-- name: put_off_stripe_event
SELECT put_off_stripe_event(%(id)s, %(seconds)s);

-- name: stripe_event_failed
SELECT stripe_event_failed(%(id)s, %(problem)s);

-- name: renew_stripe_event
SELECT renew_stripe_event(%(id)s);

-- name: park_stripe_event
SELECT park_stripe_event(%(id)s);

-- name: stripe_event_is_handled
SELECT stripe_event_is_handled(%(id)s);

-- name: announced_of_subscription
-- The announced end date, and whether everything about an actual end has been sent.
SELECT (SELECT cancel_at FROM data_retention_jobs
        WHERE subscription_id = %(subscription_id)s AND status = 'scheduled') AS announced_until,
    EXISTS (SELECT FROM subscription_ends e WHERE e.subscription_id = %(subscription_id)s AND NOT EXISTS (
        SELECT FROM outbox o WHERE o.request_id = e.id AND o.delivered_at IS NULL AND NOT o.refused)) AS end_is_announced;

-- name: recheck_failed
-- Recheck a request reported as failed whose write took effect in Stripe. Returns whether there is one, of any kind.
WITH cancellation AS (
    UPDATE cancellation_requests SET resume_at = now() WHERE id = %(request_id)s AND outcome = 'failed' RETURNING 1),
reactivation AS (
    UPDATE reactivation_requests SET resume_at = now() WHERE id = %(request_id)s AND outcome = 'failed' RETURNING 1),
change AS (
    UPDATE change_requests SET resume_at = now() WHERE id = %(request_id)s AND outcome = 'failed' RETURNING 1)
SELECT EXISTS (TABLE cancellation) OR EXISTS (TABLE reactivation) OR EXISTS (TABLE change);

-- name: receive_from_stripe
-- Create a request for a cancellation made in Stripe, at the step after Stripe's change, unless there is one already.
INSERT INTO cancellation_requests (user_id, asked_user_id, asked_subscription, subscription_id, accept_offer, reason,
    origin, recovery_point, cancel_at, period_end, resume_at, ask_why_at)
SELECT %(user_id)s, %(user_id)s, %(subscription_id)s, %(subscription_id)s, false, %(reason)s,
    'stripe', 'cancellation_scheduled', %(cancel_at)s, %(period_end)s, now(),
    now() + make_interval(secs => %(ask_why_after)s::double precision)
WHERE NOT EXISTS (
        SELECT FROM data_retention_jobs WHERE subscription_id = %(subscription_id)s AND status = 'scheduled')
    AND NOT EXISTS (
        SELECT FROM cancellation_requests WHERE subscription_id = %(subscription_id)s AND finished_at IS NULL)
RETURNING id;

-- name: take_over_parked
-- The cancellation that waits for an operator before its first write, for one that was made in Stripe meanwhile: it goes
-- on at the step after Stripe's change, with the reason that the customer gave.
WITH waiting AS (
    SELECT id, user_id, subscription_id, reason, feedback FROM cancellation_requests
    WHERE subscription_id = %(subscription_id)s AND finished_at IS NULL AND parked_at IS NOT NULL AND NOT by_hand
        AND NOT accept_offer AND recovery_point = 'received' FOR UPDATE),
captured AS (
    INSERT INTO cancellation_reasons (request_id, user_id, subscription_id, plan, category, feedback)
    SELECT id, user_id, subscription_id, %(plan)s, coalesce(reason, 'prefer_not_to_say'), feedback FROM waiting)
UPDATE cancellation_requests r
SET recovery_point = 'cancellation_scheduled', cancel_at = %(cancel_at)s, feedback = NULL, approved_at = now(),
    parked_at = NULL, resume_at = now()
FROM waiting w WHERE r.id = w.id
RETURNING r.id;

-- name: said_before
-- Whether an earlier cancellation has this reason and text; the feedback page may have appended to the text.
SELECT EXISTS (
    SELECT FROM cancellation_reasons
    WHERE subscription_id = %(subscription_id)s AND category = coalesce(%(category)s, 'prefer_not_to_say')
        AND starts_with(coalesce(feedback, ''), coalesce(%(feedback)s::text, '')));

-- name: capture_reason_from_stripe
INSERT INTO cancellation_reasons (request_id, user_id, subscription_id, plan, category, feedback)
VALUES (%(request_id)s, %(user_id)s, %(subscription_id)s, %(plan)s, %(category)s, %(feedback)s);

-- name: fill_in_reason
-- For the current cancellation, if it came from Stripe and has no reason yet.
UPDATE cancellation_reasons c
SET category = coalesce(%(category)s, c.category), feedback = %(feedback)s
FROM cancellation_requests r, data_retention_jobs j
WHERE j.subscription_id = %(subscription_id)s AND j.status = 'scheduled' AND r.id = j.request_id
    AND r.origin = 'stripe' AND c.request_id = r.id
    AND c.category = 'prefer_not_to_say' AND c.feedback IS NULL AND c.answered_at IS NULL;

-- name: set_retention_clock
UPDATE data_retention_jobs SET cancel_at = %(cancel_at)s, run_at = %(run_at)s
WHERE subscription_id = %(subscription_id)s AND status = 'scheduled';

-- name: receive_reactivation_from_stripe
INSERT INTO reactivation_requests (user_id, asked_user_id, asked_subscription, subscription_id, origin, resume_at)
SELECT %(user_id)s, %(user_id)s, %(subscription_id)s, %(subscription_id)s, 'stripe', now()
WHERE EXISTS (
        SELECT FROM data_retention_jobs WHERE subscription_id = %(subscription_id)s AND status = 'scheduled')
    AND NOT EXISTS (
        SELECT FROM reactivation_requests WHERE subscription_id = %(subscription_id)s AND finished_at IS NULL)
RETURNING id;

-- name: record_end
-- Returns no row if the end was recorded before.
INSERT INTO subscription_ends (user_id, subscription_id, kind, stripe_reason, ended_at)
VALUES (%(user_id)s, %(subscription_id)s, %(kind)s, %(stripe_reason)s, %(ended_at)s)
ON CONFLICT (subscription_id) DO NOTHING
RETURNING id;

-- name: end_of_subscription
SELECT id FROM subscription_ends WHERE subscription_id = %(subscription_id)s;

-- name: record_portal_offer
-- With a finished request, since every offer belongs to one.
WITH accepted AS (
    INSERT INTO cancellation_requests (user_id, asked_user_id, asked_subscription, subscription_id, accept_offer, origin,
        recovery_point, outcome, http_status, response, finished_at, resume_at)
    SELECT %(user_id)s, %(user_id)s, %(subscription_id)s, %(subscription_id)s, true, 'stripe', 'finished', 'retained',
        200, %(response)s, now(), NULL
    WHERE NOT EXISTS (SELECT FROM retention_offers WHERE stripe_discount_id = %(stripe_discount_id)s)
    RETURNING id)
INSERT INTO retention_offers (request_id, user_id, subscription_id, plan, percent_off, months, coupon_id,
    cooldown_months, state, stripe_discount_id, remind_at)
SELECT id, %(user_id)s, %(subscription_id)s, %(plan)s, %(percent_off)s, %(months)s, %(coupon_id)s,
    %(cooldown_months)s, 'applied',
    %(stripe_discount_id)s, %(remind_at)s
FROM accepted
RETURNING request_id;
