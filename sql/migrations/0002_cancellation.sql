-- depends: 0001_customers
-- What WF-023 writes: the request and how far it came, and the effect of each step.

-- One row an attempt by a known caller, refused ones too. It is written before anything is done, and the flow runs by
-- its id. Whoever knows the id may read the row (the flow starts from nothing else); the policies are below.
CREATE TABLE cancellation_requests (
    id                  uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id             uuid        NOT NULL,  -- the token's subject; no foreign key, for it may be nobody's
    asked_user_id       uuid        NOT NULL,  -- the body's user_id: another's only in a request that was refused
    asked_subscription  text,                  -- the body's subscription_id
    accept_offer        boolean     NOT NULL,
    reason              text,
    feedback            text        CHECK (length(feedback) <= 5000),  -- until step 5B moves it to cancellation_reasons
    received_at         timestamptz NOT NULL DEFAULT now(),

    subscription_id     text        REFERENCES subscriptions,  -- chosen by step 2
    -- How far the work has come, written with the work that it describes. A run passes over what it finds done.
    recovery_point      text        NOT NULL DEFAULT 'received' CHECK (recovery_point IN (
        'received', 'offer_reserved', 'discount_applied', 'reason_captured', 'cancellation_scheduled',
        'marked_pending', 'finished')),
    released_schedule   text,                  -- a plan change (WF-021) that had to go for the cancellation
    cancel_at           timestamptz,           -- as Stripe answered when read back
    stripe_request_id   text,                  -- req_… of the write that decided

    outcome             text        CHECK (outcome IN (
        'pending_cancellation', 'canceled', 'retained', 'refused', 'failed')),
    http_status         smallint,
    answer              json,                  -- the body that the caller was given; json keeps its order
    finished_at         timestamptz,
    runs                integer     NOT NULL DEFAULT 0,  -- how many times a flow run took it up
    -- When to take it up again, unless a run ends before that with nothing left to do: then null. It bounds a run's
    -- time too, for the next one may start at this moment.
    resume_at           timestamptz DEFAULT now() + interval '1 minute',
    flow_run_id         uuid,                  -- the last of them
    CONSTRAINT an_outcome_is_whole CHECK (
        num_nonnulls(outcome, http_status, answer, finished_at) IN (0, 4))
);
CREATE INDEX cancellation_requests_of_user ON cancellation_requests (user_id, received_at);
-- Two requests at once for one subscription: the second is refused while the first is under way.
CREATE UNIQUE INDEX one_request_at_a_time ON cancellation_requests (subscription_id) WHERE finished_at IS NULL;
CREATE INDEX cancellation_requests_to_resume ON cancellation_requests (resume_at) WHERE resume_at IS NOT NULL;

