-- depends: 0011_intake 0009_data_deletion
-- Consents: the wordings that a company asks with, and what each customer accepted and revoked (FEATURES A01 to A04, G06).
-- Both tables are append-only, for the owner too: a change is a new row.

CREATE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
$$;

-- `cancelflow consents publish` adds versions, as the owner. They have no users' rows.
CREATE TABLE consent_wordings (
    channel      text        NOT NULL CHECK (channel IN ('phone', 'sms', 'email_marketing')),
    version      integer     NOT NULL CHECK (version > 0),
    language     text        NOT NULL,  -- empty: the text is for customers of every language
    text         text        NOT NULL,
    published_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (channel, version, language)
);
CREATE TRIGGER consent_wordings_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON consent_wordings
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();
GRANT SELECT ON consent_wordings TO cancelflow_app;

-- The ledger. It proves consent after the customer's data is deleted, so it has no foreign key to users.
CREATE TABLE consents (
    id              bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id         text COLLATE "C" NOT NULL,
    channel         text        NOT NULL CHECK (channel IN ('phone', 'sms', 'email_marketing')),
    accepted        boolean     NOT NULL,  -- false: revoked
    recorded_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    version         integer,    -- of the wording that the customer accepted
    language        text,       -- in which it was shown
    source          text        CHECK (source IN ('form', 'import', 'reply', 'call', 'operator')),
    evidence        json        NOT NULL DEFAULT '{}' CHECK (octet_length(evidence::text) <= 4096),
    idempotency_key text,
    CONSTRAINT an_opt_in_has_source_and_wording CHECK (NOT accepted OR num_nulls(source, version, language) = 0),
    CONSTRAINT a_revocation_needs_no_wording CHECK (accepted OR num_nonnulls(version, language) = 0),
    FOREIGN KEY (channel, version, language) REFERENCES consent_wordings
);
CREATE INDEX consents_of_user ON consents (user_id, channel, id);
CREATE INDEX consents_of_key ON consents (user_id, idempotency_key);
CALL protect('consents');
GRANT SELECT, INSERT (user_id, channel, accepted, version, language, source, evidence, idempotency_key)
    ON consents TO cancelflow_app;

-- A customer's newest row for each channel. What was consented to before a deletion of the customer's data is proof of
-- the past only: it counts no more.
CREATE VIEW current_consents WITH (security_invoker = true) AS
SELECT DISTINCT ON (c.user_id, c.channel)
    c.id, c.user_id, c.channel, c.accepted, c.recorded_at, c.version, c.language, c.source
FROM consents c
WHERE NOT EXISTS (SELECT FROM data_deletions d WHERE d.user_id = c.user_id AND d.deleted_at >= c.recorded_at)
ORDER BY c.user_id, c.channel, c.id DESC;
COMMENT ON VIEW current_consents IS
    'the newest entry of each customer and channel since the last deletion of their data; each user sees their own';
GRANT SELECT ON current_consents TO cancelflow_app;

-- Return whether a row is needed as proof no longer: five years after the deletion of the customer's other data. So long
-- must telemarketers keep records of consent in the US (16 CFR 310.5) and in Germany (§ 7a UWG).
CREATE FUNCTION is_proof_over(which consents) RETURNS boolean
    LANGUAGE sql STABLE
    RETURN EXISTS (
        SELECT FROM data_deletions d
        WHERE d.user_id = which.user_id AND d.deleted_at >= which.recorded_at
            AND d.deleted_at <= now() - interval '5 years');

CREATE FUNCTION keep_proof() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF is_proof_over(OLD) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'consents is append-only' USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER consents_are_append_only BEFORE UPDATE OR TRUNCATE ON consents
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE TRIGGER proof_is_kept BEFORE DELETE ON consents FOR EACH ROW EXECUTE FUNCTION keep_proof();

-- Delete the rows that are no longer needed as proof.
CREATE FUNCTION prune_consents(at_most integer) RETURNS integer
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    WITH over AS (
        SELECT DISTINCT c.id FROM data_deletions d JOIN consents c ON c.user_id = d.user_id AND is_proof_over(c)
        WHERE d.deleted_at <= now() - interval '5 years'
        LIMIT at_most),
    gone AS (DELETE FROM consents c USING over WHERE c.id = over.id RETURNING 1)
    SELECT count(*)::integer FROM gone
$$;
REVOKE ALL ON FUNCTION prune_consents(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION prune_consents(integer) TO cancelflow_app;
