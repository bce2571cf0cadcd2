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
    next_offset bigint      NOT NULL DEFAULT 0,
    records     bigint      NOT NULL DEFAULT 0,
    attempts    integer     NOT NULL DEFAULT 0,
    retry_at    timestamptz NOT NULL DEFAULT '-infinity',
    state       bytea       CHECK (pg_catalog.octet_length(state) <= 1048576),
    updated_at  timestamptz NOT NULL DEFAULT pg_catalog.now(),
    PRIMARY KEY (org, model, version, partition, lane),
    FOREIGN KEY (org, model, version) REFERENCES soup.version,
    FOREIGN KEY (org, model, partition) REFERENCES soup.partition
) WITH (fillfactor = 50);
COMMENT ON TABLE soup.cursor IS '(version, partition, lane) → next record offset to process, and the processor''s carry-over. Locking the row is the claim.';
COMMENT ON COLUMN soup.cursor.attempts IS 'Failed attempts on the batch at next_offset; written before an attempt starts, so that a crash counts.';
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
