-- depends: 0003_requests
-- The results of a cancellation request: a reason, or a retention offer with its entitlements.

-- Step 5B. Free text is stored only here, so that anonymisation has one place to clear.
CREATE TABLE cancellation_reasons (
    id              bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    request_id      uuid        NOT NULL UNIQUE REFERENCES cancellation_requests,
    user_id         text COLLATE "C" NOT NULL REFERENCES users,
    subscription_id text        NOT NULL REFERENCES subscriptions,
    plan            text        NOT NULL,
    category        text        NOT NULL CHECK (category IN (
        'customer_service', 'low_quality', 'missing_features', 'other', 'switched_service', 'too_complex',
        'too_expensive', 'unused', 'prefer_not_to_say')),
    feedback        text        CHECK (length(feedback) <= 5000),
    answered_at     timestamptz,  -- on the feedback page linked in an email, which can be submitted once
    created_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX cancellation_reasons_of_user ON cancellation_reasons (user_id);
CREATE INDEX cancellation_reasons_of_subscription ON cancellation_reasons (subscription_id);
CREATE INDEX cancellation_reasons_since ON cancellation_reasons (subscription_id, created_at);
CALL protect('cancellation_reasons');
GRANT SELECT, INSERT, UPDATE (category, feedback, answered_at) ON cancellation_reasons TO cancelflow_app;

-- Return the range in which an accepted offer prevents another one, in calendar months of UTC, since an index must not
-- depend on a time zone. Never empty, so that an offer without a cool-down can't bypass another offer's.
CREATE FUNCTION cooldown(since timestamptz, months integer) RETURNS tsrange
    LANGUAGE sql IMMUTABLE
    RETURN tsrange(since AT TIME ZONE 'UTC',
        (since AT TIME ZONE 'UTC') + greatest(make_interval(months => months), interval '1 microsecond'));

-- Step 5A. An offer is reserved before Stripe is called, so that two concurrent requests cannot both get a discount.
CREATE TABLE retention_offers (
    id                 bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    request_id         uuid        NOT NULL UNIQUE,  -- of a cancellation, or of a change that accepted an offer
    user_id            text COLLATE "C" NOT NULL REFERENCES users,
    subscription_id    text        NOT NULL REFERENCES subscriptions,
    plan               text        NOT NULL,
    percent_off        numeric     CHECK (percent_off > 0 AND percent_off <= 100),  -- null for an amount off
    months             smallint    CHECK (months > 0),  -- null for a discount on one invoice, or forever
    coupon_id          text        NOT NULL,
    entitlements       text[]      NOT NULL DEFAULT '{}',
    cooldown_months    smallint    NOT NULL DEFAULT 6 CHECK (cooldown_months >= 0),  -- from the catalogue
    stripe_discount_id text,       -- di_…, once it is applied
    -- What the offer did to an existing discount; null where there was none. The response reports it, also after a
    -- request was resumed.
    current_discount   text        CHECK (current_discount IN ('replaced', 'kept')),
    state              text        NOT NULL DEFAULT 'reserved' CHECK (state IN ('reserved', 'applied', 'withdrawn')),
    accepted_at        timestamptz NOT NULL DEFAULT now(),
    remind_at          timestamptz,  -- when to announce its end, if it was accepted with a cancellation request
    CONSTRAINT an_applied_offer_names_its_discount CHECK (state <> 'applied' OR stripe_discount_id IS NOT NULL),
    -- Holds for concurrent requests too (SPEC, Decided 2).
    CONSTRAINT one_retention_offer_in_its_cooldown EXCLUDE USING gist (
        user_id WITH =, cooldown(accepted_at, cooldown_months) WITH &&
    ) WHERE (state <> 'withdrawn')
);
CREATE INDEX retention_offers_of_user ON retention_offers (user_id);
CREATE INDEX retention_offers_of_subscription ON retention_offers (subscription_id);
CREATE INDEX retention_offers_to_remind ON retention_offers (remind_at) WHERE remind_at IS NOT NULL;
CREATE INDEX retention_offers_since ON retention_offers (subscription_id, accepted_at);
CALL protect('retention_offers');
GRANT SELECT, INSERT, UPDATE (state, stripe_discount_id, current_discount, remind_at) ON retention_offers TO cancelflow_app;

-- What an offer grants besides the discount: Enterprise's priority support (W05).
CREATE TABLE entitlements (
    id              bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    request_id      uuid        NOT NULL,
    user_id         text COLLATE "C" NOT NULL REFERENCES users,
    subscription_id text        NOT NULL REFERENCES subscriptions,
    kind            text        NOT NULL CHECK (kind IN ('priority_support')),
    starts_at       timestamptz NOT NULL,
    ends_at         timestamptz NOT NULL CHECK (ends_at > starts_at),
    UNIQUE (request_id, kind)
);
CREATE INDEX entitlements_of_user ON entitlements (user_id);
CREATE INDEX entitlements_of_subscription ON entitlements (subscription_id);
CALL protect('entitlements');
GRANT SELECT, INSERT ON entitlements TO cancelflow_app;
