-- Orgs, principals, credentials, rights, signing keys.
--
-- org leads every key. usernames are unique in the cluster, since login knows nothing else; data scientists and
-- operators belong to no org (org null): theirs is the org of the open lease.

CREATE TABLE soup.org (
    org        uuid        PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    name       text        NOT NULL UNIQUE COLLATE "C" CHECK (name ~ '^[^[:cntrl:]]{1,200}$'),
    created_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE soup.org IS 'A customer. Everything else belongs to one org.';

CREATE TABLE soup.principal (
    principal  uuid        PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    org        uuid        REFERENCES soup.org,
    username   text        NOT NULL UNIQUE COLLATE "C" CHECK (username ~ '^[^[:cntrl:]]{1,200}$'),
    kind       text        NOT NULL COLLATE "C" CHECK (kind IN ('producer', 'consumer', 'data_scientist', 'org_admin', 'operator')),
    disabled   boolean     NOT NULL DEFAULT false,
    epoch      integer     NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    CHECK ((org IS NULL) = (kind IN ('data_scientist', 'operator')))
);
COMMENT ON TABLE soup.principal IS 'Who may ask: producer, consumer, data scientist, org admin or operator.';
COMMENT ON COLUMN soup.principal.epoch IS 'Raised to refuse every token issued before: a token carries the epoch of its issue.';

CREATE TABLE soup.credential (
    principal       uuid        NOT NULL REFERENCES soup.principal,
    slot            smallint    NOT NULL CHECK (slot IN (1, 2)),
    passphrase_hash text        NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT pg_catalog.now(),
    expires_at      timestamptz NOT NULL DEFAULT 'infinity',
    PRIMARY KEY (principal, slot)
);
COMMENT ON TABLE soup.credential IS 'Argon2id hashes of passphrases; two slots, so that both are valid for a while when one is rotated.';

CREATE TABLE soup."grant" (
    org           uuid        NOT NULL REFERENCES soup.org,
    principal     uuid        NOT NULL REFERENCES soup.principal,
    model         uuid,
    label_pattern text        NOT NULL DEFAULT '*' COLLATE "C" CHECK (label_pattern ~ '^[^[:cntrl:]]{1,200}$'),
    "right"       text        NOT NULL COLLATE "C"
                  CHECK ("right" IN ('append', 'query', 'promote', 'stage', 'replay', 'inspect_raw', 'administer')),
    granted_at    timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE soup."grant" IS 'Principal × org × model × label pattern × right. What is not granted does not exist for the principal.';
COMMENT ON COLUMN soup."grant".model IS 'Null: every model of the org, also later ones.';
COMMENT ON COLUMN soup."grant".label_pattern IS 'A label, in which * stands for any run of characters.';
CREATE UNIQUE INDEX grant_key ON soup."grant" (org, principal, "right", label_pattern,
    coalesce(model, '00000000-0000-0000-0000-000000000000'::uuid));
CREATE INDEX grant_principal ON soup."grant" (principal);

CREATE TABLE soup.signing_key (
    key_id     integer     PRIMARY KEY,
    public_key bytea       NOT NULL CHECK (pg_catalog.octet_length(public_key) = 32),
    secret_key bytea       NOT NULL CHECK (pg_catalog.octet_length(secret_key) = 64),
    mac_key    bytea       NOT NULL CHECK (pg_catalog.octet_length(mac_key) = 32),
    valid_from timestamptz NOT NULL DEFAULT pg_catalog.now(),
    valid_to   timestamptz NOT NULL DEFAULT 'infinity'
);
COMMENT ON TABLE soup.signing_key IS 'Ed25519 keys of access tokens and the MAC key of page tokens. The newest valid one signs, every valid one verifies.';
