-- table: audit_log
-- keep: each request and its outcome, as ids, without free text
-- ground: GDPR Art. 17(3)(e) and Cal. Bus. & Prof. Code § 17602 (AB 2863): proof of cancellation and consent
SELECT id FROM audit_log WHERE user_id = $1;
