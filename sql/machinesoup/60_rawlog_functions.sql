-- The raw log's functions: append and append_many, the leaves of soup.raw_batch, what keeps its rows as they are, the
-- window of idempotency keys, verification.
--
-- append and append_many are C functions (extension/rawlog); they write past the executor, with the rights of each
-- element checked in C. Everything here that makes tables runs as soup_owner.

CREATE FUNCTION soup_api.append(token text, model text, records bytea[], label text DEFAULT NULL, stream text DEFAULT NULL,
                                times timestamptz[] DEFAULT NULL, content_type text DEFAULT NULL,
                                idempotency_key text DEFAULT NULL,
                                OUT partition integer, OUT first_offset bigint, OUT count integer, OUT label text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'soup_append';
COMMENT ON FUNCTION soup_api.append(text, text, bytea[], text, text, timestamptz[], text, text) IS
    'Stores records in the model''s raw log and returns their addresses. Durable once the call has returned. content_type decides how a processor reads them; without it they are application/octet-stream, which only some processors read.';

CREATE FUNCTION soup_api.append_many(tokens text[], models text[], labels text[], streams text[], content_types text[],
                                     idempotency_keys text[], record_counts integer[], records bytea[], times timestamptz[],
                                     OUT partition integer, OUT first_offset bigint, OUT count integer, OUT label text,
                                     OUT code text, OUT detail text) RETURNS SETOF record
    LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp ROWS 30
    AS 'MODULE_PATHNAME', 'soup_append_many';
COMMENT ON FUNCTION soup_api.append_many(text[], text[], text[], text[], text[], text[], integer[], bytea[], timestamptz[]) IS
    'Many appends in one call, each with its own token: one row for each, in order, with its addresses or its code and detail.';

INSERT INTO soup.api_function (name, exposure, kinds)
VALUES ('append', 'public', '{producer}'),
       ('append_many', 'gateway', '{producer}');


-- Raw rows stay as they came. Retention drops whole leaves; nothing updates, deletes or truncates, the owner included.
-- A trigger that fires always is not skipped by session_replication_role either.
CREATE FUNCTION soup.refuse_raw_change() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
    RAISE EXCEPTION USING ERRCODE = '42501', SCHEMA = 'soup', CONSTRAINT = 'FORBIDDEN_STMT',
        MESSAGE = 'rows of the raw log can''t be changed or deleted';
END
$body$;
COMMENT ON FUNCTION soup.refuse_raw_change() IS 'Trigger: refuses UPDATE, DELETE and TRUNCATE on the raw log.';

CREATE TRIGGER raw_rows_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON soup.raw_batch
    FOR EACH STATEMENT EXECUTE FUNCTION soup.refuse_raw_change();
ALTER TABLE soup.raw_batch ENABLE ALWAYS TRIGGER raw_rows_stay;


-- What an org's table and its leaves have in common: forced row-level security as on soup.raw_batch (a policy of the
-- parent does not count where the child is named), no statistics of payload, the trigger above.
CREATE FUNCTION soup.protect_raw_table(name text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
    EXECUTE format('ALTER TABLE soup_data.%I ALTER COLUMN frame SET STATISTICS 0, '
                   'ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY scope ON soup_data.%I USING (soup.scope_allows(org, model, explicit_version)) '
                   'WITH CHECK (soup.scope_allows(org, model, explicit_version))', name);
    EXECUTE format('CREATE POLICY nothing_else ON soup_data.%I AS RESTRICTIVE USING (soup.scope_allows(org, model, explicit_version)) '
                   'WITH CHECK (soup.scope_allows(org, model, explicit_version))', name);
    EXECUTE format('CREATE TRIGGER raw_rows_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON soup_data.%I '
                   'FOR EACH STATEMENT EXECUTE FUNCTION soup.refuse_raw_change()', name);
    EXECUTE format('ALTER TABLE soup_data.%I ENABLE ALWAYS TRIGGER raw_rows_stay', name);
    EXECUTE format('REVOKE ALL ON soup_data.%I FROM PUBLIC', name);
END
$body$;
COMMENT ON FUNCTION soup.protect_raw_table(text) IS 'Row-level security, trigger and settings of a table of the raw log.';

-- A table is made apart and then attached: ATTACH PARTITION lets readers and writers of the parent go on, whereas
-- CREATE TABLE … PARTITION OF would stop them. The lock on the parent is the one that ATTACH takes anyway; taken first,
-- it lets one caller make the leaf while the others wait and then find it.
CREATE FUNCTION soup.make_raw_leaf(org uuid, month date) RETURNS regclass
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO, YMD' AS $body$
DECLARE
    org_table text := 'r_' || replace(org::text, '-', '');
    leaf text := org_table || to_char(month, '_YYYYMM');
    month_start timestamptz := date_trunc('month', month::timestamptz);
BEGIN
    IF to_regclass('soup_data.' || org_table) IS NULL THEN
        LOCK TABLE ONLY soup.raw_batch IN SHARE UPDATE EXCLUSIVE MODE;
        IF to_regclass('soup_data.' || org_table) IS NULL THEN
            EXECUTE format('CREATE TABLE soup_data.%I (LIKE soup.raw_batch INCLUDING CONSTRAINTS INCLUDING DEFAULTS '
                           'INCLUDING STORAGE) PARTITION BY RANGE (received_at)', org_table);
            PERFORM soup.protect_raw_table(org_table);
            EXECUTE format('ALTER TABLE soup.raw_batch ATTACH PARTITION soup_data.%I FOR VALUES IN (%L)', org_table, org);
        END IF;
    END IF;
    IF to_regclass('soup_data.' || leaf) IS NULL THEN
        EXECUTE format('LOCK TABLE ONLY soup_data.%I IN SHARE UPDATE EXCLUSIVE MODE', org_table);
        IF to_regclass('soup_data.' || leaf) IS NULL THEN
            EXECUTE format('CREATE TABLE soup_data.%I (LIKE soup.raw_batch INCLUDING CONSTRAINTS INCLUDING DEFAULTS '
                           'INCLUDING STORAGE)', leaf);
            EXECUTE format('CREATE UNIQUE INDEX %I ON soup_data.%I (model, partition, first_offset)', leaf || '_offset', leaf);
            EXECUTE format('CREATE INDEX %I ON soup_data.%I (model, explicit_version, partition, first_offset) '
                           'WHERE explicit_version IS NOT NULL', leaf || '_label', leaf);
            PERFORM soup.protect_raw_table(leaf);
            EXECUTE format('ALTER TABLE soup_data.%I ATTACH PARTITION soup_data.%I FOR VALUES FROM (%L) TO (%L)',
                           org_table, leaf, month_start, month_start + interval '1 month');
        END IF;
    END IF;
    RETURN to_regclass('soup_data.' || leaf);
END
$body$;
COMMENT ON FUNCTION soup.make_raw_leaf(uuid, date) IS
    'The leaf of the raw log for an org and a month (UTC), made with its indexes and row-level security if it is not there.';

-- A leaf takes some six locks until the transaction ends, and the lock table is everybody's: the leaves of thousands of
-- orgs in one transaction would fill it.
CREATE FUNCTION soup.maintain_raw_leaves(leaves_max integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
    today date := (now() AT TIME ZONE 'UTC')::date;
    missing record;
    made integer := 0;
BEGIN
    FOR missing IN
        SELECT o.org, wanted.month
          FROM (SELECT DISTINCT m.org FROM soup.model m) o
          CROSS JOIN (VALUES (today), ((today + interval '1 month')::date)) wanted(month)
         WHERE to_regclass(format('soup_data.r_%s_%s', replace(o.org::text, '-', ''), to_char(wanted.month, 'YYYYMM'))) IS NULL
         ORDER BY o.org, wanted.month
         LIMIT leaves_max
    LOOP
        PERFORM soup.make_raw_leaf(missing.org, missing.month);
        made := made + 1;
    END LOOP;
    RETURN made;
END
$body$;
COMMENT ON FUNCTION soup.maintain_raw_leaves(integer) IS
    'Makes leaves of this month and the next for orgs that have a model, leaves_max at most, and returns how many; call again while it returns leaves_max. The launcher does so daily.';

-- The window is at least soup.idempotency_window_s: a key that has not been purged yet still answers.
CREATE FUNCTION soup.purge_idempotency(rows_max integer DEFAULT 100000) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
    purged bigint;
BEGIN
    DELETE FROM soup.idempotency
     WHERE ctid = ANY (ARRAY(SELECT i.ctid FROM soup.idempotency i
                              WHERE i.received_at < now() - current_setting('soup.idempotency_window_s')::interval LIMIT rows_max));
    GET DIAGNOSTICS purged = ROW_COUNT;
    RETURN purged;
END
$body$;
COMMENT ON FUNCTION soup.purge_idempotency(integer) IS
    'Forgets idempotency keys older than soup.idempotency_window_s and returns how many; call again while it returns rows_max.';

REVOKE ALL ON FUNCTION soup.maintain_raw_leaves(integer), soup.purge_idempotency(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION soup.maintain_raw_leaves(integer), soup.purge_idempotency(integer) TO soup_worker;


CREATE FUNCTION soup.dba_verify_raw(org text, model text)
    RETURNS TABLE (partition integer, first_offset bigint, kind text, detail text)
    LANGUAGE c STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'soup_dba_verify_raw';
COMMENT ON FUNCTION soup.dba_verify_raw(text, text) IS 'Implementation of soup.verify_raw.';

CREATE FUNCTION soup.verify_raw(org text, model text)
    RETURNS TABLE (partition integer, first_offset bigint, kind text, detail text)
    LANGUAGE c STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'soup_dba_call';
COMMENT ON FUNCTION soup.verify_raw(text, text) IS
    'Reads a model''s whole raw log and returns one row for each violation: hole, overlap, bounds, count, time, index, digest.';


CREATE FUNCTION soup.doctor_rawlog() RETURNS TABLE (severity text, subject text, problem text, remedy text)
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
    next_month date := ((now() AT TIME ZONE 'UTC')::date + interval '1 month')::date;
BEGIN
    RETURN QUERY
    SELECT 'warning', 'raw log', format('org %s has no leaf for %s', o.name, to_char(next_month, 'YYYY-MM')),
           'The launcher makes it while it runs; see the server''s log for why it could not.'
      FROM soup.org o
     WHERE EXISTS (SELECT FROM soup.model m WHERE m.org = o.org)
       AND to_regclass(format('soup_data.r_%s_%s', replace(o.org::text, '-', ''), to_char(next_month, 'YYYYMM'))) IS NULL;

    -- Times of receipt never fall within a partition, so a clock that was once ahead keeps them there.
    RETURN QUERY
    SELECT 'warning', 'raw log',
           format('the last receipt of %s, partition %s lies in the future: %s', soup.subject(p.org, p.model), p.partition, p.last_received_at),
           'Check the server''s clock; times of receipt stand still until it has caught up.'
      FROM soup.partition p
     WHERE p.last_received_at > clock_timestamp() + interval '1 minute';

    RETURN QUERY
    SELECT 'error', 'raw log', 'leaf ' || l.child || ' is not attached or lacks an index', 'Restore it from a backup or call support.'
      FROM (SELECT c.oid::regclass::text AS child
              FROM pg_class c
             WHERE c.relnamespace = 'soup_data'::regnamespace AND c.relkind = 'r' AND c.relname ~ '^r_[0-9a-f]{32}_[0-9]{6}$'
               AND (NOT c.relispartition OR
                    2 > (SELECT count(*) FROM pg_index i WHERE i.indrelid = c.oid AND i.indisvalid AND i.indisready))) l;
END
$body$;
COMMENT ON FUNCTION soup.doctor_rawlog() IS 'doctor() on the raw log: missing leaves, clocks, indexes.';
