-- For `cancelflow doctor`: the database's setup, from the system catalogues, without users' rows.

-- name: setup_of_login
-- The login role and the application's role. Run before any SET ROLE.
SELECT current_setting('server_version_num')::integer AS version,
    current_database() AS database,
    pg_postmaster_start_time() AS started_at,
    session_user::text AS login,
    login.rolsuper OR login.rolbypassrls AS login_unconfined,
    role.oid IS NOT NULL AS role_exists,
    coalesce(role.rolsuper OR role.rolbypassrls, false) AS role_unconfined,
    EXISTS (
        SELECT FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relowner = role.oid) AS role_owns
FROM pg_roles login LEFT JOIN pg_roles role ON role.rolname = %(role)s
WHERE login.rolname = session_user;

-- name: setup_of_owner
-- Whether this login may run `migrate`, and which database it is connected to.
SELECT session_user::text AS login,
    current_database() AS database,
    pg_postmaster_start_time() AS started_at,
    has_schema_privilege('public', 'CREATE') AND coalesce((
        SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = to_regclass('public.subscriptions')), true)
    AS may_migrate,
    to_regclass('public._yoyo_migration') IS NOT NULL AS migrated;

-- name: setup_of_migrations
-- From yoyo's own table.
SELECT migration_id FROM public._yoyo_migration ORDER BY migration_id;

-- name: setup_of_tables
-- Each table with users' rows that the role can access. `confined`: one policy admits the named user's rows, and none
-- admits all rows.
SELECT c.relname AS name,
    c.relrowsecurity AND c.relforcerowsecurity AS forced,
    EXISTS (
        SELECT FROM pg_policy p
        WHERE p.polrelid = c.oid AND role.oid = ANY (p.polroles)
            AND pg_get_expr(p.polqual, p.polrelid) LIKE '%%app_user_id()%%')
    AND NOT EXISTS (
        SELECT FROM pg_policy p
        WHERE p.polrelid = c.oid AND p.polpermissive AND p.polcmd <> 'a' AND p.polroles && ARRAY[role.oid, 0::oid]
            AND pg_get_expr(p.polqual, p.polrelid) = 'true') AS confined
FROM pg_class c JOIN pg_roles role ON role.rolname = %(role)s
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
    AND (c.relname = 'users' OR EXISTS (
        SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'user_id' AND NOT a.attisdropped))
    AND (has_any_column_privilege(role.oid, c.oid, 'SELECT, INSERT, UPDATE')
        OR has_table_privilege(role.oid, c.oid, 'DELETE'))
ORDER BY c.relname;

-- name: setup_of_clock
SELECT clock_timestamp();
