-- table: replies
-- goes: the customer's replies to emails about cancellations, with their categories
-- ground: GDPR Art. 5(1)(e): the purpose has ended
DELETE FROM replies WHERE user_id = $1;
