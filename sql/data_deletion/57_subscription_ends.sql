-- table: subscription_ends
-- goes: when and of what the subscriptions ended; Stripe's own stay with their invoices
-- ground: GDPR Art. 5(1)(e): the purpose has ended
DELETE FROM subscription_ends WHERE user_id = $1;
