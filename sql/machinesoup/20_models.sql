-- Models, versions, their partitions and the record of promotions.
--
-- (org, model, …) leads every key and every foreign key, so no row of one org can name another's. A label names a
-- version; inside, versions go by uuid, because a label is a customer's word and must not reach catalogue names.

CREATE TABLE soup.model (
    org             uuid        NOT NULL REFERENCES soup.org,
    model           uuid        NOT NULL DEFAULT pg_catalog.gen_random_uuid(),
    name            text        NOT NULL COLLATE "C" CHECK (name ~ '^[^[:cntrl:]/]{1,200}$'),
    default_version uuid,
    epoch           integer     NOT NULL DEFAULT 0,
    created_at      timestamptz NOT NULL DEFAULT pg_catalog.now(),
    PRIMARY KEY (org, model),
    UNIQUE (org, name)
);
COMMENT ON TABLE soup.model IS 'A named thing that an org keeps up to date. The uuid is stable for ever.';
COMMENT ON COLUMN soup.model.default_version IS 'The version that requests without a label mean. Moved by promote only.';
COMMENT ON COLUMN soup.model.epoch IS 'Raised when the number of partitions changes; appends go to partitions of the current epoch.';

CREATE TABLE soup.version (
    org        uuid        NOT NULL,
    model      uuid        NOT NULL,
    version    uuid        NOT NULL DEFAULT pg_catalog.gen_random_uuid(),
    label      text        NOT NULL COLLATE "C" CHECK (label ~ '^[^[:cntrl:]/*]{1,200}$'),
    state      text        NOT NULL COLLATE "C" DEFAULT 'staged' CHECK (state IN ('staged', 'active', 'retired', 'suspended')),
    manifest   jsonb       NOT NULL,
    storage    name        NOT NULL UNIQUE,
    created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    suspended_because text,
    PRIMARY KEY (org, model, version),
    UNIQUE (org, model, label),
    FOREIGN KEY (org, model) REFERENCES soup.model
);
COMMENT ON TABLE soup.version IS '(model, label): a manifest, a storage table in soup_data, a state.';
COMMENT ON COLUMN soup.version.storage IS 'Name of its table in soup_data: v_ and 32 hexadecimal digits, no customer''s word.';

-- No foreign key from model.default_version to version: with version's own key to model it would be a cycle, and a dump
-- could not be restored. partition.default_version, which promote sets together with it, has one.

CREATE TABLE soup.version_attribute (
    org     uuid     NOT NULL,
    model   uuid     NOT NULL,
    version uuid     NOT NULL,
    ordinal smallint NOT NULL CHECK (ordinal BETWEEN 1 AND 1000),
    name    text     NOT NULL COLLATE "C",
    type    text     NOT NULL COLLATE "C"
            CHECK (type IN ('real', 'double', 'integer', 'bigint', 'boolean', 'text', 'timestamptz')),
    PRIMARY KEY (org, model, version, ordinal),
    UNIQUE (org, model, version, name),
    FOREIGN KEY (org, model, version) REFERENCES soup.version ON DELETE CASCADE
);
COMMENT ON TABLE soup.version_attribute IS 'Declared attributes of a version: the n-th is column a<n> of its storage table.';

CREATE TABLE soup.artefact (
    org        uuid        NOT NULL,
    model      uuid        NOT NULL,
    version    uuid        NOT NULL,
    kind       text        NOT NULL COLLATE "C" CHECK (kind IN ('fit')),
    digest     bytea       NOT NULL CHECK (pg_catalog.octet_length(digest) = 32),
    content    bytea       NOT NULL CHECK (pg_catalog.octet_length(content) <= 16777216),
    created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    PRIMARY KEY (org, model, version, kind),
    FOREIGN KEY (org, model, version) REFERENCES soup.version
);
COMMENT ON TABLE soup.artefact IS 'What a version learned once (scaling, biases, PCA), immutable, addressed by its BLAKE2b-256 digest.';
ALTER TABLE soup.artefact ALTER COLUMN content SET STATISTICS 0;

CREATE TABLE soup.partition (
    org              uuid        NOT NULL,
    model            uuid        NOT NULL,
    partition        integer     NOT NULL CHECK (partition >= 0),
    epoch            integer     NOT NULL DEFAULT 0,
    next_offset      bigint      NOT NULL DEFAULT 0 CHECK (next_offset >= 0),
    default_version  uuid,
    last_received_at timestamptz NOT NULL DEFAULT '-infinity',
    sealed           boolean     NOT NULL DEFAULT false,
    PRIMARY KEY (org, model, partition),
    FOREIGN KEY (org, model) REFERENCES soup.model,
    FOREIGN KEY (org, model, default_version) REFERENCES soup.version
) WITH (fillfactor = 10);
COMMENT ON TABLE soup.partition IS 'An ordered lane of a model''s raw log. Append locks the row, takes offsets from it and reads the default version in it.';
COMMENT ON COLUMN soup.partition.epoch IS 'Of the model when the partition was made. Numbers of partitions are never used again, so they ascend with the epochs.';
COMMENT ON COLUMN soup.partition.sealed IS 'Its epoch is over: it keeps its records and their addresses, and append refuses to add any.';
COMMENT ON COLUMN soup.partition.default_version IS 'Copy of the model''s default: what must be current is read from the locked row itself.';

CREATE TABLE soup.label_head (
    org         uuid   NOT NULL,
    model       uuid   NOT NULL,
    version     uuid   NOT NULL,
    partition   integer NOT NULL,
    head_offset bigint NOT NULL,
    PRIMARY KEY (org, model, version, partition),
    FOREIGN KEY (org, model, version) REFERENCES soup.version,
    FOREIGN KEY (org, model, partition) REFERENCES soup.partition
) WITH (fillfactor = 50);
COMMENT ON TABLE soup.label_head IS 'One past the last record that was appended with the version''s label, so that idle staged versions need not scan the log.';

CREATE TABLE soup.version_interval (
    org         uuid        NOT NULL,
    model       uuid        NOT NULL,
    version     uuid        NOT NULL,
    partition   integer     NOT NULL,
    from_offset bigint      NOT NULL,
    to_offset   bigint      CHECK (to_offset >= from_offset),
    cause       text        NOT NULL COLLATE "C" DEFAULT 'promotion' CHECK (cause IN ('promotion', 'replay', 'follow')),
    opened_at   timestamptz NOT NULL DEFAULT pg_catalog.now(),
    PRIMARY KEY (org, model, version, partition, from_offset, opened_at),
    FOREIGN KEY (org, model, version) REFERENCES soup.version,
    FOREIGN KEY (org, model, partition) REFERENCES soup.partition
);
COMMENT ON TABLE soup.version_interval IS 'Which default-routed records a version has to process: [from_offset, to_offset), open while to_offset is null.';

CREATE TABLE soup.promotion (
    org         uuid        NOT NULL,
    model       uuid        NOT NULL,
    ordinal     bigint      NOT NULL,
    version     uuid        NOT NULL,
    previous    uuid,
    principal   uuid        NOT NULL,
    reason      text,
    offsets     jsonb       NOT NULL,
    promoted_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    PRIMARY KEY (org, model, ordinal),
    FOREIGN KEY (org, model, version) REFERENCES soup.version,
    FOREIGN KEY (org, model, previous) REFERENCES soup.version
);
COMMENT ON TABLE soup.promotion IS 'Who made which version the default, when, why, what before, and at which offset of each partition.';
