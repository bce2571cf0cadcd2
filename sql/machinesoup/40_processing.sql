-- Processing: cursors with their state, quarantine, declared counters.
--
-- A version has two lanes in each partition, each with a cursor of its own: 'default' for default-routed records inside
-- its intervals, 'label' for records that named its label. A promotion back and forth makes the default lane wait while
-- the label lane goes on, so one cursor for both would have to step back; and with two the points do not depend on which
-- lane a worker happens to serve first.

CREATE TABLE soup.cursor (
    org         uuid        NOT NULL,
    model       uuid        NOT NULL,
    version     uuid        NOT NULL,
    partition   integer     NOT NULL,
    lane        text        NOT NULL COLLATE "C" CHECK (lane IN ('default', 'label')),
    next_offset bigint      NOT NULL DEFAULT 0 CHECK (next_offset >= 0),
    records     bigint      NOT NULL DEFAULT 0,
    attempts    integer     NOT NULL DEFAULT 0,
    failures    integer     NOT NULL DEFAULT 0,
    careful_until bigint    NOT NULL DEFAULT 0,
    retry_at    timestamptz NOT NULL DEFAULT '-infinity',
    last_error  text        COLLATE "C",
    state       bytea       CHECK (pg_catalog.octet_length(state) <= 1048576),
    processed_until timestamptz,
    updated_at  timestamptz NOT NULL DEFAULT '-infinity',
    PRIMARY KEY (org, model, version, partition, lane),
    FOREIGN KEY (org, model, version) REFERENCES soup.version,
    FOREIGN KEY (org, model, partition) REFERENCES soup.partition
) WITH (fillfactor = 50);
COMMENT ON TABLE soup.cursor IS '(version, partition, lane) → next record offset to process, and the processor''s carry-over. Locking the row is the claim.';
COMMENT ON COLUMN soup.cursor.attempts IS 'Attempts at next_offset that began and did not end. A worker writes its first one on a cursor before it starts, so that a crash counts.';
COMMENT ON COLUMN soup.cursor.failures IS 'Attempts at next_offset that ended in an error which is the batch''s own fault.';
COMMENT ON COLUMN soup.cursor.careful_until IS 'Below this offset batches are committed one by one, because a slice of several failed and the guilty one is not known.';
COMMENT ON COLUMN soup.cursor.last_error IS 'SQLSTATE of the last failed attempt; null after a success.';
COMMENT ON COLUMN soup.cursor.processed_until IS 'Time of receipt of the last batch that was processed.';
COMMENT ON COLUMN soup.cursor.updated_at IS 'When the cursor last moved: whoever waits longest is served first.';
ALTER TABLE soup.cursor ALTER COLUMN state SET STATISTICS 0;
ALTER TABLE soup.cursor ALTER COLUMN state SET STORAGE EXTERNAL;

CREATE TABLE soup.quarantine (
    org           uuid        NOT NULL,
    model         uuid        NOT NULL,
    version       uuid        NOT NULL,
    partition     integer     NOT NULL,
    record_offset bigint      NOT NULL,
    record_count  integer     NOT NULL DEFAULT 1,
    reason        text        NOT NULL COLLATE "C",
    recorded_at   timestamptz NOT NULL DEFAULT pg_catalog.now(),
    PRIMARY KEY (org, model, version, partition, record_offset),
    FOREIGN KEY (org, model, version) REFERENCES soup.version
);
COMMENT ON TABLE soup.quarantine IS 'Records that a version could not use, by offset and reason code. The raw log still holds them.';

CREATE TABLE soup.version_counter (
    org     uuid   NOT NULL,
    model   uuid   NOT NULL,
    version uuid   NOT NULL,
    name    text   NOT NULL COLLATE "C",
    value   bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (org, model, version, name),
    FOREIGN KEY (org, model, version) REFERENCES soup.version
);
COMMENT ON TABLE soup.version_counter IS 'Counters that a processor declares, such as streams_restarted.';

CREATE TABLE soup.failure (
    org         uuid        NOT NULL,
    model       uuid        NOT NULL,
    version     uuid        NOT NULL,
    partition   integer     NOT NULL,
    lane        text        NOT NULL COLLATE "C",
    next_offset bigint      NOT NULL,
    sqlstate    text        NOT NULL COLLATE "C",
    failed_at   timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    FOREIGN KEY (org, model, version) REFERENCES soup.version
);
COMMENT ON TABLE soup.failure IS 'Failed attempts of the last days. Too many within an hour suspend the version.';
CREATE INDEX failure_version ON soup.failure (org, model, version, failed_at);

CREATE TABLE soup.fit (
    org          uuid        NOT NULL,
    model        uuid        NOT NULL,
    version      uuid        NOT NULL,
    partition    integer     NOT NULL,
    windows_needed integer   NOT NULL CHECK (windows_needed > 0),
    windows_seen integer     NOT NULL DEFAULT 0,
    look_again_at bigint     NOT NULL DEFAULT 0,
    default_from bigint      NOT NULL DEFAULT 0,
    label_from   bigint      NOT NULL DEFAULT 0,
    attempts     integer     NOT NULL DEFAULT 0,
    retry_at     timestamptz NOT NULL DEFAULT '-infinity',
    looked_at    timestamptz NOT NULL DEFAULT '-infinity',
    last_error   text        COLLATE "C",
    fitted_at    timestamptz,
    PRIMARY KEY (org, model, version),
    FOREIGN KEY (org, model, version) REFERENCES soup.version,
    FOREIGN KEY (org, model, partition) REFERENCES soup.partition
) WITH (fillfactor = 50);
COMMENT ON TABLE soup.fit IS 'Versions that learn before they process: how far. Locking the row is the claim; fitted_at and the artefact are written together.';
COMMENT ON COLUMN soup.fit.partition IS 'Whose first windows are learned from; every other partition of the version waits.';
COMMENT ON COLUMN soup.fit.look_again_at IS 'Sum of both lanes'' heads in that partition below which another look cannot find enough windows.';
COMMENT ON COLUMN soup.fit.default_from IS 'Offset from which a look reads the default lane in that partition: no record before it can be used.';
COMMENT ON COLUMN soup.fit.label_from IS 'The same of the label lane.';
COMMENT ON COLUMN soup.fit.looked_at IS 'When the last look ended: whoever waits longest is served first, lanes and fits alike.';
