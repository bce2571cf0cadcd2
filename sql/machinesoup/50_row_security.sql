-- Row-level security, forced on every table: even the owner sees only what the bound scope allows.
--
-- soup.scope_allows(org, model, version) answers for a bound principal (its grants) and for a worker's version scope;
-- soup.platform_allows(name) for what runs without a person, on the tables listed here and on no other. Both raise
-- NOT_BOUND when nothing is bound: a silent false would turn a lost binding into a wrong, partial answer.

CREATE FUNCTION soup.scope_allows(org uuid, model uuid, version uuid) RETURNS boolean
    LANGUAGE c STABLE PARALLEL SAFE COST 1 AS 'MODULE_PATHNAME', 'soup_scope_allows';
COMMENT ON FUNCTION soup.scope_allows(uuid, uuid, uuid) IS
    'Whether the bound scope reaches this org, model (null: any of the org) and version (null: any of the model). Raises NOT_BOUND.';

CREATE FUNCTION soup.platform_allows(scope text) RETURNS boolean
    LANGUAGE c STABLE PARALLEL SAFE COST 1 AS 'MODULE_PATHNAME', 'soup_platform_allows';
COMMENT ON FUNCTION soup.platform_allows(text) IS
    'Whether the platform itself is bound as login, launcher, dba, append or gateway. Raises NOT_BOUND.';

DO $policies$
DECLARE
    t record;
    platform text;
BEGIN
    FOR t IN
        SELECT * FROM (VALUES
            -- table,            scope's arguments (null: closed to principals and workers), platform scopes
            ('org',               NULL,                          '{dba,login,launcher}'::text[]),
            ('principal',         NULL,                          '{dba,login}'),
            ('credential',        NULL,                          '{dba,login}'),
            ('grant',             NULL,                          '{dba}'),
            ('signing_key',       NULL,                          '{dba,login,launcher}'),
            ('model',             'org, model, NULL',            '{dba,launcher,append}'),
            ('version',           'org, model, version',         '{dba,launcher,append}'),
            ('version_attribute', 'org, model, version',         '{dba,launcher}'),
            ('artefact',          'org, model, version',         '{dba}'),
            ('partition',         'org, model, NULL',            '{dba,launcher,append}'),
            ('label_head',        'org, model, version',         '{dba,launcher,append}'),
            ('version_interval',  'org, model, version',         '{dba,launcher}'),
            ('promotion',         'org, model, version',         '{dba}'),
            ('raw_batch',         'org, model, explicit_version', '{append}'),
            ('idempotency',       'org, model, NULL',            '{launcher,append}'),
            ('cursor',            'org, model, version',         '{dba,launcher}'),
            ('quarantine',        'org, model, version',         '{dba}'),
            ('version_counter',   'org, model, version',         '{dba}')
        ) AS listed(name, scope_arguments, platforms)
    LOOP
        EXECUTE format('ALTER TABLE soup.%I ENABLE ROW LEVEL SECURITY', t.name);
        EXECUTE format('ALTER TABLE soup.%I FORCE ROW LEVEL SECURITY', t.name);
        IF t.scope_arguments IS NOT NULL THEN
            EXECUTE format('CREATE POLICY scope ON soup.%I USING (soup.scope_allows(%s))', t.name, t.scope_arguments);
        END IF;
        FOREACH platform IN ARRAY t.platforms LOOP
            EXECUTE format('CREATE POLICY platform_%s ON soup.%I USING (soup.platform_allows(%L))', platform, t.name, platform);
        END LOOP;
    END LOOP;
END
$policies$;
