-- outside: Stripe
-- keep: the customer's invoices, under this Stripe customer
-- ground: GDPR Art. 17(3)(b): invoices are kept for as long as tax law asks
-- Runs first, while the rows with the customer's id still exist.
SELECT stripe_customer_id FROM subscriptions WHERE user_id = $1
UNION
SELECT stripe_customer_id FROM users WHERE id = $1 AND stripe_customer_id IS NOT NULL;
