-- Published blueprints (sql/migrations/0014). The application reads versions; `cancelflow blueprints publish` writes.

-- name: newest_blueprints
-- 0 where none was published: the default set.
SELECT coalesce(max(version), 0) AS version FROM blueprint_versions;

-- name: blueprints_of_version
SELECT files, published_at FROM blueprint_versions WHERE version = %(version)s;

-- name: lock_blueprints
-- One publication after the other; reading goes on.
LOCK TABLE blueprint_versions IN EXCLUSIVE MODE;

-- name: blueprint_reasons
SELECT code, meaning, stripe, first_version, feedback_option FROM blueprint_reasons;

-- name: publish_blueprints
INSERT INTO blueprint_versions (version, files)
SELECT coalesce(max(version), 0) + 1, %(files)s FROM blueprint_versions
RETURNING version;

-- name: add_blueprint_reason
INSERT INTO blueprint_reasons AS reason (code, meaning, stripe, feedback_option, first_version)
VALUES (%(code)s, %(meaning)s, %(stripe)s, %(feedback_option)s, %(version)s)
ON CONFLICT (code) DO UPDATE SET feedback_option = coalesce(reason.feedback_option, EXCLUDED.feedback_option);
