-- depends: 0009_data_deletion
-- Monthly reports (UTC), computed from rows. The first line of each view's comment is the short definition that the
-- report prints. The views count across users, so the application cannot read them; it has report(month), which returns
-- numbers, plans, reasons and months, and no user's row. For your own tools: GRANT SELECT ON report_… TO their role.

-- Return the minimum number of rows for a share: with fewer, it is more chance than behaviour.
CREATE FUNCTION fewest_rows() RETURNS integer LANGUAGE sql IMMUTABLE RETURN 20;

-- Return a share between 0 and 1, or null for too few rows.
CREATE FUNCTION share(part bigint, whole bigint) RETURNS numeric
    LANGUAGE sql IMMUTABLE
    RETURN CASE WHEN whole >= fewest_rows() THEN round(part::numeric / whole, 4) END;

-- Return the first day of a timestamp's month, in UTC.
CREATE FUNCTION month_of(moment timestamptz) RETURNS date
    LANGUAGE sql IMMUTABLE
    RETURN date_trunc('month', moment AT TIME ZONE 'UTC')::date;

-- The rows that count.
CREATE VIEW reported_audit_log AS
SELECT a.* FROM audit_log a WHERE NOT EXISTS (SELECT FROM unreported_requests u WHERE u.request_id = a.request_id);
COMMENT ON VIEW reported_audit_log IS 'attempts that count in reports; it shows single users, so only the owner may read it';
CREATE VIEW reported_retention_offers AS
SELECT o.* FROM retention_offers o
WHERE o.state = 'applied' AND NOT EXISTS (SELECT FROM unreported_requests u WHERE u.request_id = o.request_id);
COMMENT ON VIEW reported_retention_offers IS 'applied offers that count in reports; it shows single users, so only the owner may read it';

-- Offers shown by GET /retention-offer: one row per subscription and day (UTC), since a page may call it many times.
CREATE TABLE offers_shown (
    user_id         text COLLATE "C" NOT NULL REFERENCES users,
    subscription_id text        NOT NULL REFERENCES subscriptions,
    shown_on        date        NOT NULL DEFAULT (now() AT TIME ZONE 'UTC')::date,
    plan            text        NOT NULL,
    shown_at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (subscription_id, shown_on)
);
CREATE INDEX offers_shown_of_user ON offers_shown (user_id);
CALL protect('offers_shown');
GRANT SELECT, INSERT ON offers_shown TO cancelflow_app;

-- Payments after an accepted offer, as Stripe reports them: ids and amounts in minor units.
CREATE TABLE retained_invoices (
    invoice_id      text        PRIMARY KEY,
    user_id         text COLLATE "C" NOT NULL REFERENCES users,
    subscription_id text        NOT NULL REFERENCES subscriptions,
    currency        text        NOT NULL CHECK (currency ~ '^[a-z]{3}$'),  -- as Stripe writes it
    amount_paid     bigint      NOT NULL,  -- net of discounts and later refunds
    created_at      timestamptz NOT NULL,  -- at Stripe
    paid_at         timestamptz NOT NULL
);
CREATE INDEX retained_invoices_of_subscription ON retained_invoices (subscription_id);
CREATE INDEX retained_invoices_of_user ON retained_invoices (user_id);
CALL protect('retained_invoices');
GRANT SELECT, INSERT, UPDATE (amount_paid) ON retained_invoices TO cancelflow_app;

-- W34. Shown: recorded by GET /retention-offer, or accepted without calling it.
CREATE VIEW report_offer_acceptance AS
WITH accepted AS (
    SELECT o.subscription_id, o.plan, r.reason,
        -- An offer accepted after midnight counts for the day on which it was shown.
        coalesce((SELECT max(s.shown_at) FROM offers_shown s
            WHERE s.subscription_id = o.subscription_id
                AND s.shown_at BETWEEN o.accepted_at - interval '7 days' AND o.accepted_at), o.accepted_at) AS shown_at
    FROM reported_retention_offers o LEFT JOIN cancellation_requests r ON r.id = o.request_id),
