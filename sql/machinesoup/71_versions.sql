-- Versions: add_version with its storage table, resume_version.
--
-- A storage table has a constant scope, its own declared columns and no word of a customer: it is named by the
-- version's identifier, attributes are a1 … an (soup.version_attribute knows their names). Columns of fixed width stand
-- first, so that rows carry no padding. position is a vector: of xyz the declared fields; of latlon earth-centred
-- metres (WGS 84, height 0, the origin is the earth's centre), with the degrees beside it in lat and lon.

CREATE FUNCTION soup.read_manifest(manifest text, OUT normalised jsonb, OUT vector_dimensions integer, OUT metric text,
                                   OUT position_dimensions integer, OUT is_latlon boolean, OUT attribute_names text[],
                                   OUT attribute_types text[], OUT attribute_sql_types text[], OUT windows_needed integer,
                                   OUT wants_vann boolean, OUT wants_vtree boolean)
    LANGUAGE c IMMUTABLE STRICT AS 'MODULE_PATHNAME', 'soup_read_manifest';
COMMENT ON FUNCTION soup.read_manifest(text) IS
    'Checks a manifest and says what add_version has to know; normalised is the manifest with all defaults spelled out. Its errors name the field by JSON pointer.';

CREATE FUNCTION soup.make_storage_table(org uuid, model uuid, version uuid, facts record) RETURNS name
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
    storage name := 'v_' || replace(version::text, '-', '');
    vector_type text;
    columns text := 'source_offset bigint NOT NULL, received_at timestamptz NOT NULL, time timestamptz, ';
    attribute integer;
BEGIN
    SELECT format('%I.vector', n.nspname) INTO STRICT vector_type
      FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'soupvec';
    IF facts.is_latlon THEN
        columns := columns || 'lat double precision NOT NULL, lon double precision NOT NULL, ';
    END IF;
    columns := columns || 'source_partition integer NOT NULL, key text COLLATE "C" PRIMARY KEY';
    IF facts.position_dimensions > 0 THEN
        columns := columns || format(', position %s(%s) NOT NULL', vector_type, facts.position_dimensions);
    END IF;
    FOR attribute IN 1 .. cardinality(facts.attribute_sql_types) LOOP
        columns := columns || format(', a%s %s', attribute, facts.attribute_sql_types[attribute]);
    END LOOP;
    IF facts.vector_dimensions > 0 THEN
        columns := columns || format(', vector %s(%s) NOT NULL', vector_type, facts.vector_dimensions);
    END IF;

    -- Vacuum and analyse by what is new, not by a fifth of a table that only grows. Where keys come again, rows are
    -- replaced: some room in each page lets the new one stand beside the old (HOT).
    EXECUTE format('CREATE TABLE soup_data.%I (%s) WITH (fillfactor = %s, autovacuum_vacuum_insert_scale_factor = 0.1, '
                   'autovacuum_vacuum_scale_factor = 0.1, autovacuum_analyze_scale_factor = 0.05)',
                   storage, columns, CASE WHEN facts.normalised #>> '{input,key_field}' IS NULL THEN 100 ELSE 85 END);
    EXECUTE format('COMMENT ON TABLE soup_data.%I IS %L', storage, 'Points of version ' || version);
    EXECUTE format('ALTER TABLE soup_data.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', storage);
    EXECUTE format('CREATE POLICY scope ON soup_data.%I USING (soup.scope_allows(%L, %L, %L)) WITH CHECK (soup.scope_allows(%2$L, %3$L, %4$L))',
                   storage, org, model, version);
    -- Permissive policies add up: this one keeps a later, careless one from opening the table.
    EXECUTE format('CREATE POLICY nothing_else ON soup_data.%I AS RESTRICTIVE USING (soup.scope_allows(%L, %L, %L)) WITH CHECK (soup.scope_allows(%2$L, %3$L, %4$L))',
                   storage, org, model, version);
    EXECUTE format('REVOKE ALL ON soup_data.%I FROM PUBLIC', storage);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE ON soup_data.%I TO soup_worker', storage);
    RETURN storage;
END
$body$;
COMMENT ON FUNCTION soup.make_storage_table(uuid, uuid, uuid, record) IS
    'Makes the table of a version''s points from what read_manifest says; returns its name.';

CREATE FUNCTION soup.make_storage_indexes(storage name, facts record) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
    wish record;
BEGIN
    -- An access method that is not installed is no error: the search then scans.
    FOR wish IN
        SELECT w.column_name, m.amname, n.nspname, c.opcname
          FROM (VALUES ('vector', 'vann', facts.wants_vann, format('vector_%s_ops', facts.metric)),
                       ('position', 'vtree', facts.wants_vtree, 'vtree_ops'))
               AS w(column_name, method, is_wanted, operator_class)
          JOIN pg_am m ON m.amname = w.method AND m.amtype = 'i'
          JOIN pg_opclass c ON c.opcmethod = m.oid AND c.opcname = w.operator_class
          JOIN pg_namespace n ON n.oid = c.opcnamespace
         WHERE w.is_wanted
    LOOP
        EXECUTE format('CREATE INDEX %I ON soup_data.%I USING %I (%I %I.%I)',
                       storage || '_' || wish.column_name, storage, wish.amname, wish.column_name, wish.nspname, wish.opcname);
    END LOOP;
END
$body$;
COMMENT ON FUNCTION soup.make_storage_indexes(name, record) IS 'Makes the indexes that a manifest wishes, as far as their access methods are installed.';

CREATE FUNCTION soup.dba_add_version(org text, model text, label text, manifest jsonb) RETURNS uuid
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
    in_org uuid := soup.find_org(dba_add_version.org);
    in_model uuid := soup.find_model(in_org, dba_add_version.model);
    added uuid := gen_random_uuid();
    fit_partition integer;
    facts record;
BEGIN
    PERFORM soup.check_name('label', dba_add_version.label);
    IF dba_add_version.label ~ '[/*]' THEN
        PERFORM soup.fail('22023', 'BAD_INPUT', 'label must not contain a slash or an asterisk');
    END IF;
    IF dba_add_version.manifest IS NULL THEN
        PERFORM soup.fail('22023', 'BAD_INPUT', 'manifest must not be null');
    END IF;
    SELECT * INTO facts FROM soup.read_manifest(dba_add_version.manifest::text);

    -- Keeps set_partitions out until this version's fit is to be seen.
    PERFORM FROM soup.model m WHERE m.org = in_org AND m.model = in_model FOR SHARE;
    INSERT INTO soup.version AS v (org, model, version, label, manifest, storage)
    VALUES (in_org, in_model, added, dba_add_version.label, facts.normalised, 'v_' || replace(added::text, '-', ''))
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        PERFORM soup.fail('40000', 'CONFLICT', format('label "%s" exists already in this model', dba_add_version.label));
    END IF;
    INSERT INTO soup.version_attribute (org, model, version, ordinal, name, type)
    SELECT in_org, in_model, added, a.ordinal, a.name, a.type
      FROM unnest(facts.attribute_names, facts.attribute_types) WITH ORDINALITY AS a(name, type, ordinal);
    IF facts.windows_needed IS NOT NULL THEN
        SELECT min(p.partition) INTO STRICT fit_partition
          FROM soup.partition p JOIN soup.model m ON m.org = p.org AND m.model = p.model AND m.epoch = p.epoch
         WHERE p.org = in_org AND p.model = in_model;
        INSERT INTO soup.fit (org, model, version, partition, windows_needed)
        VALUES (in_org, in_model, added, fit_partition, facts.windows_needed);
    END IF;
    PERFORM soup.make_storage_indexes(soup.make_storage_table(in_org, in_model, added, facts), facts);
    RETURN added;
END
$body$;
COMMENT ON FUNCTION soup.dba_add_version(text, text, text, jsonb) IS 'Implementation of soup.add_version.';

CREATE FUNCTION soup.add_version(org text, model text, label text, manifest jsonb) RETURNS uuid
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'soup_dba_call';
COMMENT ON FUNCTION soup.add_version(text, text, text, jsonb) IS
    'Adds a staged version with its table, as its manifest declares, and returns its identifier. It processes what is appended with its label, and after a promotion what is appended without.';

CREATE FUNCTION soup.dba_resume_version(org text, model text, label text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
    in_org uuid := soup.find_org(dba_resume_version.org);
    in_model uuid := soup.find_model(in_org, dba_resume_version.model);
    the_version soup.version;
BEGIN
    SELECT v.* INTO the_version FROM soup.version v
     WHERE v.org = in_org AND v.model = in_model AND v.label = dba_resume_version.label FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        PERFORM soup.fail('P0002', 'NOT_FOUND', format('version "%s" does not exist in this model', dba_resume_version.label));
    END IF;
    IF the_version.state <> 'suspended' THEN
        PERFORM soup.fail('40000', 'CONFLICT', format('version "%s" is not suspended', dba_resume_version.label));
    END IF;
    UPDATE soup.version v
       SET suspended_because = NULL,
           state = CASE WHEN EXISTS (SELECT FROM soup.model m WHERE m.org = in_org AND m.model = in_model AND m.default_version = v.version)
                        THEN 'active'
                        WHEN EXISTS (SELECT FROM soup.version_interval i WHERE i.org = in_org AND i.model = in_model AND i.version = v.version)
                        THEN 'retired' ELSE 'staged' END
     WHERE v.org = in_org AND v.model = in_model AND v.version = the_version.version;
    -- It starts with a clean slate; else the old failures of the hour would suspend it at the next one.
    DELETE FROM soup.failure f WHERE f.org = in_org AND f.model = in_model AND f.version = the_version.version;
    UPDATE soup.cursor c SET retry_at = '-infinity', attempts = 0, failures = 0
     WHERE c.org = in_org AND c.model = in_model AND c.version = the_version.version;
    UPDATE soup.fit f SET retry_at = '-infinity', attempts = 0
     WHERE f.org = in_org AND f.model = in_model AND f.version = the_version.version;
END
$body$;
COMMENT ON FUNCTION soup.dba_resume_version(text, text, text) IS 'Implementation of soup.resume_version.';

CREATE FUNCTION soup.resume_version(org text, model text, label text) RETURNS void
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'soup_dba_call';
COMMENT ON FUNCTION soup.resume_version(text, text, text) IS
    'Lets a suspended version process again, from where its cursors stand.';

CREATE FUNCTION soup.dba_quarantined(org text, model text, label text)
    RETURNS TABLE (partition integer, record_offset bigint, record_count integer, reason text, recorded_at timestamptz)
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
    in_org uuid := soup.find_org(dba_quarantined.org);
    in_model uuid := soup.find_model(in_org, dba_quarantined.model);
    the_version uuid;
BEGIN
    SELECT v.version INTO the_version FROM soup.version v
     WHERE v.org = in_org AND v.model = in_model AND v.label = dba_quarantined.label;
    IF NOT FOUND THEN
        PERFORM soup.fail('P0002', 'NOT_FOUND', format('version "%s" does not exist in this model', dba_quarantined.label));
    END IF;
    RETURN QUERY SELECT q.partition, q.record_offset, q.record_count, q.reason, q.recorded_at FROM soup.quarantine q
     WHERE q.org = in_org AND q.model = in_model AND q.version = the_version
     ORDER BY q.partition, q.record_offset;
END
$body$;
COMMENT ON FUNCTION soup.dba_quarantined(text, text, text) IS 'Implementation of soup.quarantined.';

CREATE FUNCTION soup.quarantined(org text, model text, label text)
    RETURNS TABLE (partition integer, record_offset bigint, record_count integer, reason text, recorded_at timestamptz)
    LANGUAGE c STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'soup_dba_call';
COMMENT ON FUNCTION soup.quarantined(text, text, text) IS
    'What a version could not use: the offset of the first record, how many there are from it, why and when. docs/processors.md lists the reasons.';
