-- Codes for cancelling without a login (sql/migrations/0018_cancel_codes.sql).

-- name: ask_for_code
SELECT * FROM ask_for_code(%(address)s, %(address_hash)s, %(client_hash)s, %(per_address)s, %(per_client)s);

-- name: claim_cancel_codes
SELECT claim_cancel_codes(%(at_most)s);

-- name: code_to_send
SELECT * FROM code_to_send(%(code_id)s);

-- name: code_sent
SELECT code_sent(%(code_id)s);

-- name: try_code
SELECT * FROM try_code(%(code_id)s, %(most_tries)s);
