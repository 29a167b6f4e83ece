-- table: data_retention_jobs
-- keep: when the data was due for deletion, as ids and dates
-- ground: GDPR Art. 5(2): proof that the data was deleted on time
SELECT id FROM data_retention_jobs WHERE user_id = $1;
