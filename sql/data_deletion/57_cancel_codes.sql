-- table: cancel_codes
-- goes: the codes that the customer asked for to cancel without a login
-- ground: GDPR Art. 5(1)(e): they are needed for an hour
DELETE FROM cancel_codes WHERE user_ids @> ARRAY[$1];
