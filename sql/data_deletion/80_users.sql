-- table: users
-- goes: name, email address, language, time zone, country
-- ground: GDPR Art. 5(1)(e): the purpose has ended
DELETE FROM users WHERE id = $1;
