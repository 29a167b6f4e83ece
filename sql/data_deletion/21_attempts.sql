-- table: attempts
-- goes: the number of the user's requests within a minute
-- ground: GDPR Art. 5(1)(e): it is needed for a minute
DELETE FROM attempts WHERE user_id = $1;
