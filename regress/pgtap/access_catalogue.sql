-- Lints over the catalogue after CREATE EXTENSION (threats h01 to h10, h12, h15 to h18, h21, h23, h24): each
-- query names what must not exist.
\set QUIET on
\pset format unaligned
\pset tuples_only on
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap WITH SCHEMA public;
SELECT plan(28);

CREATE TEMP VIEW member AS
    SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'machinesoup'
     WHERE d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass;
CREATE TEMP VIEW soup_class AS
    SELECT c.*, n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname IN ('soup', 'soup_api', 'soup_data');
CREATE TEMP VIEW soup_proc AS
    SELECT p.*, n.nspname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname IN ('soup', 'soup_api', 'soup_data');

SELECT is_empty($$SELECT rolname FROM pg_roles WHERE rolname LIKE 'soup\_%'
    AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls)$$, 'h01 no role may more than it needs');
SELECT is_empty($$SELECT rolname FROM pg_roles WHERE rolname IN ('soup_owner', 'soup_dba') AND rolcanlogin$$, 'h01 nobody logs in as the owner');
SELECT is_empty($$SELECT m.rolname FROM pg_auth_members a JOIN pg_roles m ON m.oid = a.member JOIN pg_roles g ON g.oid = a.roleid
    WHERE m.rolname LIKE 'soup\_%' OR g.rolname LIKE 'soup\_%'$$, 'h02 no memberships');
SELECT is_empty($$SELECT c.oid::regclass, a.grantee::regrole FROM soup_class c CROSS JOIN aclexplode(c.relacl) a
    WHERE a.grantee <> c.relowner AND a.grantee IS DISTINCT FROM 'soup_worker'::regrole$$, 'h03 no table privilege but the workers''');
SELECT is_empty($$SELECT c.oid::regclass FROM soup_class c CROSS JOIN aclexplode(c.relacl) a
    WHERE a.grantee = 'soup_worker'::regrole AND (a.privilege_type IN ('TRUNCATE', 'TRIGGER', 'REFERENCES')
       OR c.relname IN ('org', 'principal', 'credential', 'grant', 'signing_key', 'raw_batch', 'idempotency', 'promotion'))$$,
    'h03 and no worker touches identities, keys or the raw log');
SELECT is_empty($$SELECT p.oid::regprocedure FROM soup_proc p
    WHERE p.proacl IS NULL OR EXISTS (SELECT FROM aclexplode(p.proacl) a WHERE a.grantee = 0)$$, 'h04 PUBLIC executes nothing');
SELECT is_empty($$SELECT t.oid::regtype FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
     CROSS JOIN aclexplode(coalesce(t.typacl, acldefault('T', t.typowner))) a
    WHERE n.nspname IN ('soup', 'soup_api') AND a.grantee = 0
      AND NOT EXISTS (SELECT FROM pg_type element WHERE element.typarray = t.oid)$$, 'h04 PUBLIC uses no type');
SELECT is_empty($$SELECT p.oid::regprocedure FROM soup_proc p CROSS JOIN aclexplode(p.proacl) a
    WHERE a.grantee = 'soup_gateway'::regrole AND (p.nspname <> 'soup_api' OR NOT p.prosecdef)$$, 'h04 the gateway executes soup_api only');
SELECT is_empty($$SELECT p.oid::regprocedure FROM soup_proc p CROSS JOIN aclexplode(p.proacl) a
    WHERE a.grantee = 'soup_dba'::regrole AND NOT (p.nspname = 'soup' AND p.prosecdef)$$, 'h04 the DBA''s role executes what runs as the owner');
SELECT is_empty($$SELECT p.oid::regprocedure FROM pg_proc p CROSS JOIN aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
    WHERE p.pronamespace = 'pg_catalog'::regnamespace AND a.grantee IN (0, 'soup_gateway'::regrole)
      AND p.proname ~ '^(lo_|pg_(try_)?advisory_|pg_stat_get_|pg_lock_status|set_config|query_to_xml|pg_relation_size|pg_terminate_backend|pg_notify)'$$,
    'h05 PUBLIC has no way round the API');
