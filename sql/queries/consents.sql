-- Consents and their wordings (sql/migrations/0019).

-- name: consent_wordings
SELECT channel, version, language, text FROM consent_wordings ORDER BY channel, version, language;

-- name: consents_asked_for
-- Whether the company asks for any consent.
SELECT EXISTS (SELECT FROM consent_wordings);

-- name: publish_consent_wording
INSERT INTO consent_wordings (channel, version, language, text)
VALUES (%(channel)s, %(version)s, %(language)s, %(text)s);

-- name: lock_consent_wordings
-- One publication after the other; reading goes on.
LOCK TABLE consent_wordings IN EXCLUSIVE MODE;

-- name: record_consent
INSERT INTO consents (user_id, channel, accepted, version, language, source, evidence, phone_number,
    idempotency_key)
VALUES (%(user_id)s, %(channel)s, %(accepted)s, %(version)s, %(language)s, %(source)s, %(evidence)s,
    %(phone_number)s, %(key)s)
RETURNING id, channel, accepted, recorded_at, version, language, source, evidence, phone_number;

-- name: consent_of_key
-- What a call with this key recorded within the last 24 hours, if the customer's data wasn't deleted since. Two calls at
-- the same time are one entry only if both take `one_intake_at_a_time` before.
SELECT id, channel, accepted, recorded_at, version, language, source, evidence, phone_number
FROM consents c
WHERE user_id = %(user_id)s AND idempotency_key = %(key)s AND recorded_at > now() - interval '24 hours'
    AND NOT EXISTS (SELECT FROM data_deletions d WHERE d.user_id = c.user_id AND d.deleted_at >= c.recorded_at)
ORDER BY id DESC LIMIT 1;

-- name: current_consents
SELECT id, channel, accepted, recorded_at, version, language, source, phone_number
FROM current_consents WHERE user_id = %(user_id)s ORDER BY channel;

-- name: owns_consents
-- Whether this login sees every customer's entries. From another one, row-level security hides them without an error.
SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = 'consents'::regclass;

-- name: consent_history
-- Everything about one person, in order, with the full wordings.
SELECT c.id, c.channel, c.accepted, c.recorded_at, c.version, c.language, w.text, c.source, c.evidence,
    c.phone_number
FROM consents c LEFT JOIN consent_wordings w USING (channel, version, language)
WHERE c.user_id = %(user_id)s ORDER BY c.id;
