-- name: report
-- A month's figures across all users; see the function's comment. For the application and the owner.
SELECT report(%(month)s);

-- name: close_figures
SELECT close_figures(%(month)s, %(payments_complete)s);

-- name: take_longer
-- Raise this transaction's timeout: a report may take longer than a statement that a customer waits for.
SELECT set_config('statement_timeout', %(milliseconds)s, true);

-- name: subscriptions_with_an_offer
SELECT id, user_id, accepted_at FROM subscriptions_with_an_offer(%(after)s, %(at_most)s);

-- name: keep_retained_invoice
-- A later refund reduces the amount; nothing else about a paid invoice changes.
INSERT INTO retained_invoices (invoice_id, user_id, subscription_id, currency, amount_paid, created_at, paid_at)
VALUES (%(invoice_id)s, %(user_id)s, %(subscription_id)s, %(currency)s, %(amount_paid)s, %(created_at)s, %(paid_at)s)
ON CONFLICT (invoice_id) DO UPDATE SET amount_paid = EXCLUDED.amount_paid;

-- name: offer_screens_before_today
-- Repeated views on one day count as one.
SELECT count(*) FROM offers_shown
WHERE subscription_id = %(subscription_id)s AND shown_at >= %(since)s
    AND shown_on <> (now() AT TIME ZONE 'UTC')::date;

-- name: offer_shown
-- Once per subscription and day, however often the page calls.
INSERT INTO offers_shown (user_id, subscription_id, plan) VALUES (%(user_id)s, %(subscription_id)s, %(plan)s)
ON CONFLICT (subscription_id, shown_on) DO NOTHING;

-- name: offers_listed
-- Once per subscription, offer and day.
INSERT INTO offers_listed (user_id, subscription_id, plan, offer_id, kind)
SELECT %(user_id)s, %(subscription_id)s, %(plan)s, each.id, each.kind
FROM unnest(%(ids)s::text[], %(kinds)s::text[]) AS each (id, kind)
ON CONFLICT (subscription_id, offer_id, listed_on) DO NOTHING;
