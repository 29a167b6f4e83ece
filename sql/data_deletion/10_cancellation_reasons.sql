-- table: cancellation_reasons
-- goes: reasons not yet anonymised; they remain counted by month, plan and category
-- ground: GDPR Art. 5(1)(e): the purpose has ended
-- Returns one row per request.
SELECT anonymize_request(id) FROM cancellation_requests WHERE user_id = $1 AND anonymized_at IS NULL;
