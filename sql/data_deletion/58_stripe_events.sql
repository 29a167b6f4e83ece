-- table: stripe_events
-- goes: the Stripe events received about the customer's subscriptions
-- ground: GDPR Art. 5(1)(e): the purpose has ended
DELETE FROM stripe_events e USING subscriptions s
WHERE s.user_id = $1 AND (e.subscription_id = s.id OR e.customer_id = s.stripe_customer_id);
