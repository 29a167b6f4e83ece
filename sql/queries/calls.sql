-- name: told_in_a_call
-- Of the customer's last cancellation that stands.
SELECT u.name, u.locale, u.time_zone, r.cancel_at, j.run_at
FROM cancellation_requests r JOIN users u ON u.id = r.user_id
    JOIN data_retention_jobs j ON j.request_id = r.id AND j.status = 'scheduled'
WHERE r.user_id = %(user_id)s AND r.outcome IN ('pending_cancellation', 'canceled')
ORDER BY r.finished_at DESC LIMIT 1;
