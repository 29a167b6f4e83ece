-- depends: 0019_consents 0020_tasks
-- Customers' replies to the emails about a cancellation, each with its category (FEATURES N07).

CREATE TABLE replies (
    id                 uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    request_id         uuid        NOT NULL REFERENCES cancellation_requests,
    user_id            text COLLATE "C" NOT NULL,
    fingerprint        bytea       NOT NULL,  -- of its Message-ID, by which an email that arrives again is recognized
    received_at        timestamptz NOT NULL DEFAULT now(),
    -- Only a `reply` is an answer; of the others nothing but the kind is kept. `stop`: it revoked consents.
    kind               text        NOT NULL CHECK (kind IN ('reply', 'stop', 'auto_reply', 'bounce', 'unreadable')),
    text               text        CHECK (length(text) BETWEEN 1 AND 5000),

    -- What the model said; no category if its response was none.
    category           text        CHECK (category IN (
        'customer_service', 'low_quality', 'missing_features', 'other', 'switched_service', 'too_complex',
        'too_expensive', 'unused')),
    confidence         double precision CHECK (confidence BETWEEN 0 AND 1),
    categorized_by     text,        -- the model
    categorize_at      timestamptz, -- when to ask the model, or to retry; null: nothing is left to do
    tries              integer     NOT NULL DEFAULT 0,

    -- What a person said, which always wins.
    corrected_category text        CHECK (corrected_category IN (
        'customer_service', 'low_quality', 'missing_features', 'other', 'switched_service', 'too_complex',
        'too_expensive', 'unused')),
    corrected_at       timestamptz,
    corrected_by       text,        -- a name that the operator gave
    filled_in          text,        -- what it made the reason of the cancellation, which had none
    UNIQUE (request_id, fingerprint),
    CONSTRAINT only_an_answer_has_a_text CHECK ((kind = 'reply') = (text IS NOT NULL)),
    CONSTRAINT only_an_answer_has_a_category CHECK (
        kind = 'reply' OR num_nonnulls(category, categorize_at, corrected_category) = 0),
    CONSTRAINT a_category_has_a_confidence CHECK (num_nonnulls(category, confidence) IN (0, 2)),
    CONSTRAINT a_correction_says_by_whom CHECK (num_nonnulls(corrected_category, corrected_at, corrected_by) IN (0, 3))
);
CREATE INDEX replies_of_user ON replies (user_id);
CREATE INDEX replies_by_age ON replies (received_at);
CREATE INDEX replies_to_categorize ON replies (categorize_at) WHERE categorize_at IS NOT NULL;
CALL protect('replies');
-- A flow run knows only its reply's id; this policy lets it look up the user.
CREATE POLICY by_its_id ON replies FOR SELECT TO cancelflow_app
    USING (id = nullif(current_setting('app.request_id', true), '')::uuid);
GRANT SELECT, INSERT (request_id, user_id, fingerprint, kind, text, categorize_at),
    UPDATE (category, confidence, categorized_by, categorize_at, filled_in) ON replies TO cancelflow_app;

-- Claim replies of any user that have no category yet. After a crash or a failure, one can be claimed again after a
-- pause, which is longer than asking the model may take, and grows with the tries. Returns ids only.
CREATE FUNCTION claim_replies(at_most integer) RETURNS SETOF uuid
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    UPDATE replies p
    SET tries = p.tries + 1, categorize_at = now() + interval '1 minute' + pause_after_tries(p.tries + 1)
    WHERE p.id IN (
        SELECT id FROM replies WHERE categorize_at <= now()
        ORDER BY categorize_at LIMIT at_most FOR UPDATE SKIP LOCKED)
    RETURNING p.id
$$;

-- A reply that a person has to read is a task; without the reply there is nothing left to do.
ALTER TABLE tasks DROP CONSTRAINT tasks_kind_check, ADD CONSTRAINT tasks_kind_check CHECK (kind IN (
    'sales', 'billing', 'support', 'escalation', 'promise', 'idle_session', 'saved_for_now', 'uncertain_reply'));
CREATE FUNCTION close_task_of_reply() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE tasks SET done_at = now(), done_by = 'retention'
    WHERE kind = 'uncertain_reply' AND key = OLD.id::text AND done_at IS NULL;
    RETURN OLD;
END
$$;
CREATE TRIGGER tasks_go_with_their_reply AFTER DELETE ON replies
    FOR EACH ROW WHEN (OLD.kind IN ('reply', 'unreadable')) EXECUTE FUNCTION close_task_of_reply();

-- What a person found in the reason or in a reply: something that the customer missed, as `sso`.
CREATE TABLE feedback_tags (
    request_id uuid        NOT NULL REFERENCES cancellation_requests,
    user_id    text COLLATE "C" NOT NULL,
    kind       text        NOT NULL DEFAULT 'missing' CHECK (kind = 'missing'),
    tag        text        NOT NULL CHECK (length(tag) <= 40 AND tag ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    tagged_by  text        NOT NULL,  -- a name that the operator gave
    tagged_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (request_id, kind, tag)
);
CREATE INDEX feedback_tags_by_tag ON feedback_tags (kind, tag);
CREATE INDEX feedback_tags_of_user ON feedback_tags (user_id);
CALL protect('feedback_tags');
GRANT SELECT ON feedback_tags TO cancelflow_app;

-- Replies and tags go with the reason of their cancellation.
CREATE FUNCTION delete_replies() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    DELETE FROM replies WHERE request_id = NEW.id;
    DELETE FROM feedback_tags WHERE request_id = NEW.id;
    RETURN NEW;
END
$$;
CREATE TRIGGER replies_go_with_the_reason AFTER UPDATE OF anonymized_at ON cancellation_requests
    FOR EACH ROW WHEN (NEW.anonymized_at IS NOT NULL) EXECUTE FUNCTION delete_replies();

-- Delete replies and tags that came after that, 90 days later.
CREATE FUNCTION prune_replies(at_most integer) RETURNS integer
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    WITH over AS (
        SELECT id FROM replies WHERE received_at <= now() - interval '90 days' LIMIT at_most FOR UPDATE SKIP LOCKED),
    gone AS (DELETE FROM replies p USING over WHERE p.id = over.id RETURNING 1),
    tags AS (DELETE FROM feedback_tags WHERE tagged_at <= now() - interval '90 days')
    SELECT count(*)::integer FROM gone
$$;

REVOKE ALL ON FUNCTION claim_replies(integer), delete_replies(), prune_replies(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION claim_replies(integer), prune_replies(integer) TO cancelflow_app;
