-- depends: 0013_offer_reports
-- Blueprints, the steps of the cancel page: every published version, and the reasons they ever had. `cancelflow
-- blueprints publish` adds to both tables as the owner; nothing is changed or deleted. They have no users' rows.

CREATE TABLE blueprint_versions (
    version      integer     PRIMARY KEY CHECK (version > 0),
    files        jsonb       NOT NULL,  -- each file's text, by its name
    published_at timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT ON blueprint_versions TO cancelflow_app;

-- A code keeps its meaning and Stripe's code, so that reports over several versions count the same thing (FEATURES F27).
CREATE TABLE blueprint_reasons (
    code          text    PRIMARY KEY CHECK (code ~ '^[a-z0-9_]{1,40}$'),
    meaning       text    NOT NULL,
    stripe        text    NOT NULL,     -- the feedback code that Stripe gets
    first_version integer NOT NULL REFERENCES blueprint_versions
);
GRANT SELECT ON blueprint_reasons TO cancelflow_app;
