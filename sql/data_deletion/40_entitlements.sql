-- table: entitlements
-- goes: what an accepted offer granted besides its discount
-- ground: GDPR Art. 5(1)(e): the purpose has ended
DELETE FROM entitlements WHERE user_id = $1;
