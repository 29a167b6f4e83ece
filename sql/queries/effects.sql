-- name: capture_reason
-- Step 5B. The free text is taken from the request, …
INSERT INTO cancellation_reasons (request_id, user_id, subscription_id, plan, category, feedback)
SELECT id, %(user_id)s, %(subscription_id)s, %(plan)s, %(category)s, feedback
FROM cancellation_requests WHERE id = %(request_id)s
ON CONFLICT (request_id) DO NOTHING;

-- name: reason_captured
-- … and does not stay there, so that it stands in one place.
-- One that was made anonymous before it was taken up again has something to be made anonymous once more.
UPDATE cancellation_requests SET feedback = NULL, recovery_point = 'reason_captured', anonymized_at = NULL WHERE id = %(request_id)s;

-- name: reason_of_request
-- Step 6B sends it to Stripe.
SELECT category, feedback FROM cancellation_reasons WHERE request_id = %(request_id)s;

-- name: offer_within_its_cooldown
-- The same rule as the constraint one_retention_offer_in_its_cooldown, to answer before trying.
SELECT EXISTS (
    SELECT FROM retention_offers
    WHERE user_id = %(user_id)s AND state <> 'withdrawn' AND request_id IS DISTINCT FROM %(request_id)s
        AND cooldown(accepted_at, cooldown_months) @> (now() AT TIME ZONE 'UTC')
) AS used;

-- name: reserve_offer
-- Step 5A, before Stripe is called. A request that is taken up anew reserves anew, if its place is still free.
INSERT INTO retention_offers (request_id, user_id, subscription_id, plan, percent_off, months, coupon_id,
    entitlements, cooldown_months, current_discount)
VALUES (%(request_id)s, %(user_id)s, %(subscription_id)s, %(plan)s, %(percent_off)s, %(months)s, %(coupon_id)s,
    %(entitlements)s, %(cooldown_months)s, %(current_discount)s)
ON CONFLICT (request_id) DO UPDATE SET state = 'reserved', current_discount = EXCLUDED.current_discount
WHERE retention_offers.state = 'withdrawn';

-- name: offer_of_request
-- Step 3, for a request that had reserved its offer: the terms that were accepted then.
SELECT plan, percent_off, months, coupon_id, current_discount, entitlements, state = 'withdrawn' AS withdrawn
FROM retention_offers WHERE request_id = %(request_id)s;

-- name: offer_applied
-- Step 5A, once Stripe was read back.
UPDATE retention_offers SET state = 'applied', stripe_discount_id = %(stripe_discount_id)s
WHERE request_id = %(request_id)s;

-- name: withdraw_offer
-- Stripe did not apply it, and the customer was told so: they may try again.
UPDATE retention_offers SET state = 'withdrawn' WHERE request_id = %(request_id)s AND state = 'reserved';

-- name: grant_entitlement
INSERT INTO entitlements (request_id, user_id, subscription_id, kind, starts_at, ends_at)
VALUES (%(request_id)s, %(user_id)s, %(subscription_id)s, %(kind)s, %(starts_at)s, %(ends_at)s)
ON CONFLICT (request_id, kind) DO NOTHING;

-- name: drop_other_retention_jobs
-- Step 9B: a cancellation that was undone and asked for again has one date, the new one.
UPDATE data_retention_jobs SET status = 'cancelled'
WHERE subscription_id = %(subscription_id)s AND status = 'scheduled' AND request_id <> %(request_id)s;

-- name: drop_retention_jobs
-- The subscription goes on after all.
UPDATE data_retention_jobs SET status = 'cancelled' WHERE subscription_id = %(subscription_id)s AND status = 'scheduled';

-- name: schedule_data_retention
INSERT INTO data_retention_jobs (request_id, user_id, subscription_id, cancel_at, run_at)
VALUES (%(request_id)s, %(user_id)s, %(subscription_id)s, %(cancel_at)s, %(run_at)s)
ON CONFLICT (request_id) DO NOTHING;

-- name: put_in_outbox
-- Step 7B, with the row that it announces.
INSERT INTO outbox (request_id, user_id, kind) VALUES (%(request_id)s, %(user_id)s, %(kind)s)
ON CONFLICT (request_id, kind) DO NOTHING;

-- name: outbox_item
SELECT id, delivered_at IS NOT NULL AS delivered FROM outbox WHERE request_id = %(request_id)s AND kind = %(kind)s;

-- name: delivered
UPDATE outbox SET delivered_at = now(), receipt = %(receipt)s, attempts = attempts + 1, refused = false, problem = NULL
WHERE id = %(id)s AND delivered_at IS NULL;

-- name: withdraw_from_outbox
-- Not so any more; all of the request's, unless a kind is given.
UPDATE outbox SET refused = true, problem = NULL
WHERE request_id = %(request_id)s AND kind = coalesce(%(kind)s, kind) AND delivered_at IS NULL;

-- name: drop_retention_job_of_request
UPDATE data_retention_jobs SET status = 'cancelled' WHERE request_id = %(request_id)s AND status = 'scheduled';

-- name: not_delivered
-- `problem`: why it can never be delivered, or null where it is to be tried again.
UPDATE outbox SET attempts = attempts + 1, refused = %(problem)s::text IS NOT NULL, problem = %(problem)s
WHERE id = %(id)s;
