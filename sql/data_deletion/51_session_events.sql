-- table: session_events
-- goes: what the customer saw and pressed on the cancel page
-- ground: GDPR Art. 5(1)(e): the purpose has ended; audit_log keeps each request and its outcome
DELETE FROM session_events WHERE user_id = $1;
