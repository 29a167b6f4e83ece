-- table: cancellation_requests
-- goes: the cancellation requests with their responses
-- ground: GDPR Art. 5(1)(e): the purpose has ended; audit_log keeps each request and its outcome
DELETE FROM cancellation_requests WHERE user_id = $1;
