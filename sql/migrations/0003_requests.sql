-- depends: 0002_subscriptions
-- Requests to cancel, to reactivate and to accept an offer, the caller's idempotency keys, and the audit log of all attempts.

-- Return how long a run may go without renewing its lease before another process may claim its work.
CREATE FUNCTION lease() RETURNS interval LANGUAGE sql IMMUTABLE RETURN interval '15 seconds';

-- One row per attempt by an authenticated caller, including refused ones. It is written before anything else is done;
-- the flow receives only its id.
CREATE TABLE cancellation_requests (
    id                  uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id             text COLLATE "C" NOT NULL,  -- from the token; no foreign key, as the user may be unknown
    asked_user_id       text COLLATE "C" NOT NULL,  -- the body's user_id; differs only in a refused request
    asked_subscription  text,                  -- the body's subscription_id
    accept_offer        boolean     NOT NULL,
    reason              text,
    feedback_option     text,                  -- the reason as one of Stripe's billing.feedback_option
    as_of               timestamptz,           -- the body's: of the preview that the customer was shown
    feedback            text        CHECK (length(feedback) <= 5000),  -- until step 5B moves it to cancellation_reasons
    -- Where the request was made. One from Stripe starts at the step after Stripe's change.
    origin              text        NOT NULL DEFAULT 'api' CHECK (origin IN ('api', 'stripe')),
    received_at         timestamptz NOT NULL DEFAULT now(),

    -- The last completed step, written in the same transaction as its effect, so that a later run skips it.
    recovery_point      text        NOT NULL DEFAULT 'received' CHECK (recovery_point IN (
        'received', 'offer_reserved', 'discount_applied', 'reason_captured', 'cancellation_scheduled',
        'marked_pending', 'finished')),
    subscription_id     text        REFERENCES subscriptions,  -- chosen by step 2
    period_end          timestamptz,           -- on receipt, by our row; used only to detect urgent requests
    -- The end, in Stripe, of the period that was running on receipt, as first read.
    paid_until          timestamptz,
    approved_at         timestamptz,           -- by an operator, where the plan is `manual_only`
    term_ends_at        timestamptz,           -- end of a fixed term that the cancellation replaced
    released_schedule   text,                  -- a scheduled plan change (WF-021) that the cancellation dropped
    cancel_at           timestamptz,           -- as Stripe confirmed it
    -- What the plan's policy does: the refund with its credit notes, and the end of access. Decided once, before the
    -- first write to Stripe; null where the plan has no policy of its own.
    terms               json,
    stripe_request_id   text,                  -- req_… of the write that took effect
    -- Stripe replays a failure for the same idempotency key, so a retry after a failure needs the next key.
    billing_try         integer     NOT NULL DEFAULT 1,
    renewal_undone      boolean     NOT NULL DEFAULT false,  -- a renewal during the delay was refunded or voided
    invoices_voided     boolean     NOT NULL DEFAULT false,  -- unpaid open invoices; the email mentions it

    outcome             text        CHECK (outcome IN (
        'pending_cancellation', 'canceled', 'retained', 'refused', 'failed')),
    http_status         smallint,
    response            json,                  -- the response body; json keeps the order of its keys
    finished_at         timestamptz,
    reported_failed     boolean     NOT NULL DEFAULT false,  -- to the caller; Stripe may have applied it nevertheless

    runs                integer     NOT NULL DEFAULT 0,      -- flow runs that claimed it
    tries               integer     NOT NULL DEFAULT 0,      -- of these, since receipt or since an operator resumed it
    trying_since        timestamptz NOT NULL DEFAULT now(),
    -- The lease: its run renews it, and once it has expired any process may claim the request. Null once nothing is
    -- left to do, or while it waits for an operator.
    resume_at           timestamptz DEFAULT now() + lease(),
    parked_at           timestamptz,           -- automatic retries have ended: it needs attention
    by_hand             boolean     NOT NULL DEFAULT false,  -- left to a person, who does it in Stripe
    problem             text,                  -- why the last try failed, as a slug without customer data
    flow_run_id         uuid,                  -- of the last run

    -- For a cancellation in Stripe's portal without a reason: when to send the email that asks for one, or to retry
    -- it. Null if it is not to be sent, or was sent.
    ask_why_at          timestamptz,
    anonymized_at       timestamptz,
    anonymizing_until   timestamptz,           -- a run's claim, which expires then
    CONSTRAINT an_outcome_is_whole CHECK (
        num_nonnulls(outcome, http_status, response, finished_at) IN (0, 4))
);
-- A second request for the same subscription is refused while the first is under way.
CREATE UNIQUE INDEX one_request_at_a_time ON cancellation_requests (subscription_id) WHERE finished_at IS NULL;
-- The intake looks for other requests of the user that are under way or have just ended.
CREATE INDEX cancellation_requests_under_way ON cancellation_requests (user_id) WHERE finished_at IS NULL;
CREATE INDEX cancellation_requests_of_user ON cancellation_requests (user_id, received_at);
CREATE INDEX cancellation_requests_of_subscription ON cancellation_requests (subscription_id);
CREATE INDEX cancellation_requests_since ON cancellation_requests (subscription_id, received_at);
CREATE INDEX cancellation_requests_to_resume ON cancellation_requests (resume_at) WHERE resume_at IS NOT NULL;
CREATE INDEX cancellation_requests_parked ON cancellation_requests (parked_at) WHERE parked_at IS NOT NULL;
CREATE INDEX cancellation_requests_to_ask_why ON cancellation_requests (ask_why_at) WHERE ask_why_at IS NOT NULL;
CREATE INDEX cancellation_requests_to_anonymize ON cancellation_requests (received_at) WHERE anonymized_at IS NULL;

