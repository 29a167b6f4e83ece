-- table: reactivation_requests
-- goes: the reactivation requests with their responses
-- ground: GDPR Art. 5(1)(e): the purpose has ended; audit_log keeps each request and its outcome
DELETE FROM reactivation_requests WHERE user_id = $1;
