-- table: cancellation_requests
-- goes: the requests with their answers
-- ground: GDPR Art. 5(1)(e): the purpose has ended; audit_log has who asked for what, and what they were told
DELETE FROM cancellation_requests WHERE user_id = $1;
