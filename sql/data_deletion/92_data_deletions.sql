-- table: data_deletions
-- keep: this deletion record, as ids and counts
-- ground: GDPR Art. 5(2): proof of what was deleted
SELECT id FROM data_deletions WHERE user_id = $1;
