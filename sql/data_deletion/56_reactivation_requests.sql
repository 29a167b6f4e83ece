-- table: reactivation_requests
-- goes: the requests to go on, with their answers
-- ground: GDPR Art. 5(1)(e): the purpose has ended; audit_log has who asked for what, and what they were told
DELETE FROM reactivation_requests WHERE user_id = $1;
