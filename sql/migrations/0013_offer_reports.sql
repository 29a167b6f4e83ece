-- depends: 0010_reports
-- What became of the offers of every kind: listed, accepted, and kept once the full price was paid again.

-- Offers listed by GET /offers: one row per subscription, offer and day (UTC), since a page may call it many times.
CREATE TABLE offers_listed (
    user_id         text COLLATE "C" NOT NULL REFERENCES users,
    subscription_id text        NOT NULL REFERENCES subscriptions,
    offer_id        text        NOT NULL,
    kind            text        NOT NULL,
    plan            text        NOT NULL,
    listed_on       date        NOT NULL DEFAULT (now() AT TIME ZONE 'UTC')::date,
    PRIMARY KEY (subscription_id, offer_id, listed_on)
);
CREATE INDEX offers_listed_of_user ON offers_listed (user_id);
CALL protect('offers_listed');
GRANT SELECT, INSERT ON offers_listed TO cancelflow_app;

-- The accepted offers, with the time after which the customer pays as before: a pause ends, early or by itself; a
-- discount ends; another price or a longer trial begins to cost.
CREATE VIEW accepted_offers AS
SELECT r.id, r.user_id, r.subscription_id, r.plan, r.kind, r.offer_id, r.received_at, month_of(r.received_at) AS month,
    coalesce(
        (SELECT min(e.finished_at) FROM change_requests e WHERE r.kind = 'pause' AND e.kind = 'resume'
            AND e.subscription_id = r.subscription_id AND e.outcome = 'changed' AND e.received_at > r.received_at),
        (r.agreed->>'resumes_at')::timestamptz, (r.agreed->>'discount_ends_at')::timestamptz,
        (r.agreed->>'trial_ends_at')::timestamptz, (r.agreed->>'starts_at')::timestamptz, r.received_at) AS over_at
FROM change_requests r
WHERE r.outcome = 'changed' AND r.offer_id IS NOT NULL AND r.origin <> 'stripe' AND r.kind NOT IN ('contact', 'redirect')
    AND NOT EXISTS (SELECT FROM unreported_requests u WHERE u.request_id = r.id);
COMMENT ON VIEW accepted_offers IS 'one row per accepted offer; it shows single users, so only the owner may read it';

CREATE VIEW report_offers AS
WITH listed AS (
    SELECT month_of(listed_on::timestamp AT TIME ZONE 'UTC') AS month, plan, kind, offer_id,
        count(DISTINCT subscription_id) AS listed
    FROM offers_listed GROUP BY 1, 2, 3, 4),
accepted AS (
    SELECT a.month, a.plan, a.kind, a.offer_id, count(*) AS accepted,
        count(*) FILTER (WHERE paid) AS saved, count(*) FILTER (WHERE NOT paid AND gone) AS left_after
    FROM accepted_offers a
        CROSS JOIN LATERAL (
            SELECT EXISTS (
                SELECT FROM retained_invoices i WHERE i.subscription_id = a.subscription_id
                    AND i.created_at >= a.over_at AND i.amount_paid > 0) AS paid,
                EXISTS (
                    SELECT FROM cancellation_requests c WHERE c.subscription_id = a.subscription_id
                        AND c.outcome IN ('pending_cancellation', 'canceled') AND c.received_at >= a.received_at)
                OR EXISTS (
                    SELECT FROM subscriptions s WHERE s.id = a.subscription_id AND s.ended_at >= a.received_at) AS gone
            ) AS became
    GROUP BY 1, 2, 3, 4)
SELECT month, plan, kind, offer_id AS offer, coalesce(listed, 0) AS shown, coalesce(accepted, 0) AS accepted,
    coalesce(saved, 0) AS saved, coalesce(left_after, 0) AS left_after,
    share(coalesce(saved, 0), coalesce(accepted, 0)) AS rate
FROM listed FULL JOIN accepted USING (month, plan, kind, offer_id);
COMMENT ON VIEW report_offers IS 'offers of every kind: shown, accepted, and saved / accepted
By the month in which GET /offers listed it, or in which it was accepted; a subscription counts once a month. Saved: an invoice was paid after the offer was over: billing had resumed after a pause, the full price was charged again after a discount. Left: cancelled or ended after accepting, without such a payment. Neither: not known yet. WF-023''s own offer counts here only if it was accepted as retention-offer.';
