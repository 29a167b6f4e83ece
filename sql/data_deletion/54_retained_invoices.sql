-- table: retained_invoices
-- goes: our copy of what was paid after an offer was accepted; Stripe's own invoices stay
-- ground: GDPR Art. 5(1)(e): the purpose has ended
DELETE FROM retained_invoices WHERE user_id = $1;
