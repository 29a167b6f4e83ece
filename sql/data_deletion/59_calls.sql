-- table: calls
-- goes: calls to the customer, with what was said
-- ground: GDPR Art. 5(1)(e): the purpose has ended; the consents to them are kept as proof
DELETE FROM calls WHERE user_id = $1;
