-- table: change_requests
-- goes: the accepted offers and ended pauses, with their responses
-- ground: GDPR Art. 5(1)(e): the purpose has ended; audit_log keeps each request and its outcome
DELETE FROM change_requests WHERE user_id = $1;
