-- table: subscriptions
-- goes: our mirror of the subscriptions; Stripe's own stay with their invoices
-- ground: GDPR Art. 5(1)(e): the purpose has ended
DELETE FROM subscriptions WHERE user_id = $1;
