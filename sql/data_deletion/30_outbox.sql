-- table: outbox
-- goes: which emails and events were sent, and when
-- ground: GDPR Art. 5(1)(e): the purpose has ended
DELETE FROM outbox WHERE user_id = $1;
