-- depends: 0003_row_level_security
-- `Idempotency-Key` (https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/): the caller's own
-- word for a request, so that asking again is not asking twice. It holds for 24 hours.

CREATE TABLE idempotency_keys (
    user_id     uuid        NOT NULL,
    key         text        NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    fingerprint bytea       NOT NULL,  -- of the body, to tell another request under the same key
    request_id  uuid        NOT NULL REFERENCES cancellation_requests,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, key)
);
ALTER TABLE idempotency_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE idempotency_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON idempotency_keys TO cancelflow_app USING (user_id = app_user_id());
DO $$ BEGIN EXECUTE format('CREATE POLICY all_rows ON idempotency_keys TO %I USING (true)', current_user); END $$;
GRANT SELECT, INSERT, UPDATE (fingerprint, request_id, created_at) ON idempotency_keys TO cancelflow_app;
