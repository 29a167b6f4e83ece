-- depends: 0019_consents 0022_replies
-- Fixes of what customers missed, and the email to those who left without them (FEATURES N08, W38).

-- `cancelflow fix ship` adds fixes, as the owner. They have no users' rows.
CREATE TABLE fixes (
    tag        text        PRIMARY KEY,  -- as in feedback_tags
    notes      json        NOT NULL,     -- what was fixed, in one paragraph, by language
    shipped_at timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT ON fixes TO cancelflow_app;

-- Each customer with a fix's tag when it was shipped, and whether they were written to, which is decided once.
CREATE TABLE win_backs (
    id            uuid        PRIMARY KEY DEFAULT gen_random_uuid(),  -- the email's Message-ID
    tag           text        NOT NULL REFERENCES fixes,
    user_id       text COLLATE "C" NOT NULL,
    request_id    uuid        NOT NULL REFERENCES cancellation_requests,  -- that has the tag
    created_at    timestamptz NOT NULL DEFAULT now(),
    claimed_until timestamptz,  -- a run's claim while it sends the email, which expires then
    outcome       text        CHECK (outcome IN (
        'written',        -- the mail server accepted the email
        'not_tagged',     -- the tag was removed since, by a person or with the reason
        'not_left',       -- the request was no cancellation, or the subscription ended for another reason
        'came_back',      -- a subscription of the customer lives and will renew
        'no_consent',     -- none to marketing emails, or only to a wording that doesn't count any more
        'no_address',
        'undeliverable')),  -- an earlier email bounced, or the mail server refuses the address
    decided_at    timestamptz,
    UNIQUE (tag, user_id),
    CONSTRAINT a_decided_win_back_says_when CHECK (num_nonnulls(outcome, decided_at) IN (0, 2))
);
CREATE INDEX win_backs_of_user ON win_backs (user_id);
CREATE INDEX win_backs_of_request ON win_backs (request_id);
CREATE INDEX win_backs_waiting ON win_backs (id) WHERE outcome IS NULL;
CREATE INDEX win_backs_by_age ON win_backs (coalesce(decided_at, created_at));
CALL protect('win_backs');
GRANT SELECT, UPDATE (claimed_until, outcome, decided_at) ON win_backs TO cancelflow_app;

-- Those whose rows were deleted, as counts.
CREATE TABLE win_back_counts (
    tag       text    NOT NULL,
    month     date    NOT NULL,  -- in which it was decided, in UTC
    outcome   text    NOT NULL,
    customers integer NOT NULL,
    came_back integer NOT NULL,
    PRIMARY KEY (tag, month, outcome)
);

-- Return each customer with this tag, with their newest cancellation that has it.
CREATE FUNCTION customers_tagged(of_tag text) RETURNS TABLE (user_id text, request_id uuid)
    LANGUAGE sql STABLE
AS $$
    SELECT DISTINCT ON (r.user_id) r.user_id, r.id
    FROM feedback_tags t JOIN cancellation_requests r ON r.id = t.request_id
    WHERE t.kind = 'missing' AND t.tag = of_tag AND r.anonymized_at IS NULL
    ORDER BY r.user_id, r.outcome IN ('pending_cancellation', 'canceled') DESC NULLS LAST, r.received_at DESC
$$;

-- Return the customers, of one fix or of all, about whom nothing is decided yet, and whom no run has claimed. For a dry
-- run, also those who would be added if the fix were shipped now; `id` is then their request's.
CREATE FUNCTION win_backs_waiting(of_tag text, dry_run boolean)
    RETURNS TABLE (id uuid, tag text, user_id text, request_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT w.id, w.tag, w.user_id, w.request_id FROM win_backs w
    WHERE w.outcome IS NULL AND w.tag = coalesce(of_tag, w.tag) AND coalesce(w.claimed_until <= now(), true)
    UNION ALL
    SELECT t.request_id, of_tag, t.user_id, t.request_id FROM customers_tagged(of_tag) t
    WHERE dry_run AND NOT EXISTS (SELECT FROM win_backs w WHERE w.tag = of_tag AND w.user_id = t.user_id COLLATE "C")
$$;

-- Return whether the customer reactivated or subscribed again within 90 days after this time.
CREATE FUNCTION came_back(whose text, since timestamptz) RETURNS boolean
    LANGUAGE sql STABLE
    RETURN EXISTS (
        SELECT FROM subscriptions s
        WHERE s.user_id = whose
            AND ((s.live_again_at > since AND s.live_again_at <= since + interval '90 days')
                OR (s.created_at > since AND s.created_at <= since + interval '90 days'
                    AND s.status NOT IN ('incomplete', 'incomplete_expired'))))
    OR EXISTS (
        SELECT FROM audit_log a
        WHERE a.user_id = whose AND a.outcome = 'reactivated' AND a.at > since AND a.at <= since + interval '90 days');

-- Count a row that goes with its customer's data, or by its age. Requests that count in no figure don't count here.
CREATE FUNCTION count_win_back() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    INSERT INTO win_back_counts AS counted (tag, month, outcome, customers, came_back)
    SELECT OLD.tag, month_of(OLD.decided_at), OLD.outcome, 1, came_back(OLD.user_id, OLD.decided_at)::integer
    WHERE NOT EXISTS (SELECT FROM unreported_requests u WHERE u.request_id = OLD.request_id)
    ON CONFLICT (tag, month, outcome) DO UPDATE
        SET customers = counted.customers + 1, came_back = counted.came_back + EXCLUDED.came_back;
    RETURN NULL;
END
$$;
CREATE TRIGGER win_backs_are_counted AFTER DELETE ON win_backs
    FOR EACH ROW WHEN (OLD.outcome IS NOT NULL) EXECUTE FUNCTION count_win_back();

-- Delete rows 90 days after they were decided, when it is known who came back. A tag is deleted with its reason, 90 days
-- after the cancellation, so that no customer is added again for what they missed then.
CREATE FUNCTION prune_win_backs(at_most integer) RETURNS integer
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    WITH over AS (
        SELECT id FROM win_backs WHERE coalesce(decided_at, created_at) < now() - interval '90 days'
        LIMIT at_most FOR UPDATE SKIP LOCKED),
    gone AS (DELETE FROM win_backs w USING over WHERE w.id = over.id RETURNING 1)
    SELECT count(*)::integer FROM gone
$$;

-- W38, for each fix. `judged`: 90 days are over.
CREATE VIEW fix_outcomes AS
SELECT w.tag, month_of(w.decided_at) AS month, w.outcome, count(*) AS customers,
    count(*) FILTER (WHERE back.came_back) AS came_back, count(*) FILTER (WHERE back.judged) AS judged,
    count(*) FILTER (WHERE back.judged AND back.came_back) AS won_back
FROM win_backs w
    CROSS JOIN LATERAL (
        SELECT came_back(w.user_id, w.decided_at) AS came_back,
            w.decided_at + interval '90 days' <= now() AS judged) AS back
WHERE w.outcome IS NOT NULL AND NOT EXISTS (SELECT FROM unreported_requests u WHERE u.request_id = w.request_id)
GROUP BY 1, 2, 3
UNION ALL
SELECT tag, month, outcome, customers, came_back, customers, came_back FROM win_back_counts;
COMMENT ON VIEW fix_outcomes IS 'customers tagged with a fix, by month and outcome, and how many came back within 90 days; only the owner may read it';

CREATE VIEW report_fixes AS
SELECT month, tag, outcome, sum(customers)::bigint AS customers, sum(judged)::bigint AS judged,
    sum(won_back)::bigint AS won_back, share(sum(won_back)::bigint, sum(judged)::bigint) AS rate
FROM fix_outcomes GROUP BY month, tag, outcome;
COMMENT ON VIEW report_fixes IS 'reactivated or subscribed again within 90 days of a fix / tagged with it, at least 90 days ago
By the month in which it was decided to write to a customer, or not to, and by that outcome. Compare those written to with those who could not be: the difference is what the email may have done. A customer whose data is deleted before the 90 days are over counts as it was then.';

CREATE OR REPLACE VIEW report_figures AS
SELECT place, figure, final_after::interval AS final_after
FROM (VALUES
    (1, 'offer_acceptance', '7 days'), (2, 'reason_share', '90 days'), (3, 'feedback', '90 days'),
    (4, 'saved', '30 days'), (5, 'retained_revenue', '12 months'), (6, 'win_back', '90 days'),
    (7, 'email_time', '7 days'), (8, 'refusals', '0 days'), (9, 'offers', '12 months'),
    (10, 'fixes', '90 days')) AS known (place, figure, final_after);

REVOKE ALL ON FUNCTION win_backs_waiting(text, boolean), count_win_back(), prune_win_backs(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION win_backs_waiting(text, boolean), prune_win_backs(integer) TO cancelflow_app;
