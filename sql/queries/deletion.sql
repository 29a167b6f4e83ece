-- name: clear_deletion_plan
-- Run as the owner, by `cancelflow migrate`.
DELETE FROM data_deletion_plan;

-- name: add_deletion_step
INSERT INTO data_deletion_plan (step, table_name, kept, what, ground, statement)
VALUES (%(name)s, %(table)s, %(kept)s, %(what)s, %(ground)s, %(statement)s);

-- name: installed_deletion_plan
SELECT step, statement FROM installed_deletion_plan();

-- name: gaps_in_deletion_plan
SELECT table_name, planned FROM gaps_in_deletion_plan() ORDER BY table_name;

-- name: count_due_deletions
SELECT count_due_deletions();

-- name: claim_due_deletions
-- Claim a batch of users.
SELECT claim_due_deletions(%(at_most)s);

-- name: due_deletions
-- A page of the same users, by id, without claiming them, for a dry run.
SELECT due_deletions(%(after)s, %(at_most)s);

-- name: claim_deletion_notices
SELECT claim_deletion_notices(%(at_most)s, %(ahead)s);

-- name: subscriptions_of_user
-- The rows here, before reading Stripe.
SELECT id, stripe_customer_id, status, cancel_at, ended_at FROM subscriptions ORDER BY id;

-- name: stripe_customer_of_user
SELECT stripe_customer_id FROM users WHERE id = %(user_id)s AND stripe_customer_id IS NOT NULL;

-- name: put_off_deletion
UPDATE data_retention_jobs SET put_off_until = %(until)s, put_off_reason = %(reason)s
WHERE user_id = %(user_id)s AND status = 'scheduled' AND coalesce(put_off_until, run_at) <= now();

-- name: delete_data_of_user
SELECT removed, kept FROM delete_data_of_user(%(flow_run_id)s);

-- name: job_to_notice
-- The user's last job, with which the data is deleted.
SELECT request_id, subscription_id, coalesce(put_off_until, run_at) AS delete_at, cancel_at AS ended_at
FROM data_retention_jobs
WHERE status = 'scheduled' ORDER BY coalesce(put_off_until, run_at) DESC, id DESC LIMIT 1;

-- name: noticed
UPDATE data_retention_jobs SET noticed_at = now() WHERE request_id = %(request_id)s AND noticed_at IS NULL;
