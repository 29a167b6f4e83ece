-- table: win_backs
-- goes: what the customer missed and you fixed, and whether you wrote to them; it stays as counts
-- ground: GDPR Art. 5(1)(e): the purpose has ended
DELETE FROM win_backs WHERE user_id = $1;
