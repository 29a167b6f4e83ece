-- table: offers_shown
-- goes: on which days an offer was shown; the report's final figures stay, which are counts
-- ground: GDPR Art. 5(1)(e): the purpose has ended
DELETE FROM offers_shown WHERE user_id = $1;
