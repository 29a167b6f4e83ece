-- table: data_retention_jobs
-- keep: since when the data was due, in ids and dates
-- ground: GDPR Art. 5(2): proof that it was deleted in time
SELECT id FROM data_retention_jobs WHERE user_id = $1;