shown AS (
    SELECT subscription_id, month_of(shown_at) AS month, max(shown_at) AS shown_at,
        (array_agg(plan ORDER BY shown_at DESC))[1] AS plan, bool_or(taken) AS taken, max(reason) AS reason
    FROM (
        SELECT subscription_id, plan, NULL AS reason, shown_at, false AS taken FROM offers_shown
        UNION ALL
        SELECT subscription_id, plan, reason, shown_at, true FROM accepted) AS each
    GROUP BY subscription_id, month_of(shown_at)),
answered AS (
    SELECT month, plan, taken, coalesce(reason, (
        SELECT c.category FROM cancellation_reasons c
        WHERE NOT taken AND c.subscription_id = shown.subscription_id
            AND c.created_at >= shown.shown_at AND c.created_at < shown.shown_at + interval '7 days'
        ORDER BY c.created_at LIMIT 1), 'not_given') AS reason
    FROM shown)
SELECT month, plan, reason, count(*) AS shown, count(*) FILTER (WHERE taken) AS accepted,
    share(count(*) FILTER (WHERE taken), count(*)) AS rate
FROM answered
GROUP BY GROUPING SETS ((month), (month, plan), (month, plan, reason));
COMMENT ON VIEW report_offer_acceptance IS 'accepted / shown, by plan and reason
A subscription counts once a month in which its offer was shown: GET /retention-offer recorded it, or it was accepted. Accepted: the discount was applied within 7 days of being shown, or without having been shown. The reason is the one given on accepting or, within 7 days, on cancelling; else not_given. A null plan or reason means all.';

-- The reasons given with cancellations: from rows, and from the counts that replaced rows on anonymisation.
CREATE VIEW captured_reasons AS
SELECT month, plan, category, sum(how_many)::bigint AS how_many
FROM (
    SELECT month_of(c.created_at) AS month, c.plan, c.category, 1 AS how_many FROM cancellation_reasons c
    WHERE NOT EXISTS (SELECT FROM unreported_requests u WHERE u.request_id = c.request_id)
    UNION ALL
    SELECT month, plan, category, reasons FROM reason_counts WHERE NOT retained) AS each
GROUP BY month, plan, category;
COMMENT ON VIEW captured_reasons IS 'reasons of cancellations by month, plan and category';

-- Why customers cancel.
CREATE VIEW report_reason_share AS
SELECT month, plan, category AS reason, sum(how_many)::bigint AS cancellations,
    (sum(sum(how_many)) OVER (PARTITION BY month, plan))::bigint AS of_all,
    share(sum(how_many)::bigint, (sum(sum(how_many)) OVER (PARTITION BY month, plan))::bigint) AS rate
FROM captured_reasons
GROUP BY GROUPING SETS ((month, category), (month, plan, category));
COMMENT ON VIEW report_reason_share IS 'cancellations with this reason / all cancellations
By the month in which the reason was captured (step 5B): rows of cancellation_reasons, and the counts that replaced anonymised ones. A null plan means all.';

-- W37. How many customers give a reason when asked.
CREATE VIEW report_feedback AS
SELECT month, sum(given + withheld)::bigint AS attempts, sum(given)::bigint AS with_reason,
    share(sum(given)::bigint, sum(given + withheld)::bigint) AS rate
FROM (
    SELECT month, CASE WHEN category <> 'prefer_not_to_say' THEN how_many ELSE 0 END AS given,
        CASE WHEN category = 'prefer_not_to_say' THEN how_many ELSE 0 END AS withheld
    FROM captured_reasons
    UNION ALL
    SELECT month_of(at), 0, 1 FROM reported_audit_log
    WHERE outcome = 'refused' AND action = 'cancel_subscription' AND problem = 'reason-required') AS asked
