-- doctor(): one row per thing that is wrong or missing, with the remedy.
--
-- A room adds a subject by a function soup.doctor_<subject>() with the same four columns; it runs as soup_owner in the
-- platform scope dba. One that fails becomes a row itself and does not hide the others.

CREATE FUNCTION soup.doctor_access() RETURNS TABLE (severity text, subject text, problem text, remedy text)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    -- Roles.
    SELECT 'error', format('role %s', r.rolname),
           format('has %s', concat_ws(', ', CASE WHEN r.rolsuper THEN 'SUPERUSER' END, CASE WHEN r.rolbypassrls THEN 'BYPASSRLS' END,
                                      CASE WHEN r.rolcreaterole THEN 'CREATEROLE' END, CASE WHEN r.rolcreatedb THEN 'CREATEDB' END,
                                      CASE WHEN r.rolreplication THEN 'REPLICATION' END)),
           format('ALTER ROLE %I NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB NOREPLICATION', r.rolname)
      FROM pg_roles r
     WHERE r.rolname IN ('soup_owner', 'soup_gateway', 'soup_worker', 'soup_dba')
       AND (r.rolsuper OR r.rolbypassrls OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication)
    UNION ALL
    SELECT 'error', 'role soup_owner', 'may log in', 'ALTER ROLE soup_owner NOLOGIN'
      FROM pg_roles r WHERE r.rolname = 'soup_owner' AND r.rolcanlogin
    UNION ALL
    SELECT 'error', format('role %s', m.rolname), format('is a member of %s', g.rolname), format('REVOKE %I FROM %I', g.rolname, m.rolname)
      FROM pg_auth_members a
      JOIN pg_roles g ON g.oid = a.roleid
      JOIN pg_roles m ON m.oid = a.member
     WHERE (g.rolname IN ('soup_owner', 'soup_gateway', 'soup_worker') AND NOT m.rolsuper)
        OR m.rolname IN ('soup_owner', 'soup_gateway', 'soup_worker')
    UNION ALL
    SELECT 'error', format('role %s', r.rolname), format('has settings of its own: %s', c.setting),
           format('ALTER ROLE %I RESET ALL, in this database too', r.rolname)
      FROM pg_db_role_setting s
      JOIN pg_roles r ON r.oid = s.setrole
     CROSS JOIN LATERAL unnest(s.setconfig) AS c(setting)
     WHERE r.rolname IN ('soup_owner', 'soup_gateway') AND c.setting NOT LIKE 'session\_preload\_libraries=%'
    UNION ALL
    SELECT 'error', 'role soup_gateway', 'does not load the library at the start of a session, so its statements are not guarded',
           format('ALTER ROLE soup_gateway IN DATABASE %I SET session_preload_libraries = %L', current_database(), l.library)
      FROM (SELECT p.probin AS library FROM pg_proc p WHERE p.oid = 'soup.scope_allows(uuid, uuid, uuid)'::regprocedure) l
     WHERE NOT EXISTS (SELECT FROM pg_db_role_setting s
                         JOIN pg_roles r ON r.oid = s.setrole AND r.rolname = 'soup_gateway'
                         JOIN pg_database d ON d.oid = s.setdatabase AND d.datname = current_database()
                        WHERE format('session_preload_libraries="%s"', l.library) = ANY (s.setconfig))
    -- What PUBLIC may do.
    UNION ALL
    SELECT 'error', format('schema %s', n.nspname), format('PUBLIC has %s', a.privilege_type),
           format('REVOKE ALL ON SCHEMA %I FROM PUBLIC', n.nspname)
      FROM pg_namespace n CROSS JOIN LATERAL aclexplode(n.nspacl) a
     WHERE n.nspname IN ('soup', 'soup_api', 'soup_data') AND a.grantee = 0
    UNION ALL
    SELECT 'error', format('table %s', c.oid::regclass), format('PUBLIC or the gateway has %s', a.privilege_type),
           format('REVOKE ALL ON %s FROM PUBLIC, soup_gateway', c.oid::regclass)
      FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname IN ('soup', 'soup_api', 'soup_data')
     CROSS JOIN LATERAL aclexplode(c.relacl) a
     WHERE a.grantee = 0 OR a.grantee = (SELECT g.oid FROM pg_roles g WHERE g.rolname = 'soup_gateway')
    UNION ALL
    SELECT 'error', format('function %s', p.oid::regprocedure), 'PUBLIC may execute it',
           format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', p.oid::regprocedure)
      FROM pg_proc p
      JOIN pg_namespace n ON n.oid = p.pronamespace AND n.nspname IN ('soup', 'soup_api', 'soup_data')
     WHERE p.proacl IS NULL OR EXISTS (SELECT FROM aclexplode(p.proacl) a WHERE a.grantee = 0)
    UNION ALL
    SELECT 'error', format('type %s', t.oid::regtype), 'PUBLIC may use it', format('REVOKE ALL ON TYPE %s FROM PUBLIC', t.oid::regtype)
      FROM pg_type t
      JOIN pg_namespace n ON n.oid = t.typnamespace AND n.nspname IN ('soup', 'soup_api')
     WHERE NOT EXISTS (SELECT FROM pg_type element WHERE element.typarray = t.oid)
       AND EXISTS (SELECT FROM aclexplode(coalesce(t.typacl, acldefault('T', t.typowner))) a WHERE a.grantee = 0)
    UNION ALL
    SELECT 'error', format('database %s', d.datname), format('PUBLIC has %s', a.privilege_type),
           format('REVOKE %s ON DATABASE %I FROM PUBLIC', a.privilege_type, d.datname)
      FROM pg_database d CROSS JOIN LATERAL aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
     WHERE d.datname = current_database() AND a.grantee = 0 AND a.privilege_type IN ('CREATE', 'TEMPORARY')
    -- Row-level security and search paths.
    UNION ALL
    SELECT 'error', format('table %s', c.oid::regclass), 'row-level security is not enabled and forced',
           format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', c.oid::regclass)
      FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname IN ('soup', 'soup_data')
     WHERE c.relkind IN ('r', 'p') AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
    UNION ALL
    SELECT 'error', format('function %s', p.oid::regprocedure), 'runs as its owner without a fixed search path',
           format('ALTER FUNCTION %s SET search_path = pg_catalog, pg_temp', p.oid::regprocedure)
      FROM pg_proc p
      JOIN pg_namespace n ON n.oid = p.pronamespace AND n.nspname IN ('soup', 'soup_api', 'soup_data')
     WHERE p.prosecdef AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (p.proconfig), false)
    -- What is served.
    UNION ALL
    SELECT 'error', format('function soup_api.%s', coalesce(p.proname, f.name)),
           CASE WHEN f.name IS NULL THEN 'is not registered in soup.api_function, so it is not served'
                ELSE 'is registered in soup.api_function and does not exist' END,
           'Reinstall the extension.'
      FROM (SELECT q.proname::text COLLATE "C" AS proname FROM pg_proc q
              JOIN pg_namespace n ON n.oid = q.pronamespace AND n.nspname = 'soup_api'
             WHERE q.proname <> 'catalogue') p
      FULL JOIN soup.api_function f ON f.name = p.proname
     WHERE f.name IS NULL OR p.proname IS NULL
    -- Keys.
    UNION ALL
    SELECT 'error', 'signing key', 'none is valid, so nobody can log in', 'SELECT soup.rotate_signing_key()'
     WHERE NOT EXISTS (SELECT FROM soup.signing_key k WHERE k.valid_from <= now() AND now() < k.valid_to)
    UNION ALL
    SELECT 'warning', 'signing key', format('the newest one expires on %s', k.valid_to), 'SELECT soup.rotate_signing_key()'
      FROM (SELECT max(s.valid_to) AS valid_to FROM soup.signing_key s WHERE now() < s.valid_to) k
     WHERE k.valid_to < now() + interval '7 days'
    UNION ALL
    SELECT 'warning', format('principal %s', p.username), 'has no valid passphrase',
           format('SELECT soup.set_passphrase(%L, ...) or soup.disable_principal(%1$L)', p.username)
      FROM soup.principal p
     WHERE NOT p.disabled
       AND NOT EXISTS (SELECT FROM soup.credential c WHERE c.principal = p.principal AND now() < c.expires_at)
    -- Settings of the server.
    UNION ALL
    SELECT s.severity, format('setting %s', s.name), s.problem, s.remedy
      FROM (VALUES ('error', 'fsync', 'off', 'is off: acknowledged data is lost when power is', 'ALTER SYSTEM SET fsync = on'),
                   ('error', 'full_page_writes', 'off', 'is off: a torn page is not repaired', 'ALTER SYSTEM SET full_page_writes = on'),
                   ('error', 'synchronous_commit', 'off', 'is off: an acknowledged append may be lost in a crash',
                    'ALTER SYSTEM SET synchronous_commit = on'),
                   ('warning', 'log_statement', 'all', 'is all: statements with literals, passphrases included, reach the log',
                    'ALTER SYSTEM SET log_statement = ''ddl'''),
                   ('warning', 'log_parameter_max_length', '-1',
                    'is -1: parameters, passphrases and tokens included, reach the log where durations are logged',
                    'ALTER SYSTEM SET log_parameter_max_length = 0'))
           AS s(severity, name, bad_value, problem, remedy)
     WHERE current_setting(s.name) = s.bad_value
    UNION ALL
    SELECT 'warning', 'setting max_prepared_transactions', 'is not 0; a bound transaction cannot be prepared anyway',
           'ALTER SYSTEM SET max_prepared_transactions = 0'
     WHERE current_setting('max_prepared_transactions') <> '0'
    UNION ALL
    SELECT 'error', 'setting soup.database', format('is %s, so the workers do not serve this database', current_setting('soup.database')),
           format('Set soup.database = %L and restart the server.', current_database())
     WHERE current_setting('soup.database') <> current_database();