-- Step 5B. The only place where the free text stays, so that anonymisation has one place to look.
CREATE TABLE cancellation_reasons (
    id              bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    request_id      uuid        NOT NULL UNIQUE REFERENCES cancellation_requests,
    user_id         uuid        NOT NULL REFERENCES users,
    subscription_id text        NOT NULL REFERENCES subscriptions,
    plan            text        NOT NULL,
    category        text        NOT NULL CHECK (category IN (
        'customer_service', 'low_quality', 'missing_features', 'other', 'switched_service', 'too_complex',
        'too_expensive', 'unused', 'prefer_not_to_say')),
    feedback        text        CHECK (length(feedback) <= 5000),
    created_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX cancellation_reasons_of_user ON cancellation_reasons (user_id);

-- Step 5A. A place is reserved before Stripe is called, so that two requests at once cannot both be given a discount.
CREATE TABLE retention_offers (
    id               bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    request_id       uuid        NOT NULL UNIQUE REFERENCES cancellation_requests,
    user_id          uuid        NOT NULL REFERENCES users,
    subscription_id  text        NOT NULL REFERENCES subscriptions,
    plan             text        NOT NULL,
    percent_off      smallint    NOT NULL CHECK (percent_off BETWEEN 1 AND 100),
    months           smallint    NOT NULL CHECK (months > 0),
    coupon_id        text        NOT NULL,
    stripe_discount_id text,     -- di_…, once it is applied
    state            text        NOT NULL DEFAULT 'reserved' CHECK (state IN ('reserved', 'applied', 'withdrawn')),
    accepted_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT an_applied_offer_names_its_discount CHECK (state <> 'applied' OR stripe_discount_id IS NOT NULL),
    -- At most one in 6 calendar months a user, however many requests race (SPEC, Decided 2). In UTC, for months
    -- differ by time zone and an index may not.
    CONSTRAINT one_retention_offer_in_six_months EXCLUDE USING gist (
        user_id WITH =,
        tsrange(accepted_at AT TIME ZONE 'UTC', (accepted_at AT TIME ZONE 'UTC') + interval '6 months') WITH &&
    ) WHERE (state <> 'withdrawn')
);

-- What an offer gives besides the discount: Enterprise's priority support (W05).
CREATE TABLE entitlements (
    id              bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    request_id      uuid        NOT NULL REFERENCES cancellation_requests,
    user_id         uuid        NOT NULL REFERENCES users,
    subscription_id text        NOT NULL REFERENCES subscriptions,
    kind            text        NOT NULL CHECK (kind IN ('priority_support')),
    starts_at       timestamptz NOT NULL,
    ends_at         timestamptz NOT NULL CHECK (ends_at > starts_at),
    UNIQUE (request_id, kind)
);
CREATE INDEX entitlements_of_user ON entitlements (user_id);

-- Step 9B. WF-056 deletes the user's data at run_at.
CREATE TABLE data_retention_jobs (
    id              bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    request_id      uuid        NOT NULL UNIQUE REFERENCES cancellation_requests,
    user_id         uuid        NOT NULL REFERENCES users,
    subscription_id text        NOT NULL REFERENCES subscriptions,
    cancel_at       timestamptz NOT NULL,
    run_at          timestamptz NOT NULL,
    status          text        NOT NULL DEFAULT 'scheduled' CHECK (status IN ('scheduled', 'done', 'cancelled')),
    created_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT data_is_kept_for_90_days CHECK (run_at - cancel_at = interval '90 days')
);
CREATE UNIQUE INDEX one_scheduled_job_a_subscription ON data_retention_jobs (subscription_id)
    WHERE status = 'scheduled';
CREATE INDEX data_retention_jobs_due ON data_retention_jobs (run_at) WHERE status = 'scheduled';
CREATE INDEX data_retention_jobs_of_user ON data_retention_jobs (user_id);

-- What must still leave the house: written with step 7B, ticked off by steps 8B and 10B, and sent later if they failed.
CREATE TABLE outbox (
    id              uuid        PRIMARY KEY DEFAULT gen_random_uuid(),  -- the event's event_id, the letter's Message-ID
    request_id      uuid        NOT NULL REFERENCES cancellation_requests,
    user_id         uuid        NOT NULL REFERENCES users,
    kind            text        NOT NULL CHECK (kind IN ('cancellation_confirmation', 'subscription.canceled')),
    created_at      timestamptz NOT NULL DEFAULT now(),
    delivered_at    timestamptz,
    receipt         text,        -- Pub/Sub's message id
    attempts        integer     NOT NULL DEFAULT 0,
    refused         boolean     NOT NULL DEFAULT false,  -- it will never be taken: an address that is none
    UNIQUE (request_id, kind)
);
CREATE INDEX outbox_of_user ON outbox (user_id);

-- One row an attempt, whatever was answered: who, what, outcome, Stripe's request. Nothing personal but ids.
CREATE TABLE audit_log (
    id                bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at                timestamptz NOT NULL DEFAULT now(),
    user_id           uuid        NOT NULL,  -- who: the token's subject
    action            text        NOT NULL,
    request_id        uuid,                  -- none where the body could not even be read
    asked_user_id     uuid,
    subscription_id   text,
    outcome           text        NOT NULL,
    http_status       smallint    NOT NULL,
    problem           text,                  -- the refusal's or failure's name
    stripe_request_id text
);
CREATE INDEX audit_log_of_user ON audit_log (user_id, at);
CREATE INDEX audit_log_of_request ON audit_log (request_id);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit_log is append-only' USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER audit_log_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
