-- table: subscription_ends
-- goes: when and why the subscriptions ended; the subscriptions in Stripe remain with their invoices
-- ground: GDPR Art. 5(1)(e): the purpose has ended
DELETE FROM subscription_ends WHERE user_id = $1;
