-- table: audit_log
-- keep: who asked for what and what they were told, in ids, without a word of theirs
-- ground: GDPR Art. 17(3)(e) and Cal. Bus. & Prof. Code § 17602 (AB 2863): proof of cancellation and consent
SELECT id FROM audit_log WHERE user_id = $1;
