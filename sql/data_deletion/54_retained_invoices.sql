-- table: retained_invoices
-- goes: our copy of the payments made after an offer was accepted; the invoices in Stripe remain
-- ground: GDPR Art. 5(1)(e): the purpose has ended
DELETE FROM retained_invoices WHERE user_id = $1;
