-- table: offers_shown
-- goes: the days on which an offer was shown; the report's final figures, which are counts, remain
-- ground: GDPR Art. 5(1)(e): the purpose has ended
DELETE FROM offers_shown WHERE user_id = $1;