SELECT is_empty($$SELECT c.oid::regclass FROM soup_class c WHERE c.relkind IN ('m', 'f')
    UNION ALL SELECT r.ev_class::regclass FROM pg_rewrite r JOIN soup_class c ON c.oid = r.ev_class WHERE r.rulename <> '_RETURN'$$,
    'h06 no materialised view, foreign table or rule');
SELECT is_empty($$SELECT c.oid::regclass FROM soup_class c WHERE c.relkind = 'v' AND c.relowner <> 'soup_owner'::regrole$$,
    'h06 views belong to the owner, on whom row-level security is forced');
SELECT is_empty($$SELECT c.oid::regclass FROM soup_class c WHERE c.relkind IN ('r', 'p') AND NOT (c.relrowsecurity AND c.relforcerowsecurity)$$,
    'h07 row-level security is forced everywhere');
SELECT is_empty($$SELECT c.oid::regclass FROM soup_class c WHERE c.relkind IN ('r', 'p')
    AND NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND NOT p.polpermissive)$$, 'h07 each table has a restrictive policy');
SELECT is_empty($$SELECT p.polrelid::regclass, p.polname FROM pg_policy p JOIN soup_class c ON c.oid = p.polrelid
    WHERE p.polwithcheck IS NULL OR p.polcmd <> '*' OR pg_get_expr(p.polqual, p.polrelid) IS DISTINCT FROM pg_get_expr(p.polwithcheck, p.polrelid)
       OR pg_get_expr(p.polqual, p.polrelid) !~ 'soup\.(scope|platform)_allows\('$$, 'h07 each policy asks the scope, for reading and writing');
SELECT bag_eq($$SELECT DISTINCT tgname::text FROM pg_trigger t JOIN soup_class c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal$$,
    $$VALUES ('catalogue_change'), ('raw_rows_stay')$$, 'h07 no trigger outside the list');
SELECT is_empty($$SELECT f.conname FROM pg_constraint f JOIN soup_class c ON c.oid = f.conrelid
    WHERE f.contype = 'f' AND (f.confupdtype <> 'a' OR f.confdeltype NOT IN ('a', 'c') OR NOT f.convalidated OR f.condeferrable)$$,
    'h09 no foreign key that writes across, is unchecked or deferred');
SELECT is_empty($$SELECT f.conname FROM pg_constraint f JOIN soup_class c ON c.oid = f.conrelid JOIN soup_class r ON r.oid = f.confrelid
    WHERE f.contype = 'f' AND r.relname NOT IN ('org', 'principal')
      AND (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = f.conrelid AND a.attnum = f.conkey[1]) IS DISTINCT FROM 'org'$$,
    'h09 foreign keys begin with the org');
SELECT is_empty($$SELECT p.oid::regprocedure FROM soup_proc p WHERE p.prosrc IN ('soup_scope_allows', 'soup_platform_allows', 'soup_bound_principal')
    AND (p.provolatile <> 's' OR p.proparallel <> 's')$$, 'h10 what depends on the identity is stable and parallel safe');
SELECT is_empty($$SELECT p.oid::regprocedure FROM soup_proc p JOIN pg_language l ON l.oid = p.prolang
    WHERE (p.prosecdef OR l.lanname IN ('sql', 'plpgsql')) AND (p.proconfig IS NULL OR NOT 'search_path=pg_catalog, pg_temp' = ANY (p.proconfig))$$, 'h12 every path is fixed, pg_temp last');
