-- What the tables of access need beside themselves: caches told of changes, foreign keys across files, and the small
-- questions that implementations in SQL ask about the bound principal.

CREATE FUNCTION soup.mark_catalogue_change() RETURNS trigger
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'soup_mark_catalogue_change';
COMMENT ON FUNCTION soup.mark_catalogue_change() IS
    'Marks the transaction as one that changes what every backend caches; its commit raises the shared generation.';

DO $triggers$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['principal', 'grant', 'signing_key', 'model', 'version'] LOOP
        EXECUTE format('CREATE TRIGGER catalogue_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON soup.%I '
                       'FOR EACH STATEMENT EXECUTE FUNCTION soup.mark_catalogue_change()', t);
    END LOOP;
END
$triggers$;

ALTER TABLE soup."grant" ADD FOREIGN KEY (org, model) REFERENCES soup.model;

CREATE FUNCTION soup.fail(code text, reason text, message text, detail text DEFAULT NULL, hint text DEFAULT NULL) RETURNS void
    LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
    RAISE EXCEPTION USING ERRCODE = code, SCHEMA = 'soup', CONSTRAINT = reason, MESSAGE = message,
          DETAIL = coalesce(detail, ''), HINT = coalesce(hint, '');
END
$body$;
COMMENT ON FUNCTION soup.fail(text, text, text, text, text) IS 'Raises a refusal with its SQLSTATE and reason code.';

CREATE FUNCTION soup.bound_principal() RETURNS uuid
    LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'soup_bound_principal';
COMMENT ON FUNCTION soup.bound_principal() IS 'The principal bound to this transaction. Raises NOT_BOUND.';