CALL protect('cancellation_requests');
-- A flow run knows only its request's id; this policy lets it look up the user.
CREATE POLICY by_its_id ON cancellation_requests FOR SELECT TO cancelflow_app
    USING (id = nullif(current_setting('app.request_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE (feedback, recovery_point, subscription_id, paid_until, approved_at,
    term_ends_at, released_schedule, cancel_at, terms,
    stripe_request_id, billing_try, renewal_undone, invoices_voided, outcome, http_status, response, finished_at,
    reported_failed, runs, tries, trying_since, resume_at, parked_at, by_hand, problem, flow_run_id, ask_why_at,
    anonymized_at)
    ON cancellation_requests TO cancelflow_app;

-- Requests to revoke a cancellation: from the API, from the button in the email, or reported by Stripe. Columns of the
-- same name have the same meaning as above.
CREATE TABLE reactivation_requests (
    id                 uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id            text COLLATE "C" NOT NULL,
    asked_user_id      text COLLATE "C" NOT NULL,
    asked_subscription text,
    origin             text        NOT NULL CHECK (origin IN ('api', 'link', 'stripe')),
    received_at        timestamptz NOT NULL DEFAULT now(),

    recovery_point     text        NOT NULL DEFAULT 'received' CHECK (recovery_point IN (
        'received', 'cleared', 'marked_active', 'finished')),
    subscription_id    text        REFERENCES subscriptions,
    renews_at          timestamptz,           -- as Stripe confirmed it
    stripe_request_id  text,
    billing_try        integer     NOT NULL DEFAULT 1,

    outcome            text        CHECK (outcome IN ('reactivated', 'active_already', 'refused', 'failed')),
    http_status        smallint,
    response           json,
    finished_at        timestamptz,
    reported_failed    boolean     NOT NULL DEFAULT false,

    runs               integer     NOT NULL DEFAULT 0,
    tries              integer     NOT NULL DEFAULT 0,
    trying_since       timestamptz NOT NULL DEFAULT now(),
    resume_at          timestamptz DEFAULT now() + lease(),
    parked_at          timestamptz,
    by_hand            boolean     NOT NULL DEFAULT false,
    problem            text,
    flow_run_id        uuid,
    CONSTRAINT a_reactivation_is_whole CHECK (num_nonnulls(outcome, http_status, response, finished_at) IN (0, 4))
);
CREATE UNIQUE INDEX one_reactivation_at_a_time ON reactivation_requests (subscription_id) WHERE finished_at IS NULL;
CREATE INDEX reactivation_requests_of_user ON reactivation_requests (user_id, received_at);
CREATE INDEX reactivation_requests_to_resume ON reactivation_requests (resume_at) WHERE resume_at IS NOT NULL;
CREATE INDEX reactivation_requests_parked ON reactivation_requests (parked_at) WHERE parked_at IS NOT NULL;

CALL protect('reactivation_requests');
CREATE POLICY by_its_id ON reactivation_requests FOR SELECT TO cancelflow_app
    USING (id = nullif(current_setting('app.request_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE (recovery_point, subscription_id, renews_at, stripe_request_id, billing_try, outcome,
    http_status, response, finished_at, reported_failed, runs, tries, trying_since, resume_at, parked_at, by_hand,
    problem, flow_run_id) ON reactivation_requests TO cancelflow_app;

-- Requests to accept an offer, or to end a pause early: from the API, from the link in an email, or reported by Stripe.
CREATE TABLE change_requests (
    id                 uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id            text COLLATE "C" NOT NULL,
    asked_user_id      text COLLATE "C" NOT NULL,
    asked_subscription text,
    origin             text        NOT NULL CHECK (origin IN ('api', 'link', 'stripe')),
    received_at        timestamptz NOT NULL DEFAULT now(),
    kind               text        NOT NULL CHECK (kind IN (
        'discount', 'pause', 'resume', 'plan_change', 'trial_extension', 'contact', 'redirect')),
    offer_id           text,                  -- in the catalogue; null for `resume` and for what was done in Stripe
    choice             json        NOT NULL DEFAULT '{}',  -- what the customer chose within the offer

    recovery_point     text        NOT NULL DEFAULT 'received' CHECK (recovery_point IN (
        'received', 'agreed', 'applied', 'recorded', 'finished')),
    subscription_id    text        REFERENCES subscriptions,
    plan               text,
    -- What is to be done in Stripe, and what it costs as Stripe previewed it: decided once, before the first write, so
    -- that every later run does the same.
    agreed             json,
    stripe_request_id  text,
    billing_try        integer     NOT NULL DEFAULT 1,
    remind_at          timestamptz,           -- when to announce that billing resumes, or that a discount ends

    outcome            text        CHECK (outcome IN ('changed', 'refused', 'failed')),
    http_status        smallint,
    response           json,
    finished_at        timestamptz,
    reported_failed    boolean     NOT NULL DEFAULT false,

    runs               integer     NOT NULL DEFAULT 0,
    tries              integer     NOT NULL DEFAULT 0,
    trying_since       timestamptz NOT NULL DEFAULT now(),
    resume_at          timestamptz DEFAULT now() + lease(),
    parked_at          timestamptz,
    by_hand            boolean     NOT NULL DEFAULT false,
    problem            text,
    flow_run_id        uuid,
    CONSTRAINT a_change_is_whole CHECK (num_nonnulls(outcome, http_status, response, finished_at) IN (0, 4)),
    CONSTRAINT an_applied_change_was_agreed CHECK (
        agreed IS NOT NULL OR recovery_point = 'received')
);
CREATE UNIQUE INDEX one_change_at_a_time ON change_requests (subscription_id) WHERE finished_at IS NULL;
CREATE INDEX change_requests_of_user ON change_requests (user_id, received_at);
CREATE INDEX change_requests_of_subscription ON change_requests (subscription_id, received_at);
CREATE INDEX change_requests_to_resume ON change_requests (resume_at) WHERE resume_at IS NOT NULL;
CREATE INDEX change_requests_parked ON change_requests (parked_at) WHERE parked_at IS NOT NULL;
CREATE INDEX change_requests_to_remind ON change_requests (remind_at) WHERE remind_at IS NOT NULL;

CALL protect('change_requests');
CREATE POLICY by_its_id ON change_requests FOR SELECT TO cancelflow_app
    USING (id = nullif(current_setting('app.request_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE (recovery_point, subscription_id, plan, agreed, stripe_request_id, billing_try, remind_at,
    outcome, http_status, response, finished_at, reported_failed, runs, tries, trying_since, resume_at, parked_at,
    by_hand, problem, flow_run_id) ON change_requests TO cancelflow_app;

-- Requests of every kind, with the columns that they share.
CREATE VIEW requests WITH (security_invoker = true) AS
SELECT 'cancellation' AS kind, id, user_id, asked_subscription, subscription_id, received_at, recovery_point, outcome, http_status,
    response, finished_at, runs, resume_at, parked_at, by_hand, problem FROM cancellation_requests
UNION ALL
SELECT 'reactivation', id, user_id, asked_subscription, subscription_id, received_at, recovery_point, outcome, http_status,
    response, finished_at, runs, resume_at, parked_at, by_hand, problem FROM reactivation_requests
UNION ALL
SELECT 'change', id, user_id, asked_subscription, subscription_id, received_at, recovery_point, outcome, http_status,
    response, finished_at, runs, resume_at, parked_at, by_hand, problem FROM change_requests;
COMMENT ON VIEW requests IS 'requests of every kind; each user sees their own';
GRANT SELECT ON requests TO cancelflow_app;

-- The caller's `Idempotency-Key` (https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/), which
-- makes it safe to repeat a request. A key can be reused after 24 hours, even if its row was not pruned yet.
CREATE TABLE idempotency_keys (
    user_id     text COLLATE "C" NOT NULL,
    key         text        NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    fingerprint bytea       NOT NULL,  -- of the body, to detect a different request under the same key
    request_ids uuid[]      NOT NULL,  -- of cancellations or changes: several if the call was about every subscription
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
CALL protect('idempotency_keys');
GRANT SELECT, INSERT, UPDATE (fingerprint, request_ids, created_at) ON idempotency_keys TO cancelflow_app;

CREATE FUNCTION prune_idempotency_keys(at_most integer) RETURNS integer
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    WITH over AS (
        SELECT user_id, key FROM idempotency_keys WHERE created_at < now() - interval '24 hours'
        LIMIT at_most FOR UPDATE SKIP LOCKED),
    gone AS (DELETE FROM idempotency_keys k USING over WHERE (k.user_id, k.key) = (over.user_id, over.key) RETURNING 1)
    SELECT count(*)::integer FROM gone
$$;

-- One row per attempt, whatever the response: caller, request, outcome, Stripe's request. Ids only.
CREATE TABLE audit_log (
    id                bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at                timestamptz NOT NULL DEFAULT now(),
    user_id           text COLLATE "C" NOT NULL,  -- the caller, from the token
    action            text        NOT NULL,
    request_id        uuid,                  -- null where the body could not be read
    asked_user_id     text COLLATE "C",
    subscription_id   text,
    outcome           text        NOT NULL,
    http_status       smallint    NOT NULL,
    problem           text,                  -- the name of the refusal or failure
    stripe_request_id text
);
CREATE INDEX audit_log_of_user ON audit_log (user_id, at);
CREATE INDEX audit_log_of_request ON audit_log (request_id);
CREATE INDEX audit_log_since ON audit_log (subscription_id, at);
CALL protect('audit_log');
GRANT SELECT, INSERT ON audit_log TO cancelflow_app;

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit_log is append-only' USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER audit_log_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

REVOKE ALL ON FUNCTION prune_idempotency_keys(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION prune_idempotency_keys(integer) TO cancelflow_app;
