-- table: idempotency_keys
-- goes: the caller's own keys for their requests
-- ground: GDPR Art. 5(1)(e): they serve for 24 hours
DELETE FROM idempotency_keys WHERE user_id = $1;
