-- The raw log: batches as they came, and the window of idempotency keys.
--
-- LIST by org, then RANGE by month of receipt (leaves r_<org>_<yyyymm>): a customer who leaves is dropped as a whole,
-- retention drops months. A unique index of a partitioned table would have to hold the partition key, so each leaf
-- carries its own on (model, partition, first_offset); soup.make_raw_leaf makes leaf and index. Rows are written by
-- append and read by the raw reader, both in C++ (extension/rawlog); the frame's bytes are described in FORMAT.md there.

CREATE TABLE soup.raw_batch (
    org              uuid        NOT NULL,
    model            uuid        NOT NULL,
    received_at      timestamptz NOT NULL,
    first_offset     bigint      NOT NULL,
    partition        integer     NOT NULL,
    record_count     integer     NOT NULL CHECK (record_count > 0),
    producer         uuid        NOT NULL,
    explicit_version uuid,
    routed_version   uuid,
    stream           text        NOT NULL COLLATE "C",
    content_type     text        NOT NULL COLLATE "C",
    frame            bytea       NOT NULL
) PARTITION BY LIST (org);
COMMENT ON TABLE soup.raw_batch IS 'Many records framed, compressed, digested, in one row. Never indexed by content.';
COMMENT ON COLUMN soup.raw_batch.explicit_version IS 'The version that the request''s label named; null when it named none (default-routed).';
COMMENT ON COLUMN soup.raw_batch.routed_version IS 'The version the records went to when they came: the explicit one, else the default of that moment.';
ALTER TABLE soup.raw_batch ALTER COLUMN frame SET STATISTICS 0;
ALTER TABLE soup.raw_batch ALTER COLUMN frame SET STORAGE EXTERNAL;

CREATE TABLE soup.idempotency (
    org          uuid        NOT NULL,
    producer     uuid        NOT NULL,
    key          text        NOT NULL COLLATE "C" CHECK (pg_catalog.octet_length(key) BETWEEN 1 AND 200),
    request_digest bytea     NOT NULL CHECK (pg_catalog.octet_length(request_digest) = 32),
    model        uuid        NOT NULL,
    partition    integer     NOT NULL,
    first_offset bigint      NOT NULL,
    record_count integer     NOT NULL,
    routed_version uuid,
    received_at  timestamptz NOT NULL,
    PRIMARY KEY (org, producer, key)
);
COMMENT ON TABLE soup.idempotency IS 'What was answered to (org, producer, idempotency key), kept for at least soup.idempotency_window_s.';
-- For the purge. Rows come in order of time, so a summary of block ranges finds the old ones and costs an append nothing.
CREATE INDEX idempotency_received ON soup.idempotency USING brin (received_at) WITH (pages_per_range = 32, autosummarize = on);
