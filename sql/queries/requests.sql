-- name: act_as_application
-- First statement of each connection: row-level security applies to this role, whatever role logged in.
SELECT set_config('role', %(role)s, false), set_config('statement_timeout', %(statement_timeout_ms)s, false);

-- name: begin
-- Every transaction of the application begins with one of these three, which set what row-level security reads. Each is
-- a single message to the server, as a run has some twenty transactions.
BEGIN;

-- name: begin_as_user
BEGIN; SELECT set_config('app.user_id', %(user_id)s, true);

-- name: begin_for_request
BEGIN; SELECT set_config('app.request_id', %(request_id)s, true);

-- name: refuse_attempt
-- Likewise, for an attempt whose body could not be read. Returns the seconds to wait if it is over the limit.
SELECT refuse_attempt(caller => %(user_id)s, action => %(action)s, at_most => %(at_most)s, problem => %(problem)s,
    refusals => %(refusals)s) AS wait;

-- name: count_attempt
-- Likewise, for an attempt that makes no request.
SELECT count_attempt(caller => %(user_id)s, action => %(action)s, at_most => %(at_most)s, refusals => %(refusals)s) AS wait;

-- name: one_intake_at_a_time
-- Serialise the intake per user, so that the second of two concurrent requests sees the first.
SELECT one_intake_at_a_time(%(user_id)s);

-- name: anything_unfinished
SELECT anything_unfinished();

-- name: renew_lease
SELECT renew_lease(%(request_id)s);

-- name: end_lease
SELECT end_lease(%(request_id)s);

-- name: write_audit
INSERT INTO audit_log (user_id, action, request_id, asked_user_id, subscription_id, outcome, http_status, problem,
    stripe_request_id, carried_out_by)
VALUES (%(user_id)s, %(action)s, %(request_id)s, %(asked_user_id)s, %(subscription_id)s, %(outcome)s,
    %(http_status)s, %(problem)s, %(stripe_request_id)s,
    coalesce((SELECT carried_out_by FROM cancellation_requests WHERE id = %(request_id)s),
        (SELECT carried_out_by FROM change_requests WHERE id = %(request_id)s)));

-- name: customer_of_subscription
SELECT stripe_customer_id FROM subscriptions WHERE id = %(subscription_id)s;

-- name: carrier_said
-- The hook's message for the customer, which belongs to their response.
WITH cancellation AS (UPDATE cancellation_requests SET message = %(message)s WHERE id = %(request_id)s)
UPDATE change_requests SET message = %(message)s WHERE id = %(request_id)s;

-- name: what_carrier_said
SELECT message FROM cancellation_requests WHERE id = %(request_id)s AND message IS NOT NULL
UNION ALL
SELECT message FROM change_requests WHERE id = %(request_id)s AND message IS NOT NULL;