GROUP BY month;
COMMENT ON VIEW report_feedback IS 'cancellations with a reason / attempts at which the reason was asked
Attempts: every captured reason, and every attempt refused because it named none. prefer_not_to_say counts as no reason.';

-- F10. The subscriptions that accepted an offer, for the two views below.
CREATE VIEW retained_subscriptions AS
SELECT o.subscription_id, o.user_id, o.plan, o.accepted_at, month_of(o.accepted_at) AS month,
    o.accepted_at + interval '30 days' <= now() AS judged,
    o.accepted_at + interval '30 days' <= now()
        AND NOT EXISTS (
            SELECT FROM cancellation_requests r
            WHERE r.subscription_id = o.subscription_id AND r.outcome IN ('pending_cancellation', 'canceled')
                AND r.received_at >= o.accepted_at AND r.received_at < o.accepted_at + interval '30 days')
        AND coalesce(s.ended_at >= o.accepted_at + interval '30 days', true) AS saved
FROM reported_retention_offers o JOIN subscriptions s ON s.id = o.subscription_id;
COMMENT ON VIEW retained_subscriptions IS 'one row per subscription that accepted an offer; it shows single users, so only the owner may read it';

-- F10. How many of them stay for 30 days.
CREATE VIEW report_saved AS
SELECT month, plan, count(*) AS accepted, count(*) FILTER (WHERE judged) AS judged,
    count(*) FILTER (WHERE saved) AS saved,
    share(count(*) FILTER (WHERE saved), count(*) FILTER (WHERE judged)) AS rate
FROM retained_subscriptions
GROUP BY GROUPING SETS ((month), (month, plan));
COMMENT ON VIEW report_saved IS 'not cancelled within 30 days of accepting / accepted at least 30 days ago
By the month of accepting. Not saved: a cancellation requested within those 30 days, even if later revoked, or an end for any reason. Offers accepted less than 30 days ago count as neither. This is not lift: how many would have stayed without an offer is unknown. A null plan means all.';

-- W36. What these customers paid, in minor units, never summed across currencies.
CREATE VIEW report_retained_revenue AS
SELECT r.month, r.plan, i.currency, count(DISTINCT r.subscription_id) AS customers, count(*) AS invoices,
    sum(i.amount_paid)::bigint AS amount_paid,
    CASE WHEN count(DISTINCT r.subscription_id) >= fewest_rows()
        THEN round(sum(i.amount_paid) / count(DISTINCT r.subscription_id))::bigint END AS average
FROM retained_subscriptions r JOIN retained_invoices i ON i.subscription_id = r.subscription_id
    AND i.created_at >= r.accepted_at AND i.created_at < r.accepted_at + interval '12 months'
WHERE r.saved
GROUP BY GROUPING SETS ((r.month, i.currency), (r.month, r.plan, i.currency));
COMMENT ON VIEW report_retained_revenue IS 'what saved customers paid in the 12 months after accepting, and per customer who paid
By the month of accepting and the currency, in minor units, from invoices that Stripe lists as paid: after the discount, less refunds. Covers the invoices read so far. A null plan means all.';

-- W38. From the audit log, which is kept longer than the customers' data.
CREATE VIEW report_win_back AS
WITH cancelled AS (
    SELECT id, month_of(at) AS month, at, user_id, subscription_id FROM reported_audit_log
    WHERE outcome IN ('pending_cancellation', 'canceled')),
judged AS (
    SELECT month, at + interval '90 days' <= now() AS judged,
        EXISTS (
            SELECT FROM subscriptions s WHERE s.id = c.subscription_id
                AND s.live_again_at > c.at AND s.live_again_at <= c.at + interval '90 days')
        -- Reactivated; or cancelled or retained again, so it was live in between.
        OR EXISTS (
            SELECT FROM audit_log a WHERE a.subscription_id = c.subscription_id AND a.id > c.id
                AND a.outcome IN ('reactivated', 'pending_cancellation', 'canceled', 'retained')
                AND a.at <= c.at + interval '90 days')
        OR EXISTS (
            SELECT FROM subscriptions s WHERE s.user_id = c.user_id AND s.id <> c.subscription_id
                AND s.status NOT IN ('incomplete', 'incomplete_expired')
                AND s.created_at > c.at AND s.created_at <= c.at + interval '90 days') AS came_back
    FROM cancelled c)
