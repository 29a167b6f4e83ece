-- table: session_tokens
-- goes: the tokens that opened the customer's sessions, which have expired
-- ground: GDPR Art. 5(1)(e): the purpose has ended
DELETE FROM session_tokens WHERE user_id = $1;
