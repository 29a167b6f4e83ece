-- name: take_idempotency_key
-- No row if the key is taken; one that is older than a day is free again.
INSERT INTO idempotency_keys (user_id, key, fingerprint, request_id)
VALUES (%(user_id)s, %(key)s, %(fingerprint)s, %(request_id)s)
ON CONFLICT (user_id, key) DO UPDATE
SET fingerprint = EXCLUDED.fingerprint, request_id = EXCLUDED.request_id, created_at = now()
WHERE idempotency_keys.created_at < now() - interval '24 hours'
RETURNING request_id;

-- name: request_of_key
SELECT k.fingerprint, r.id, r.outcome, r.http_status, r.answer
FROM idempotency_keys k JOIN cancellation_requests r ON r.id = k.request_id
WHERE k.user_id = %(user_id)s AND k.key = %(key)s;
