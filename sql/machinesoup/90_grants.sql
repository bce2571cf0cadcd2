-- Who owns, who may. Runs last and goes through the catalogue, so that no room's object is forgotten.

-- The catalogue's own functions that are ways round the API or out of it: SQL in text, large objects, advisory locks,
-- other sessions, the WAL; what tells of others' data, which are sizes, locks, slots and all statistics, behind the views
-- that show them too; and set_config, which is SET past the list of settings that the gateway may change
-- (utility_guard.cpp), also behind UPDATE pg_settings. They are everybody's by default; here they are the platform's and
-- the monitors'. What the server itself keeps from everybody (lo_import and lo_export reach its files) stays as it is.
DO $revokes$
DECLARE
    f record;
BEGIN
    FOR f IN
        SELECT p.oid::regprocedure AS signature, is_telling
          FROM pg_catalog.pg_proc p
         CROSS JOIN LATERAL (SELECT p.proname ~ '^pg_(total_relation|relation|table|indexes|database|tablespace)_size$'
                                 OR p.proname ~ '^pg_stat_(get|have)_'
                                 OR p.proname IN ('pg_lock_status', 'pg_prepared_xact', 'pg_get_replication_slots')) AS t(is_telling)
         WHERE p.pronamespace = 'pg_catalog'::regnamespace
           AND (is_telling
                OR p.proname ~ '^(lo_|loread$|lowrite$)'
                OR p.proname ~ '^(query|table|schema|database|cursor)_to_xml'
                OR p.proname ~ '^pg_(try_)?advisory_'
                OR p.proname IN ('set_config', 'ts_stat', 'pg_logical_emit_message', 'pg_export_snapshot', 'pg_notify', 'pg_terminate_backend',
                                 'pg_cancel_backend', 'pg_current_wal_lsn', 'pg_current_wal_insert_lsn', 'pg_current_wal_flush_lsn'))
           AND NOT EXISTS (SELECT FROM pg_catalog.pg_init_privs i
                            WHERE i.classoid = 'pg_catalog.pg_proc'::regclass AND i.objoid = p.oid AND i.privtype = 'i')
    LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', f.signature);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO soup_owner, soup_dba', f.signature);
        IF f.is_telling THEN
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO pg_read_all_stats', f.signature);
        END IF;
    END LOOP;
END
$revokes$;
-- The server's own programs begin their sessions with it: pg_dump, vacuumdb, reindexdb.
GRANT EXECUTE ON FUNCTION pg_catalog.set_config(text, text, boolean) TO pg_read_all_data, pg_database_owner;

