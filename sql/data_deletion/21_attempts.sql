-- table: attempts
-- goes: how often the user asked within a minute
-- ground: GDPR Art. 5(1)(e): it serves for a minute
DELETE FROM attempts WHERE user_id = $1;
