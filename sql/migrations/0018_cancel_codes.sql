-- depends: 0016_carried_out_by
-- Cancelling without a login: codes sent by email (FEATURES F21).
--
-- The application has no access to the table, only to the functions below. Each does the same work whether or not the
-- address belongs to a user; only claim_cancel_codes, which runs after the response, looks for users.

CREATE TABLE cancel_codes (
    id           uuid        PRIMARY KEY DEFAULT gen_random_uuid(),  -- in the URL of the page where the code is entered
    seed         uuid        NOT NULL DEFAULT gen_random_uuid(),  -- the code follows from this and LINK_SECRET
    address      text,       -- as it was entered; null once its users were looked up
    address_hash bytea       NOT NULL,  -- keyed, so that nobody can find out the address or the client from it
    client_hash  bytea       NOT NULL,
    asked_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at   timestamptz NOT NULL DEFAULT clock_timestamp() + interval '15 minutes',
    tries        integer     NOT NULL DEFAULT 0,
    user_ids     text[] COLLATE "C",  -- whose subscriptions the code opens; null until looked up, empty if there are none
    resume_at    timestamptz DEFAULT now()  -- when it can be claimed to be sent; null: nothing is left to do
);
CREATE INDEX cancel_codes_of_address ON cancel_codes (address_hash, asked_at);
CREATE INDEX cancel_codes_of_client ON cancel_codes (client_hash, asked_at);
CREATE INDEX cancel_codes_by_age ON cancel_codes (asked_at);
CREATE INDEX cancel_codes_to_send ON cancel_codes (resume_at) WHERE resume_at IS NOT NULL;
ALTER TABLE cancel_codes ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY all_rows ON cancel_codes TO CURRENT_USER USING (true);

-- Only ASCII letters count as equal in both cases: other scripts have different letters that become the same one.
CREATE INDEX users_by_email ON users (lower(email COLLATE "C"));

ALTER TABLE outbox DROP CONSTRAINT outbox_kind_check, ADD CONSTRAINT outbox_kind_check CHECK (kind IN (
    'cancellation_confirmation', 'cancellation_delayed', 'request_refused', 'reason_email',
    'discount_confirmation', 'reactivation_confirmation', 'reactivation_refused', 'subscription_ended',
    'onboarding_follow_up', 'deletion_notice', 'change_confirmation', 'offer_refused', 'billing_resumes',
    'discount_ends', 'request_received', 'manual_request', 'cancel_code', 'subscription.canceled',
    'subscription.reactivated', 'subscription.ended', 'subscription.changed'));

-- Record that a code was asked for, unless the address or the client has asked too often within an hour. `wait`: seconds
-- until it can ask again; nothing was recorded then.
CREATE FUNCTION ask_for_code(for_address text, its_hash bytea, by_client bytea, per_address integer, per_client integer,
    OUT id uuid, OUT wait integer)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    again_at timestamptz;
BEGIN
    -- One after another, so that each sees the others' rows; always in this order, so that none waits for the other.
    PERFORM pg_advisory_xact_lock(1802, hashtext(by_client::text));
    PERFORM pg_advisory_xact_lock(1801, hashtext(its_hash::text));
    SELECT max(oldest) + interval '1 hour' INTO again_at
    FROM (
        (SELECT asked_at AS oldest FROM cancel_codes WHERE address_hash = its_hash
        ORDER BY asked_at DESC OFFSET per_address - 1 LIMIT 1)
        UNION ALL
        (SELECT asked_at FROM cancel_codes WHERE client_hash = by_client
        ORDER BY asked_at DESC OFFSET per_client - 1 LIMIT 1)) full_hours;
    IF again_at > clock_timestamp() THEN
        wait := greatest(ceil(extract(epoch FROM again_at - clock_timestamp())), 1);
    ELSE
        INSERT INTO cancel_codes (address, address_hash, client_hash) VALUES (for_address, its_hash, by_client)
        RETURNING cancel_codes.id INTO id;
    END IF;
END
$$;