-- Nobody but a superuser writes code here, and nobody makes temporary objects that could stand before real ones.
DO $database$
BEGIN
    EXECUTE format('REVOKE CREATE, TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
    -- Those without whom nothing goes, even where PUBLIC may not connect.
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO soup_worker, soup_gateway', current_database());
END
$database$;
REVOKE USAGE ON LANGUAGE sql, plpgsql FROM PUBLIC;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;

-- Every object that this script has made belongs to soup_owner.
DO $owner$
DECLARE
    o record;
BEGIN
    FOR o IN
        SELECT CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS what,
               format('%I.%I', n.nspname, c.relname) AS name
          FROM pg_catalog.pg_depend d
          JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid AND e.extname = 'machinesoup'
          JOIN pg_catalog.pg_class c ON c.oid = d.objid
          JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass AND d.classid = 'pg_class'::regclass
           AND c.relkind IN ('r', 'p', 'v', 'S')
        UNION ALL
        SELECT 'ROUTINE', d.objid::regprocedure::text
          FROM pg_catalog.pg_depend d
          JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid AND e.extname = 'machinesoup'
         WHERE d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass AND d.classid = 'pg_proc'::regclass
        UNION ALL
        -- A composite type by itself is a type with a relation behind it. Tables' row types and the arrays of types
        -- follow what they belong to; from PostgreSQL 17 on they too are members of the extension.
        SELECT 'TYPE', format('%I.%I', n.nspname, t.typname)
          FROM pg_catalog.pg_depend d
          JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid AND e.extname = 'machinesoup'
          JOIN pg_catalog.pg_type t ON t.oid = d.objid
          JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
          LEFT JOIN pg_catalog.pg_class c ON c.oid = t.typrelid
         WHERE d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass AND d.classid = 'pg_type'::regclass
           AND coalesce(c.relkind, 'c') = 'c' AND t.typtype <> 'm'
           AND NOT EXISTS (SELECT FROM pg_catalog.pg_type element WHERE element.typarray = t.oid)
        UNION ALL
        SELECT 'SCHEMA', quote_ident(n.nspname)
          FROM pg_catalog.pg_depend d
          JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid AND e.extname = 'machinesoup'
          JOIN pg_catalog.pg_namespace n ON n.oid = d.objid
         WHERE d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass AND d.classid = 'pg_namespace'::regclass
    LOOP
        EXECUTE format('ALTER %s %s OWNER TO soup_owner', o.what, o.name);
    END LOOP;
END
$owner$;

-- PUBLIC has nothing; neither has it what soup_owner makes later (storage tables, leaves of the raw log).
REVOKE ALL ON SCHEMA soup, soup_api, soup_data FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA soup, soup_api FROM PUBLIC;
REVOKE ALL ON ALL ROUTINES IN SCHEMA soup, soup_api FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE soup_owner REVOKE ALL ON FUNCTIONS FROM PUBLIC;
-- Types have no "all in schema". Arrays go by their elements. soupvec's types stay everybody's: it is made to be used alone.
DO $types$
DECLARE
    t record;
BEGIN
    FOR t IN
        SELECT format('%I.%I', n.nspname, y.typname) AS name
          FROM pg_catalog.pg_type y
          JOIN pg_catalog.pg_namespace n ON n.oid = y.typnamespace
         WHERE n.nspname IN ('soup', 'soup_api')
           AND NOT EXISTS (SELECT FROM pg_catalog.pg_type element WHERE element.typarray = y.oid)
    LOOP
        EXECUTE format('REVOKE ALL ON TYPE %s FROM PUBLIC', t.name);
    END LOOP;
END
$types$;

-- Row-level security calls these as whoever reads.
GRANT EXECUTE ON FUNCTION soup.scope_allows(uuid, uuid, uuid), soup.platform_allows(text) TO soup_worker;

-- The gateway: what is registered, and the catalogue. The DBA: what runs in the platform scope dba.
GRANT USAGE ON SCHEMA soup_api TO soup_gateway;
GRANT USAGE ON SCHEMA soup TO soup_dba;
DO $execute$
DECLARE
    f record;
BEGIN
    FOR f IN
        SELECT p.oid::regprocedure AS signature, n.nspname = 'soup_api' AS is_api
          FROM pg_catalog.pg_proc p
          JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
         WHERE (n.nspname = 'soup_api' AND (p.proname = 'catalogue' OR p.proname IN (SELECT a.name FROM soup.api_function a)))
            OR (n.nspname = 'soup' AND (p.prosrc = 'soup_dba_call' OR p.proname = 'doctor'))
    LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', f.signature, CASE WHEN f.is_api THEN 'soup_gateway' ELSE 'soup_dba' END);
    END LOOP;
END
$execute$;

-- Beside the permissive policies of each table stands a restrictive one of the same extent, so that a permissive one
-- added by mistake opens nothing; and each says WITH CHECK what it says USING.
DO $restrict$
DECLARE
    p record;
BEGIN
    FOR p IN
        SELECT l.polname, l.polrelid::regclass AS tab, pg_get_expr(l.polqual, l.polrelid) AS expression
          FROM pg_catalog.pg_policy l
          JOIN pg_catalog.pg_class c ON c.oid = l.polrelid AND c.relnamespace = 'soup'::regnamespace
    LOOP
        EXECUTE format('ALTER POLICY %I ON %s WITH CHECK (%s)', p.polname, p.tab, p.expression);
    END LOOP;
    FOR p IN
        SELECT l.polrelid::regclass AS tab, string_agg(pg_get_expr(l.polqual, l.polrelid), ' OR ' ORDER BY l.polname DESC) AS expression
          FROM pg_catalog.pg_policy l
          JOIN pg_catalog.pg_class c ON c.oid = l.polrelid AND c.relnamespace = 'soup'::regnamespace
         WHERE l.polpermissive
         GROUP BY l.polrelid
    LOOP
        EXECUTE format('CREATE POLICY nothing_else ON %s AS RESTRICTIVE USING (%s) WITH CHECK (%2$s)', p.tab, p.expression);
    END LOOP;
END
$restrict$;

-- The list of statements that the gateway's role may send is kept by the library, so its sessions load it at once and
-- not with the first function.
DO $preload$
BEGIN
    EXECUTE format('ALTER ROLE soup_gateway IN DATABASE %I SET session_preload_libraries = %L', current_database(), 'MODULE_PATHNAME');
END
$preload$;

-- A dump holds all rows but two tables': the signing keys, which nobody may sign with elsewhere, and the list of
-- functions, which this script writes.
DO $dump$
DECLARE
    t record;
BEGIN
    FOR t IN
        SELECT c.oid::regclass AS name
          FROM pg_catalog.pg_depend d
          JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid AND e.extname = 'machinesoup'
          JOIN pg_catalog.pg_class c ON c.oid = d.objid
         WHERE d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass AND d.classid = 'pg_class'::regclass
           AND c.relkind = 'r' AND c.relname NOT IN ('signing_key', 'api_function')
    LOOP
        PERFORM pg_catalog.pg_extension_config_dump(t.name, '');
    END LOOP;
END
$dump$;
