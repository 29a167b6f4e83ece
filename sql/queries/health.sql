-- name: health
-- For /readyz: the tables exist, and the current role owns none of them and cannot bypass row-level security.
SELECT current_user AS role,
    to_regclass('public.cancellation_requests') IS NOT NULL AS migrated,
    NOT EXISTS (SELECT FROM pg_roles WHERE rolname = current_user AND (rolsuper OR rolbypassrls))
    AND NOT EXISTS (
        SELECT FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relowner = current_user::regrole) AS confined;
