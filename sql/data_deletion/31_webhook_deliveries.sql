-- table: webhook_deliveries
-- goes: which webhooks about the customer were sent, and when
-- ground: GDPR Art. 5(1)(e): the purpose has ended
DELETE FROM webhook_deliveries WHERE user_id = $1;
