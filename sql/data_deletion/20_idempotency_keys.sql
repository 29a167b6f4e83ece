-- table: idempotency_keys
-- goes: the idempotency keys of the user's requests
-- ground: GDPR Art. 5(1)(e): they are needed for 24 hours
DELETE FROM idempotency_keys WHERE user_id = $1;
