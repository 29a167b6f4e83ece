-- depends: 0011_what_waits
-- What an offer that was accepted did with the discount that ran then; null where none did. The answer says it, and a
-- request that is taken up again must still know it.
ALTER TABLE retention_offers
    ADD COLUMN current_discount text CHECK (current_discount IN ('replaced', 'kept'));
GRANT UPDATE (current_discount) ON retention_offers TO cancelflow_app;
