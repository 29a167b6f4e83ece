-- table: cancel_sessions
-- goes: the customer's sessions of the cancel page, with their answers
-- ground: GDPR Art. 5(1)(e): the purpose has ended; audit_log keeps each request and its outcome
DELETE FROM cancel_sessions WHERE user_id = $1;