SELECT month, count(*) AS cancellations, count(*) FILTER (WHERE judged) AS judged,
    count(*) FILTER (WHERE judged AND came_back) AS won_back,
    share(count(*) FILTER (WHERE judged AND came_back), count(*) FILTER (WHERE judged)) AS rate
FROM judged GROUP BY month;
COMMENT ON VIEW report_win_back IS 'reactivated or subscribed again within 90 days of cancelling / cancelled at least 90 days ago
By the month in which the cancellation was scheduled or took effect immediately. Cancellations less than 90 days old count as neither.';

-- How long customers wait for the confirmation email.
CREATE VIEW report_email_time AS
WITH emails AS (
    SELECT month_of(r.received_at) AS month, extract(epoch FROM o.delivered_at - r.received_at) AS seconds
    FROM cancellation_requests r JOIN outbox o ON o.request_id = r.id AND o.kind = 'cancellation_confirmation'
    WHERE NOT EXISTS (SELECT FROM unreported_requests u WHERE u.request_id = r.id))
SELECT month, count(seconds) AS emails, count(*) - count(seconds) AS not_sent,
    CASE WHEN count(seconds) >= fewest_rows()
        THEN round(percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds)::numeric, 3) END AS median_seconds,
    CASE WHEN count(seconds) >= fewest_rows()
        THEN round(percentile_cont(0.95) WITHIN GROUP (ORDER BY seconds)::numeric, 3) END AS p95_seconds
FROM emails GROUP BY month;
COMMENT ON VIEW report_email_time IS 'from the request until the mail server accepted its confirmation email
By the month of the request. An email that is still waiting or was refused counts as not sent.';

-- Why requests are refused.
CREATE VIEW report_refusals AS
SELECT month, action, cause, refused,
    (sum(attempts) OVER (PARTITION BY month, action))::bigint AS attempts,
    share(refused, (sum(attempts) OVER (PARTITION BY month, action))::bigint) AS rate
FROM (
    SELECT month_of(at) AS month, action, CASE WHEN outcome = 'refused' THEN coalesce(problem, 'unnamed') END AS cause,
        count(*) FILTER (WHERE outcome = 'refused') AS refused, count(*) AS attempts
    FROM reported_audit_log GROUP BY 1, 2, 3) AS by_cause;
COMMENT ON VIEW report_refusals IS 'attempts refused for this cause / all attempts
Each row of audit_log is an attempt. A null cause means not refused.';

-- For the chart of the last 12 months.
CREATE VIEW report_months AS
SELECT month_of(at) AS month, count(*) FILTER (WHERE outcome IN ('pending_cancellation', 'canceled')) AS cancelled,
    count(*) FILTER (WHERE outcome = 'retained') AS retained
FROM reported_audit_log GROUP BY 1;
COMMENT ON VIEW report_months IS 'cancellations and accepted offers by month';

-- The report's figures in order, and how long after a month's end each is final. A reason can be given on the feedback
-- page until it is anonymised.
CREATE VIEW report_figures AS
SELECT place, figure, final_after::interval AS final_after
FROM (VALUES
    (1, 'offer_acceptance', '7 days'), (2, 'reason_share', '90 days'), (3, 'feedback', '90 days'),
    (4, 'saved', '30 days'), (5, 'retained_revenue', '12 months'), (6, 'win_back', '90 days'),
    (7, 'email_time', '7 days'), (8, 'refusals', '0 days'), (9, 'offers', '12 months')) AS known (place, figure, final_after);
