-- table: consents
-- keep: consents and revocations with wording, number, source and evidence, for five years; none counts any more
-- ground: GDPR Art. 17(3)(e) with Art. 7(1): proof that each call or message was consented to, and that a revocation was heeded
SELECT id FROM consents WHERE user_id = $1;
