-- What is served: one row per function of soup_api, and the catalogue that the gateway makes routes and OpenAPI from.
--
-- A function without a row is not served and open to no kind of principal. Each room registers its own functions.

CREATE TABLE soup.api_function (
    name     text    PRIMARY KEY COLLATE "C",
    exposure text    NOT NULL COLLATE "C" CHECK (exposure IN ('public', 'internal', 'gateway')),
    kinds    text[]  NOT NULL
             CHECK (kinds <@ '{producer,consumer,data_scientist,org_admin,operator}'::text[]),
    paged    boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE soup.api_function IS 'Which functions of soup_api are served, where, and to whom.';
COMMENT ON COLUMN soup.api_function.kinds IS 'Kinds of principal that may call it; empty for what takes no token.';

ALTER TABLE soup.api_function ENABLE ROW LEVEL SECURITY;
ALTER TABLE soup.api_function FORCE ROW LEVEL SECURITY;
CREATE POLICY platform_gateway ON soup.api_function USING (soup.platform_allows('gateway'));
CREATE POLICY platform_dba ON soup.api_function USING (soup.platform_allows('dba'));
CREATE TRIGGER catalogue_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON soup.api_function
    FOR EACH STATEMENT EXECUTE FUNCTION soup.mark_catalogue_change();

CREATE FUNCTION soup.gateway_catalogue()
    RETURNS TABLE (name text, exposure text, args jsonb, columns jsonb, returns_set boolean, paged boolean,
                   volatility text, comment text)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT f.name, f.exposure, a.args, c.columns, p.proretset, f.paged,
           CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END,
           obj_description(p.oid, 'pg_proc')
      FROM soup.api_function f
      JOIN pg_namespace n ON n.nspname = 'soup_api'
      JOIN pg_proc p ON p.pronamespace = n.oid AND p.proname = f.name
      -- Input arguments by position, without the token; the last pronargdefaults of them are optional.
      CROSS JOIN LATERAL (
          SELECT coalesce(jsonb_agg(jsonb_build_object(
                     'name', p.proargnames[i.position],
                     'type', format_type(p.proargtypes[i.position - 1], NULL),
                     'optional', i.position > p.pronargs - p.pronargdefaults) ORDER BY i.position), '[]') AS args
            FROM generate_series(1, p.pronargs) AS i(position)
           WHERE p.proargnames[i.position] <> 'token') a
      -- Columns: of RETURNS TABLE, else of a composite type, else the function's own value.
      CROSS JOIN LATERAL (
          SELECT CASE
              WHEN p.proargmodes && '{t,o,b}'::"char"[] THEN
                  (SELECT jsonb_agg(jsonb_build_object('name', p.proargnames[m.position],
                                                       'type', format_type(p.proallargtypes[m.position], NULL)) ORDER BY m.position)
                     FROM unnest(p.proargmodes) WITH ORDINALITY AS m(mode, position)
                    WHERE m.mode IN ('t', 'o', 'b'))
              WHEN t.typrelid <> 0 THEN
                  (SELECT jsonb_agg(jsonb_build_object('name', b.attname, 'type', format_type(b.atttypid, b.atttypmod)) ORDER BY b.attnum)
                     FROM pg_attribute b WHERE b.attrelid = t.typrelid AND b.attnum > 0 AND NOT b.attisdropped)
              ELSE jsonb_build_array(jsonb_build_object('name', f.name, 'type', format_type(p.prorettype, NULL)))
              END AS columns
            FROM pg_type t WHERE t.oid = p.prorettype) c
     ORDER BY f.name;
END;
COMMENT ON FUNCTION soup.gateway_catalogue() IS 'Implementation of soup_api.catalogue.';

CREATE FUNCTION soup_api.catalogue()
    RETURNS TABLE (name text, exposure text, args jsonb, columns jsonb, returns_set boolean, paged boolean,
                   volatility text, comment text)
    LANGUAGE c STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'soup_gateway_call';
COMMENT ON FUNCTION soup_api.catalogue() IS
    'The served functions with their arguments (without the token) and columns. For the gateway itself; takes no token.';

CREATE FUNCTION soup_api.login(username text, passphrase text,
                               OUT token text, OUT expires_at timestamptz, OUT org uuid, OUT kind text)
    LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'soup_login';
COMMENT ON FUNCTION soup_api.login(text, text) IS
    'A token for a username and its passphrase. org is null for data scientists and operators.';

INSERT INTO soup.api_function (name, exposure, kinds) VALUES
    ('login', 'public', '{}');
