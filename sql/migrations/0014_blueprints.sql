-- depends: 0013_offer_reports
-- Blueprints, the steps of the cancel page: every published version, and the reasons they ever had. `cancelflow
-- blueprints publish` adds to both tables as the owner; nothing is changed or deleted. They have no users' rows.

CREATE TABLE blueprint_versions (
    version      integer     PRIMARY KEY,
    files        jsonb       NOT NULL,  -- each file's text, by its name
    published_at timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT ON blueprint_versions TO cancelflow_app;

-- A code keeps its meaning and Stripe's code, so that reports over several versions count the same thing (FEATURES F27).
-- Only publishing reads it, as the owner.
CREATE TABLE blueprint_reasons (
    code          text    PRIMARY KEY,
    meaning       text    NOT NULL,
    stripe        text    NOT NULL,     -- the feedback code that Stripe gets
    first_version integer NOT NULL REFERENCES blueprint_versions,
    feedback_option text  UNIQUE        -- of the Stripe account, since the first version with one
);
