-- name: capture_reason
-- Step 5B, first part: copy the free text from the request.
INSERT INTO cancellation_reasons (request_id, user_id, subscription_id, plan, category, feedback)
SELECT id, %(user_id)s, %(subscription_id)s, %(plan)s, %(category)s, feedback
FROM cancellation_requests WHERE id = %(request_id)s
ON CONFLICT (request_id) DO NOTHING;

-- name: reason_captured
-- Step 5B, second part: clear the text in the request, so that it is stored in one place. A request anonymised before
-- it was resumed has to be anonymised again.
UPDATE cancellation_requests SET feedback = NULL, recovery_point = 'reason_captured', anonymized_at = NULL WHERE id = %(request_id)s;

-- name: fill_in_missing_reason
-- Once, for a cancellation without a reason: the component sends it afterwards, or the customer says it in a call.
UPDATE cancellation_reasons
SET category = coalesce(%(category)s, category), feedback = %(feedback)s
WHERE request_id = %(request_id)s AND category = 'prefer_not_to_say' AND feedback IS NULL AND answered_at IS NULL;

-- name: reason_was_captured
SELECT EXISTS (SELECT FROM cancellation_reasons WHERE request_id = %(request_id)s);

-- name: reason_of_request
-- For step 6B, which sends it to Stripe.
SELECT c.category, c.feedback, r.feedback_option
FROM cancellation_reasons c JOIN cancellation_requests r ON r.id = c.request_id
WHERE c.request_id = %(request_id)s;

-- name: offer_within_its_cooldown
-- The rule of the constraint one_retention_offer_in_its_cooldown, checked before reserving.
SELECT EXISTS (
    SELECT FROM retention_offers
    WHERE user_id = %(user_id)s AND state <> 'withdrawn' AND request_id IS DISTINCT FROM %(request_id)s
        AND cooldown(accepted_at, cooldown_months) @> (now() AT TIME ZONE 'UTC')
) AS used;

-- name: reserve_offer
-- Step 5A, before Stripe is called. A resumed request reserves again, if the cool-down still permits it.
INSERT INTO retention_offers (request_id, user_id, subscription_id, plan, percent_off, months, coupon_id,
    entitlements, cooldown_months, current_discount)
VALUES (%(request_id)s, %(user_id)s, %(subscription_id)s, %(plan)s, %(percent_off)s, %(months)s, %(coupon_id)s,
    %(entitlements)s, %(cooldown_months)s, %(current_discount)s)
ON CONFLICT (request_id) DO UPDATE SET state = 'reserved', current_discount = EXCLUDED.current_discount
WHERE retention_offers.state = 'withdrawn';

-- name: offer_of_request
-- Step 3, for a request that has reserved its offer: the terms accepted then.
SELECT plan, percent_off, months, coupon_id, current_discount, entitlements, state = 'withdrawn' AS withdrawn
FROM retention_offers WHERE request_id = %(request_id)s;

-- name: offer_applied
-- Step 5A, after reading the result back from Stripe.
UPDATE retention_offers SET state = 'applied', stripe_discount_id = %(stripe_discount_id)s, remind_at = %(remind_at)s
WHERE request_id = %(request_id)s;

-- name: withdraw_offer
-- Stripe did not apply it, which was reported to the customer, who may try again.
UPDATE retention_offers SET state = 'withdrawn' WHERE request_id = %(request_id)s AND state = 'reserved';

-- name: grant_entitlement
INSERT INTO entitlements (request_id, user_id, subscription_id, kind, starts_at, ends_at)
VALUES (%(request_id)s, %(user_id)s, %(subscription_id)s, %(kind)s, %(starts_at)s, %(ends_at)s)
ON CONFLICT (request_id, kind) DO NOTHING;

-- name: drop_other_retention_jobs
-- Step 9B: a subscription cancelled again has one deletion date, the new one.
UPDATE data_retention_jobs SET status = 'cancelled'
WHERE subscription_id = %(subscription_id)s AND status = 'scheduled' AND request_id <> %(request_id)s;

-- name: drop_retention_jobs
-- The subscription continues after all.
UPDATE data_retention_jobs SET status = 'cancelled' WHERE subscription_id = %(subscription_id)s AND status = 'scheduled';

-- name: schedule_data_retention
INSERT INTO data_retention_jobs (request_id, user_id, subscription_id, cancel_at, run_at)
VALUES (%(request_id)s, %(user_id)s, %(subscription_id)s, %(cancel_at)s, %(run_at)s)
ON CONFLICT (request_id) DO NOTHING;

-- name: put_in_outbox
-- Step 7B, in the same transaction as the row that it announces.
INSERT INTO outbox (request_id, user_id, kind) VALUES (%(request_id)s, %(user_id)s, %(kind)s)
ON CONFLICT (request_id, kind) DO NOTHING;

-- name: outbox_item
SELECT id, delivered_at IS NOT NULL AS delivered FROM outbox WHERE request_id = %(request_id)s AND kind = %(kind)s;

-- name: delivered
UPDATE outbox SET delivered_at = now(), receipt = %(receipt)s, attempts = attempts + 1, refused = false, problem = NULL
WHERE id = %(id)s AND delivered_at IS NULL;

-- name: withdraw_from_outbox
-- Mark unsent items that no longer apply; all of the request's, unless a kind is given.
UPDATE outbox SET refused = true, problem = NULL
WHERE request_id = %(request_id)s AND kind = coalesce(%(kind)s, kind) AND delivered_at IS NULL;

-- name: drop_retention_job_of_request
UPDATE data_retention_jobs SET status = 'cancelled' WHERE request_id = %(request_id)s AND status = 'scheduled';

-- name: not_delivered
-- `problem`: why it is undeliverable, or null if it is to be retried.
UPDATE outbox SET attempts = attempts + 1, refused = %(problem)s::text IS NOT NULL, problem = %(problem)s
WHERE id = %(id)s;

-- name: earlier_event_waits
SELECT EXISTS (
    SELECT FROM outbox earlier JOIN outbox this ON this.id = %(id)s
    WHERE earlier.user_id = %(user_id)s AND earlier.kind LIKE 'subscription.%%' AND earlier.id <> this.id
        AND earlier.created_at < this.created_at AND earlier.delivered_at IS NULL AND NOT earlier.refused);

-- name: waits_in_outbox
SELECT EXISTS (
    SELECT FROM outbox WHERE request_id = %(request_id)s AND kind = %(kind)s AND delivered_at IS NULL AND NOT refused);
