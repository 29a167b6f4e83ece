-- table: cancellation_reasons
-- goes: reasons that were not anonymous yet; they stay counted by month, plan and category
-- ground: GDPR Art. 5(1)(e): the purpose has ended
-- One row a request whose reason was looked at.
SELECT anonymize_request(id) FROM cancellation_requests WHERE user_id = $1 AND anonymized_at IS NULL;
