-- depends: 0015_paid_until
-- What the catalogue says of a plan, kept with what was done by it.

-- How long an accepted offer stands in the way of another one, in calendar months, in UTC: months differ by time zone,
-- and an index may not. Never empty, so that an offer without a cool-down doesn't get around another one's.
CREATE FUNCTION cooldown(since timestamptz, months integer) RETURNS tsrange
    LANGUAGE sql IMMUTABLE
    RETURN tsrange(since AT TIME ZONE 'UTC',
        (since AT TIME ZONE 'UTC') + greatest(make_interval(months => months), interval '1 microsecond'));

ALTER TABLE retention_offers
    DROP CONSTRAINT one_retention_offer_in_six_months,
    ADD COLUMN cooldown_months smallint NOT NULL DEFAULT 6 CHECK (cooldown_months >= 0),
    ADD COLUMN entitlements    text[]   NOT NULL DEFAULT '{}',
    -- However many requests race (SPEC, Decided 2).
    ADD CONSTRAINT one_retention_offer_in_its_cooldown EXCLUDE USING gist (
        user_id WITH =, cooldown(accepted_at, cooldown_months) WITH &&
    ) WHERE (state <> 'withdrawn');

GRANT UPDATE (plan) ON subscriptions TO cancelflow_app;