SELECT is_empty($$SELECT privilege_type FROM pg_database d CROSS JOIN aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
    WHERE d.datname = current_database() AND a.grantee = 0 AND privilege_type <> 'CONNECT'
    UNION ALL SELECT privilege_type FROM pg_language l CROSS JOIN aclexplode(coalesce(l.lanacl, acldefault('l', l.lanowner))) a
    WHERE l.lanname IN ('sql', 'plpgsql') AND a.grantee = 0
    UNION ALL SELECT privilege_type FROM pg_namespace n CROSS JOIN aclexplode(n.nspacl) a WHERE n.nspname LIKE 'soup%' AND a.grantee = 0$$,
    'h15 PUBLIC makes nothing');
SELECT is_empty($$SELECT pg_describe_object(m.classid, m.objid, 0) FROM member m
      LEFT JOIN pg_class c ON m.classid = 'pg_class'::regclass AND c.oid = m.objid
      LEFT JOIN pg_proc p ON m.classid = 'pg_proc'::regclass AND p.oid = m.objid
      LEFT JOIN pg_namespace n ON m.classid = 'pg_namespace'::regclass AND n.oid = m.objid
    WHERE coalesce(c.relowner, p.proowner, n.nspowner, 'soup_owner'::regrole) <> 'soup_owner'::regrole$$, 'h16 everything is soup_owner''s');
SELECT is_empty($$SELECT c.oid::regclass FROM soup_class c
    WHERE c.relkind IN ('r', 'p', 'v', 'S') AND c.nspname <> 'soup_data'
      AND NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_class'::regclass AND m.objid = c.oid)$$, 'h16 no stray table');
SELECT bag_eq($$SELECT c.relname::text FROM soup_class c WHERE c.relkind = 'r' AND c.nspname = 'soup'
      AND c.oid <> ALL ((SELECT extconfig FROM pg_extension WHERE extname = 'machinesoup')::oid[])$$,
    $$VALUES ('signing_key'), ('api_function')$$, 'h17 all tables are dumped but these two');
SELECT is_empty($$SELECT c.oid::regclass, a.attname FROM soup_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE a.attname IN ('frame', 'state', 'content') AND a.atttypid = 'bytea'::regtype AND c.relkind IN ('r', 'p') AND a.attstattarget <> 0$$,
    'h18 no statistics of payload');
SELECT is_empty($$SELECT p.oid::regprocedure FROM soup_proc p CROSS JOIN aclexplode(p.proacl) a WHERE a.grantee = 'soup_gateway'::regrole
      AND (p.prorettype IN ('internal'::regtype, 'cstring'::regtype) OR 'internal'::regtype = ANY (p.proargtypes) OR 'cstring'::regtype = ANY (p.proargtypes)
           OR '"any"'::regtype = ANY (p.proargtypes))$$, 'h21 no internal argument is exposed');
SELECT is_empty($$SELECT d.oid FROM pg_default_acl d CROSS JOIN aclexplode(d.defaclacl) a WHERE a.grantee = 0 OR a.grantee = 'soup_gateway'::regrole$$,
    'h24 default privileges give nothing away');
-- Whoever meets an object in psql is told what it is for. Row types and arrays belong to what they are made with.
SELECT is_empty($$SELECT pg_describe_object(d.classid, d.objid, 0) FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
      LEFT JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
      LEFT JOIN pg_type t ON d.classid = 'pg_type'::regclass AND t.oid = d.objid
      LEFT JOIN pg_class r ON r.oid = t.typrelid
    WHERE e.extname IN ('machinesoup', 'soupvec') AND d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass
      AND d.classid IN ('pg_proc'::regclass, 'pg_class'::regclass, 'pg_type'::regclass, 'pg_namespace'::regclass)
      AND coalesce(c.relkind, 'r') IN ('r', 'p', 'v') AND coalesce(r.relkind, 'c') = 'c'
      AND NOT EXISTS (SELECT FROM pg_type element WHERE element.typarray = t.oid)
      AND coalesce(obj_description(d.objid, d.classid::regclass::name), '') = ''$$, 'every function, type, table, view and schema says what it is for');
SELECT * FROM finish();
ROLLBACK;
