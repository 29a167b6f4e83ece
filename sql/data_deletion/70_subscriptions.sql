-- table: subscriptions
-- goes: our copy of the subscriptions; the subscriptions in Stripe remain with their invoices
-- ground: GDPR Art. 5(1)(e): the purpose has ended
DELETE FROM subscriptions WHERE user_id = $1;
