-- The application's role, row-level security, and users.
--
-- Every table with users' rows has row-level security, forced on the table's owner too. The application runs as
-- cancelflow_app, which owns nothing and cannot bypass it, and names one user per transaction:
--   SELECT set_config('app.user_id', '…', true)
-- The role is created without a login: give it one, or GRANT cancelflow_app TO the role that logs in.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'cancelflow_app') THEN
        CREATE ROLE cancelflow_app NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
    END IF;
    IF NOT pg_has_role(current_user, 'cancelflow_app', 'MEMBER') THEN
        EXECUTE format('GRANT cancelflow_app TO %I', current_user);
    END IF;
END
$$;
GRANT USAGE ON SCHEMA public TO cancelflow_app;

CREATE EXTENSION IF NOT EXISTS btree_gist;  -- for an exclusion constraint over a user id and a range

-- Return the user whose rows this transaction may see; null, which matches no row, where none is named.
CREATE FUNCTION app_user_id() RETURNS text
    LANGUAGE sql STABLE
    RETURN nullif(current_setting('app.user_id', true), '');

-- Confine the application to the named user's rows of a table. The owner, who runs migrations, seeds and the
-- SECURITY DEFINER functions, sees all rows.
CREATE PROCEDURE protect(which regclass, owner_column name DEFAULT 'user_id')
    LANGUAGE plpgsql
AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', which);
    EXECUTE format('CREATE POLICY own_rows ON %s TO cancelflow_app USING (%I = app_user_id())', which, owner_column);
    EXECUTE format('CREATE POLICY all_rows ON %s TO %I USING (true)', which, current_user);
END
$$;
REVOKE ALL ON PROCEDURE protect(regclass, name) FROM PUBLIC;

-- `id` is the company's own user id and opaque: auth0|5f7…, user_2ab…, 42, a UUID. Every user id column has the
-- collation "C": it orders ids by code point, as Python does, and lets columns be compared through their indexes.
CREATE TABLE users (
    id                 text COLLATE "C" PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 255),
    email              text,       -- null: no email can be sent to this user
    name               text,
    locale             text        NOT NULL DEFAULT 'en',
    time_zone          text        NOT NULL DEFAULT 'UTC',
    country            text        CHECK (country ~ '^[A-Z]{2}$'),  -- ISO 3166, for country-specific rules
    stripe_customer_id text,
    created_at         timestamptz NOT NULL DEFAULT now(),

    -- Set in a row copied from Stripe (0012); null in one that the company wrote.
    copied_at          timestamptz,  -- when Stripe was read, by this server's clock: an older copy never replaces it
    customer_since     timestamptz   -- if two customers are one user, the newest is copied
);
CREATE INDEX users_of_customer ON users (stripe_customer_id);
CALL protect('users', 'id');
GRANT SELECT ON users TO cancelflow_app;