COMMENT ON VIEW report_figures IS 'the figures of the report';

-- A month's final figures, stored because the rows behind them are deleted after 90 days.
CREATE TABLE closed_figures (
    month     date        NOT NULL,
    figure    text        NOT NULL,
    lines     jsonb       NOT NULL,
    closed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (month, figure)
);

-- Return a figure's rows for a month, computed now.
CREATE FUNCTION lines_of_figure(of_month date, named text) RETURNS jsonb
    LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$
DECLARE
    found jsonb;
BEGIN
    EXECUTE format('SELECT coalesce(jsonb_agg(to_jsonb(v) - ''month''), ''[]'') FROM %I v WHERE v.month = $1',
        'report_' || named) INTO found USING of_month;
    RETURN found;
END
$$;

-- Return the report for a month: numbers, plans, reasons, currencies and causes, and no user's row.
CREATE FUNCTION report(of_month date) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT jsonb_build_object(
        'month', to_char(of_month, 'YYYY-MM'),
        'fewest_rows', fewest_rows(),
        'figures', (
            SELECT jsonb_agg(jsonb_build_object(
                'figure', f.figure,
                'definition', split_part(obj_description(('report_' || f.figure)::regclass), E'\n', 1),
                'closed_at', c.closed_at,
                'lines', coalesce(c.lines, lines_of_figure(of_month, f.figure))) ORDER BY f.place)
            FROM report_figures f LEFT JOIN closed_figures c ON c.figure = f.figure AND c.month = of_month),
        'months', (
            SELECT coalesce(jsonb_agg(jsonb_build_object(
                'month', to_char(m.month, 'YYYY-MM'), 'cancelled', m.cancelled, 'retained', m.retained)
                ORDER BY m.month), '[]')
            FROM report_months m
            WHERE m.month > (of_month - interval '12 months')::date AND m.month <= of_month))
$$;

-- Store the figures of a month that are final by now and not stored yet. Returns their names. The figures that are final
-- after 12 months count payments: they stay open until Stripe's are complete here.
CREATE FUNCTION close_figures(of_month date, payments_complete boolean) RETURNS SETOF text
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    INSERT INTO closed_figures (month, figure, lines)
    SELECT of_month, f.figure, lines_of_figure(of_month, f.figure)
    FROM report_figures f
    WHERE (of_month + interval '1 month') AT TIME ZONE 'UTC' + f.final_after <= now()
        AND (payments_complete OR f.final_after <> '12 months')
        AND NOT EXISTS (SELECT FROM closed_figures c WHERE c.month = of_month AND c.figure = f.figure)
    ON CONFLICT (month, figure) DO NOTHING
    RETURNING figure
$$;

-- Return a page, ordered by id, of the subscriptions that accepted an offer in the last 15 months, for their invoices.
-- Revenue counts 12 months; the others are for refunds, late payments, and every month that a run may still close.
CREATE FUNCTION subscriptions_with_an_offer(after text, at_most integer)
    RETURNS TABLE (id text, user_id text, accepted_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT o.subscription_id, o.user_id, min(o.accepted_at)
    FROM (
        SELECT subscription_id, user_id, accepted_at FROM retention_offers WHERE state = 'applied'
        UNION ALL
        SELECT subscription_id, user_id, received_at FROM change_requests
        WHERE outcome = 'changed' AND offer_id IS NOT NULL) o
    WHERE o.subscription_id > after AND o.accepted_at > now() - interval '15 months'
    GROUP BY 1, 2 ORDER BY 1 LIMIT at_most
$$;

REVOKE ALL ON FUNCTION report(date), close_figures(date, boolean), lines_of_figure(date, text),
    subscriptions_with_an_offer(text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION report(date), close_figures(date, boolean), subscriptions_with_an_offer(text, integer)
    TO cancelflow_app;
