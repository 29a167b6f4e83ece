-- table: retention_offers
-- goes: the accepted offers
-- ground: GDPR Art. 5(1)(e): the purpose has ended; the discounts are on the invoices
DELETE FROM retention_offers WHERE user_id = $1;
