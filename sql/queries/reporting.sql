-- name: report
-- A month's figures across all customers: the function's comment says of what. For the application and for the owner.
SELECT report(%(month)s);

-- name: close_figures
SELECT close_figures(%(month)s);

-- name: take_longer
-- For this transaction: what counts all rows of a month may take longer than what a customer waits for.
SELECT set_config('statement_timeout', %(milliseconds)s, true);

-- name: subscriptions_with_an_offer
SELECT id, user_id, accepted_at FROM subscriptions_with_an_offer(%(after)s, %(at_most)s);

-- name: keep_retained_invoice
-- What is left of it may shrink by a refund; all else about a paid invoice stays as it is.
INSERT INTO retained_invoices (invoice_id, user_id, subscription_id, currency, amount_paid, created_at, paid_at)
VALUES (%(invoice_id)s, %(user_id)s, %(subscription_id)s, %(currency)s, %(amount_paid)s, %(created_at)s, %(paid_at)s)
ON CONFLICT (invoice_id) DO UPDATE SET amount_paid = EXCLUDED.amount_paid;

-- name: offer_screens_before_today
-- The same offer twice on one day is one screen.
SELECT count(*) FROM offers_shown
WHERE subscription_id = %(subscription_id)s AND shown_at >= %(since)s
    AND shown_on <> (now() AT TIME ZONE 'UTC')::date;

-- name: offer_shown
-- Once a subscription and day, however often the page asks.
INSERT INTO offers_shown (user_id, subscription_id, plan) VALUES (%(user_id)s, %(subscription_id)s, %(plan)s)
ON CONFLICT (subscription_id, shown_on) DO NOTHING;
