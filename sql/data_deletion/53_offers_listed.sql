-- table: offers_listed
-- goes: the days on which offers were listed; the report's final figures, which are counts, remain
-- ground: GDPR Art. 5(1)(e): the purpose has ended
DELETE FROM offers_listed WHERE user_id = $1;
