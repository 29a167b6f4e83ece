-- table: tasks
-- goes: what your team was asked to do about the customer, and what the customer said
-- ground: GDPR Art. 5(1)(e): the purpose has ended
DELETE FROM tasks WHERE user_id = $1;