END;
COMMENT ON FUNCTION soup.doctor_access() IS 'The rows of doctor() about roles, privileges, row-level security, keys and settings.';

CREATE FUNCTION soup.dba_examine() RETURNS TABLE (severity text, subject text, problem text, remedy text)
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
    examination name;
BEGIN
    FOR examination IN
        SELECT p.proname FROM pg_proc p
          JOIN pg_namespace n ON n.oid = p.pronamespace
         WHERE n.nspname = 'soup' AND p.proname LIKE 'doctor\_%' AND p.pronargs = 0
         ORDER BY p.proname
    LOOP
        BEGIN
            RETURN QUERY EXECUTE format('SELECT * FROM soup.%I()', examination);
        EXCEPTION WHEN OTHERS THEN
            RETURN QUERY SELECT 'error', format('soup.%s()', examination), format('the examination failed: %s', SQLERRM),
                                'Report this together with the server''s log.';
        END;
    END LOOP;
END
$body$;
COMMENT ON FUNCTION soup.dba_examine() IS 'Implementation of soup.examine.';

CREATE FUNCTION soup.examine() RETURNS TABLE (severity text, subject text, problem text, remedy text)
    LANGUAGE c STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'soup_dba_call';
COMMENT ON FUNCTION soup.examine() IS 'All that doctor() says, once it knows that the library can be called.';

CREATE FUNCTION soup.doctor() RETURNS TABLE (severity text, subject text, problem text, remedy text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
    -- Only the preloaded loader defines this setting; without it no function in C can be called.
    IF current_setting('soup.database', true) IS NULL THEN
        RETURN QUERY SELECT 'error', 'setting shared_preload_libraries', 'machinesoup is not preloaded, so none of its functions works',
                            'Add machinesoup to shared_preload_libraries and restart the server.';
    ELSE
        RETURN QUERY SELECT * FROM soup.examine();
    END IF;
END
$body$;
COMMENT ON FUNCTION soup.doctor() IS 'One row per thing that is wrong or missing, with the remedy. No row: all is well.';
