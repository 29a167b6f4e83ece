-- table: feedback_tags
-- goes: what the customer missed, as you tagged their reasons and replies
-- ground: GDPR Art. 5(1)(e): the purpose has ended
DELETE FROM feedback_tags WHERE user_id = $1;
