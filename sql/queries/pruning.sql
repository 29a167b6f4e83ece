-- name: prune_idempotency_keys
SELECT prune_idempotency_keys(%(at_most)s);

-- name: prune_stripe_events
SELECT prune_stripe_events(%(at_most)s);

-- name: prune_attempts
SELECT prune_attempts(%(at_most)s);

-- name: prune_session_texts
SELECT prune_session_texts(%(at_most)s);

-- name: prune_webhooks
SELECT prune_webhooks(%(at_most)s);

-- name: prune_consents
SELECT prune_consents(%(at_most)s);

-- name: prune_cancel_codes
SELECT prune_cancel_codes(%(at_most)s);

-- name: forget_said
SELECT forget_said(%(at_most)s);

-- name: prune_tasks
SELECT prune_tasks(%(at_most)s);

-- name: prune_replies
SELECT prune_replies(%(at_most)s);

-- name: prune_unknown_calls
SELECT prune_unknown_calls(%(at_most)s);
