-- depends: 0019_consents 0020_tasks
-- Calls to customers who cancelled and agreed to be called: each call, what was said, and the limits (FEATURES A05 to A20).

-- One row per cancellation, written in the transaction that finishes it, while CALL_WEBHOOK_URL is set.
CREATE TABLE calls (
    id             uuid        PRIMARY KEY DEFAULT gen_random_uuid(),  -- the `webhook-id`, the same for each attempt
    request_id     uuid        NOT NULL UNIQUE REFERENCES cancellation_requests,
    user_id        text COLLATE "C" NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    state          text        NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'placed', 'not_placed', 'failed')),
    gate           text,        -- why it was not placed or, while it waits, what it waits for
    due_at         timestamptz DEFAULT now(),          -- to look at the gates; a claim moves it
    attempts       integer     NOT NULL DEFAULT 0,     -- of sending it to the vendor
    tried_at       timestamptz, -- when the last attempt began: the vendor may have it
    placed_at      timestamptz, -- when the vendor had accepted it
    vendor_call_id text,
    problem        text,        -- why the last attempt failed

    -- The result, as the vendor reported it last. It goes with the cancellation's feedback, after 90 days.
    received_at    timestamptz,
    fingerprints   bytea[]     NOT NULL DEFAULT '{}',  -- of every result, by which a repetition is recognized
    status         text,
    reason_class   text,
    warmth         text        CHECK (warmth IN ('hot', 'warm', 'cold', 'dead')),
    transcript     text,
    recording_url  text,
    summary        text,
    action_items   text[],      -- what was promised, in sentences
    requests_heard text[],      -- codes of nodes/rules/calls/results.py
    revoked_at     timestamptz, -- when a result first asked for no more calls: that revokes consent once
    reversed       boolean,     -- whether Stripe, read back, shows the reversal that the result claims
    unconfirmed    text,        -- why no email confirms what was promised
    route_at       timestamptz, -- when to route the result; null if there is none, or once that is done
    CONSTRAINT a_call_is_due_while_it_waits CHECK ((state = 'waiting') = (due_at IS NOT NULL)),
    CONSTRAINT a_placed_call_has_its_time CHECK (state <> 'placed' OR placed_at IS NOT NULL)
);
CREATE INDEX calls_due ON calls (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX calls_to_route ON calls (route_at) WHERE route_at IS NOT NULL;
CREATE INDEX calls_of_user ON calls (user_id);
CREATE INDEX calls_of_vendor ON calls (vendor_call_id) WHERE vendor_call_id IS NOT NULL;
CREATE INDEX calls_tried ON calls (tried_at) WHERE tried_at IS NOT NULL;
CALL protect('calls');
GRANT SELECT, INSERT (request_id, user_id), UPDATE (state, gate, due_at, placed_at, vendor_call_id, problem, received_at,
    fingerprints, status, reason_class, warmth, transcript, recording_url, summary, action_items, requests_heard, revoked_at,
    reversed, unconfirmed, route_at)
    ON calls TO cancelflow_app;

-- The customer said in a call that they hadn't cancelled: suspected fraud, which people look into. Nothing is undone.
ALTER TABLE cancellation_requests ADD COLUMN disputed_at timestamptz;
GRANT UPDATE (disputed_at) ON cancellation_requests TO cancelflow_app;

ALTER TABLE outbox DROP CONSTRAINT outbox_kind_check, ADD CONSTRAINT outbox_kind_check CHECK (kind IN (
    'cancellation_confirmation', 'cancellation_delayed', 'request_refused', 'reason_email',
    'discount_confirmation', 'reactivation_confirmation', 'reactivation_refused', 'subscription_ended',
    'onboarding_follow_up', 'deletion_notice', 'change_confirmation', 'offer_refused', 'billing_resumes',
    'discount_ends', 'request_received', 'manual_request', 'cancel_code', 'promise_confirmation',
    'subscription.canceled', 'subscription.reactivated', 'subscription.ended', 'subscription.changed',
    'customer_success.task'));

-- The number that the customer agreed to be called or texted at, in E.164; null: the one in Stripe. Proof, as the entry is.
ALTER TABLE consents ADD COLUMN phone_number text
    CONSTRAINT a_number_is_for_calls_and_texts CHECK (accepted AND channel IN ('phone', 'sms') OR phone_number IS NULL);
GRANT INSERT (phone_number) ON consents TO cancelflow_app;
CREATE OR REPLACE VIEW current_consents WITH (security_invoker = true) AS
SELECT DISTINCT ON (c.user_id, c.channel)
    c.id, c.user_id, c.channel, c.accepted, c.recorded_at, c.version, c.language, c.source, c.phone_number
FROM consents c
WHERE NOT EXISTS (SELECT FROM data_deletions d WHERE d.user_id = c.user_id AND d.deleted_at >= c.recorded_at)
ORDER BY c.user_id, c.channel, c.id DESC;

-- What is recorded without a caller has no HTTP response, such as a call that is not placed.
ALTER TABLE audit_log ALTER COLUMN http_status DROP NOT NULL;

-- What was said goes with the reason of the cancellation. A call that is still to be placed is not placed any more.
CREATE FUNCTION anonymize_call() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE calls
    SET fingerprints = '{}', reason_class = NULL, warmth = NULL, transcript = NULL, recording_url = NULL, summary = NULL,
        action_items = NULL, requests_heard = NULL, due_at = NULL,
        gate = CASE state WHEN 'waiting' THEN 'too_late' ELSE gate END,
        state = CASE state WHEN 'waiting' THEN 'not_placed' ELSE state END
    WHERE request_id = NEW.id;
    RETURN NEW;
END
$$;
CREATE TRIGGER a_call_is_anonymized_with_its_request AFTER UPDATE OF anonymized_at ON cancellation_requests
    FOR EACH ROW WHEN (NEW.anonymized_at IS NOT NULL) EXECUTE FUNCTION anonymize_call();

-- Results of calls that are not known here, such as a deleted customer's: ids only, for 90 days.
CREATE TABLE unknown_calls (
    vendor_call_id text        PRIMARY KEY,
    named          text,        -- the `webhookId` in the result
    status         text        NOT NULL,
    received_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX unknown_calls_by_age ON unknown_calls (received_at);
CREATE FUNCTION keep_unknown_call(vendor text, our_name text, its_status text) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    INSERT INTO unknown_calls (vendor_call_id, named, status) VALUES (vendor, our_name, its_status)
    ON CONFLICT (vendor_call_id) DO NOTHING
$$;
CREATE FUNCTION prune_unknown_calls(at_most integer) RETURNS integer
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    WITH over AS (
        SELECT vendor_call_id FROM unknown_calls WHERE received_at < now() - interval '90 days'
        LIMIT at_most FOR UPDATE SKIP LOCKED),
    gone AS (DELETE FROM unknown_calls u USING over WHERE u.vendor_call_id = over.vendor_call_id RETURNING 1)
    SELECT count(*)::integer FROM gone
$$;

-- Claim calls of any user that are due. If the run dies, they can be claimed again after ten minutes. Returns ids only.
CREATE FUNCTION claim_calls(at_most integer) RETURNS SETOF uuid
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    UPDATE calls SET due_at = now() + interval '10 minutes'
    WHERE id IN (SELECT id FROM calls WHERE due_at <= now() ORDER BY due_at LIMIT at_most FOR UPDATE SKIP LOCKED)
    RETURNING id
$$;

-- Claim, likewise, calls whose result is to be routed.
CREATE FUNCTION claim_call_results(at_most integer) RETURNS SETOF uuid
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    UPDATE calls SET route_at = now() + interval '10 minutes'
    WHERE id IN (SELECT id FROM calls WHERE route_at <= now() ORDER BY route_at LIMIT at_most FOR UPDATE SKIP LOCKED)
    RETURNING id
$$;

-- Return the call that is named by its id or, else, by the vendor's.
CREATE FUNCTION call_named(ours uuid, vendor text) RETURNS TABLE (id uuid, user_id text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT c.id, c.user_id FROM calls c WHERE c.id = ours OR c.vendor_call_id = vendor
    ORDER BY (c.id = ours) DESC NULLS LAST, c.created_at DESC LIMIT 1
$$;

-- Return the pause after this many attempts that failed.
CREATE FUNCTION pause_of_call(attempts integer) RETURNS interval
    LANGUAGE sql IMMUTABLE
    RETURN ('{1 minute, 5 minutes, 30 minutes, 2 hours}'::interval[])[least(attempts, 4)];

-- Count an attempt at a call of the transaction's user, which then is sent. Returns null, or the gate that is closed.
-- One at a time, so that neither limit is exceeded. `most_a_day`: calls tried since midnight, in UTC; another attempt at
-- one of them is none more.
CREATE FUNCTION begin_call(which uuid, most_attempts integer, most_a_day integer) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    this calls;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('calls', 21));
    SELECT * INTO this FROM calls WHERE id = which AND user_id = app_user_id() FOR UPDATE;
    IF this.state IS DISTINCT FROM 'waiting' THEN
        RETURN 'decided';
    ELSIF this.attempts >= most_attempts THEN
        RETURN 'attempts_used_up';
    ELSIF coalesce(this.tried_at <= now() - interval '1 day', true) AND EXISTS (
        SELECT FROM calls c WHERE c.user_id = this.user_id AND c.tried_at > now() - interval '1 day') THEN
        RETURN 'called_already';
    ELSIF coalesce(this.tried_at < date_trunc('day', now(), 'UTC'), true) AND most_a_day <= (
        SELECT count(*) FROM calls c WHERE c.tried_at >= date_trunc('day', now(), 'UTC')) THEN
        RETURN 'daily_limit';
    END IF;
    UPDATE calls SET attempts = attempts + 1, tried_at = now() WHERE id = which;
    RETURN NULL;
END
$$;

REVOKE ALL ON FUNCTION keep_unknown_call(text, text, text), prune_unknown_calls(integer), claim_calls(integer),
    claim_call_results(integer), call_named(uuid, text), begin_call(uuid, integer, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION keep_unknown_call(text, text, text), prune_unknown_calls(integer), claim_calls(integer),
    claim_call_results(integer), call_named(uuid, text), begin_call(uuid, integer, integer) TO cancelflow_app;
