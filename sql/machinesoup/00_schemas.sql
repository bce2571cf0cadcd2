-- Roles and schemas: who owns, who may connect, where things live.
--
-- Roles are cluster-wide and survive DROP EXTENSION, so they are made only where missing. None of them may
-- bypass row-level security, create roles or replicate; soup_owner owns everything and never logs in.

DO $roles$
DECLARE
    wanted record;
BEGIN
    FOR wanted IN
        SELECT * FROM (VALUES ('soup_owner', false), ('soup_gateway', true), ('soup_worker', true), ('soup_dba', false))
                      AS r(name, may_login)
    LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = wanted.name) THEN
            EXECUTE pg_catalog.format('CREATE ROLE %I %s NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS',
                                      wanted.name, CASE WHEN wanted.may_login THEN 'LOGIN' ELSE 'NOLOGIN' END);
        END IF;
    END LOOP;
END
$roles$;

CREATE SCHEMA soup;
COMMENT ON SCHEMA soup IS 'MachineSoup: tables, implementations and the DBA''s functions. Not reachable through the gateway.';

CREATE SCHEMA soup_api;
COMMENT ON SCHEMA soup_api IS 'MachineSoup: the only functions that the gateway''s role may execute. Each takes a token first.';

CREATE SCHEMA soup_data;
COMMENT ON SCHEMA soup_data IS 'MachineSoup: one table of points per version and the leaves of the raw log, named by opaque ids.';