-- Look up the users of new codes, and claim those that are to be sent; returns their ids. After a crash or a failed send,
-- a code can be claimed again after half a minute, until it expires.
CREATE FUNCTION claim_cancel_codes(at_most integer) RETURNS SETOF uuid
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    -- First, whatever needs no email, and many of these: they must not hold up those that are to be sent.
    WITH fresh AS (
        SELECT c.id, c.expires_at > now() AS valid, coalesce(c.user_ids, ARRAY(
            SELECT u.id FROM users u WHERE lower(u.email COLLATE "C") = lower(c.address COLLATE "C") ORDER BY u.id LIMIT 20
            )) AS users
        FROM cancel_codes c WHERE c.resume_at <= now() AND (c.user_ids IS NULL OR c.expires_at <= now())
        ORDER BY c.resume_at LIMIT 500 FOR UPDATE OF c SKIP LOCKED),
    looked_up AS (
        UPDATE cancel_codes c
        SET address = NULL, user_ids = fresh.users,
            resume_at = CASE WHEN fresh.valid AND fresh.users <> '{}' THEN c.resume_at END
        FROM fresh WHERE c.id = fresh.id
        RETURNING c.id, c.resume_at)
    UPDATE outbox o SET refused = true FROM looked_up c
    WHERE o.request_id = c.id AND o.kind = 'cancel_code' AND c.resume_at IS NULL AND o.delivered_at IS NULL;

    WITH due AS (
        SELECT c.id FROM cancel_codes c WHERE c.resume_at <= now() AND c.user_ids <> '{}' AND c.expires_at > now()
        ORDER BY c.resume_at LIMIT at_most FOR UPDATE SKIP LOCKED),
    claimed AS (
        UPDATE cancel_codes c SET resume_at = now() + interval '30 seconds' FROM due WHERE c.id = due.id
        RETURNING c.id, c.user_ids),
    queued AS (
        INSERT INTO outbox (request_id, user_id, kind) SELECT id, user_ids[1], 'cancel_code' FROM claimed
        ON CONFLICT (request_id, kind) DO NOTHING)
    SELECT id FROM claimed
$$;

-- Return what the email needs; no row for a code that was deleted.
CREATE FUNCTION code_to_send(code uuid) RETURNS TABLE (seed uuid, user_id text, expires_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT c.seed, c.user_ids[1], c.expires_at FROM cancel_codes c WHERE c.id = code AND c.user_ids <> '{}'
$$;

-- The email was sent, or can't be.
CREATE FUNCTION code_sent(code uuid) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    UPDATE cancel_codes SET resume_at = NULL WHERE id = code
$$;

-- Count a try, and return what the code is compared with. No row: it has expired, was tried too often, or a newer one was
-- asked for. `session_id`: that it has opened.
CREATE FUNCTION try_code(code uuid, most_tries integer) RETURNS TABLE (seed uuid, user_ids text[], session_id uuid)
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    UPDATE cancel_codes c SET tries = c.tries + 1
    WHERE c.id = code AND c.tries < most_tries AND c.expires_at > now() AND NOT EXISTS (
        SELECT FROM cancel_codes newer WHERE newer.address_hash = c.address_hash AND newer.asked_at > c.asked_at)
    RETURNING c.seed, coalesce(c.user_ids, '{}'), (
        SELECT t.session_id FROM session_tokens t WHERE t.issuer = 'cancel-code' AND t.token_id = c.id::text)
$$;

-- Delete codes that count for no limit any more.
CREATE FUNCTION prune_cancel_codes(at_most integer) RETURNS integer
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    WITH over AS (
        SELECT id FROM cancel_codes WHERE asked_at < now() - interval '1 hour' LIMIT at_most FOR UPDATE SKIP LOCKED),
    gone AS (DELETE FROM cancel_codes c USING over WHERE c.id = over.id RETURNING 1)
    SELECT count(*)::integer FROM gone
$$;

REVOKE ALL ON FUNCTION ask_for_code(text, bytea, bytea, integer, integer), claim_cancel_codes(integer), code_to_send(uuid),
    code_sent(uuid), try_code(uuid, integer), prune_cancel_codes(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ask_for_code(text, bytea, bytea, integer, integer), claim_cancel_codes(integer),
    code_to_send(uuid), code_sent(uuid), try_code(uuid, integer), prune_cancel_codes(integer) TO cancelflow_app;
