-- Binding a principal to a transaction, and what row-level security shows then. Names in brackets are those of the
-- threat catalogue. The role is soup_owner, whom nothing but row-level security holds back.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS machinesoup CASCADE;
\set SHOW_CONTEXT never
SELECT soup.add_org('bind A') AS org_a \gset
SELECT soup.add_org('bind B') AS org_b \gset
SELECT soup.add_model('bind A', 'pump') AS model_a \gset
SELECT soup.add_model('bind B', 'pump') AS model_b \gset
SELECT soup.add_principal('bind A', 'bind-a', 'consumer', 'correct horse') AS principal_a \gset
SELECT soup.add_principal('bind B', 'bind-b', 'consumer', 'correct horse') AS principal_b \gset
SELECT soup.grant_right('bind-a', 'bind A', NULL, '*', 'query'), soup.grant_right('bind-b', 'bind B', NULL, '*', 'query');
SELECT token AS token_a, org = :'org_a' AS is_of_a, kind, round(extract(epoch FROM expires_at - now()) / 3600) AS hours
  FROM soup_api.login('bind-a', 'correct horse') \gset
\echo :is_of_a :kind :hours
SELECT token AS token_b FROM soup_api.login('bind-b', 'correct horse') \gset

-- 30,000 rows, a third of them A's, scattered; the table has the policy that every version's table has.
CREATE TABLE soup_data.bind_probe (org uuid NOT NULL, model uuid NOT NULL, n integer NOT NULL, payload text);
INSERT INTO soup_data.bind_probe
SELECT CASE WHEN n % 3 = 0 THEN :'org_a'::uuid ELSE :'org_b'::uuid END,
       CASE WHEN n % 3 = 0 THEN :'model_a'::uuid ELSE :'model_b'::uuid END, n, 'row ' || n
  FROM generate_series(1, 30000) AS n;
ALTER TABLE soup_data.bind_probe ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY, OWNER TO soup_owner;
CREATE POLICY scope ON soup_data.bind_probe USING (soup.scope_allows(org, model, NULL));
ANALYZE soup_data.bind_probe;
SET ROLE soup_owner;

-- Nothing bound: an error, not an empty answer.
SELECT count(*) FROM soup_data.bind_probe;
SELECT count(*) FROM soup.model;
INSERT INTO soup.model (org, name) VALUES (:'org_a', 'x');

BEGIN;
SELECT soup_api.list_models(:'token_a');
SELECT count(*), count(*) FILTER (WHERE org = :'org_a') AS of_a FROM soup_data.bind_probe;
COMMIT;
-- [a24] Cleared by COMMIT, ROLLBACK, an error, COMMIT AND CHAIN.
SELECT count(*) FROM soup_data.bind_probe;
BEGIN; SELECT soup_api.list_models(:'token_a'); ROLLBACK;
SELECT count(*) FROM soup_data.bind_probe;
BEGIN; SELECT soup_api.list_models(:'token_a'); SELECT 1/0; ROLLBACK;
SELECT count(*) FROM soup_data.bind_probe;
BEGIN; SELECT soup_api.list_models(:'token_a'); COMMIT AND CHAIN;
SELECT count(*) FROM soup_data.bind_probe;
ROLLBACK;
SELECT soup_api.list_models(:'token_a');
SELECT count(*) FROM soup_data.bind_probe;

-- [a21] A second token in the transaction; the same one again is fine.
BEGIN;
SELECT soup_api.list_models(:'token_a');
SELECT soup_api.list_models(:'token_a');
SELECT soup_api.list_models(:'token_b');
ROLLBACK;
SELECT * FROM soup_api.list_models(:'token_a') UNION ALL SELECT * FROM soup_api.list_models(:'token_b');
SELECT (SELECT count(*) FROM soup_api.list_models(:'token_a')), n FROM soup_data.bind_probe;
WITH bound AS MATERIALIZED (SELECT * FROM soup_api.list_models(:'token_a')) SELECT n FROM bound, soup_data.bind_probe;
-- A set that is left before its end is over: the next call at its place shows its own token.
SELECT n, (SELECT soup_api.list_models(token) LIMIT 1) FROM (VALUES (1, :'token_a'), (2, 'garbage')) AS t(n, token);
SELECT n, (SELECT soup_api.list_models(token) LIMIT 1) FROM (VALUES (1, :'token_a'), (2, :'token_b')) AS t(n, token);
SELECT n, (SELECT soup_api.list_models(token) LIMIT 1) FROM (VALUES (1, :'token_a'), (2, :'token_a')) AS t(n, token);

-- [a22] Not at top level.
RESET ROLE;
CREATE FUNCTION pg_temp.by_plpgsql(token text) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    RETURN (SELECT count(*) FROM soup_api.list_models(token));
END
$$;
CREATE FUNCTION pg_temp.by_sql(token text) RETURNS bigint LANGUAGE sql VOLATILE AS
    'SELECT count(*) FROM soup_api.list_models(token)';
CREATE FUNCTION pg_temp.by_assignment(token text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text := soup_api.list_models(token)::text;
BEGIN
    RETURN answer;
END
$$;
CREATE PROCEDURE pg_temp.by_call(token text) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM soup_api.list_models(token);
END
$$;
CREATE TEMP TABLE fired (token text);
CREATE FUNCTION pg_temp.by_trigger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM soup_api.list_models(NEW.token);
    RETURN NEW;
END
$$;
CREATE TRIGGER fire BEFORE INSERT ON fired FOR EACH ROW EXECUTE FUNCTION pg_temp.by_trigger();
SELECT set_config('bind.token', :'token_a', false) IS NOT NULL AS set;
DO $$ BEGIN PERFORM soup_api.list_models(current_setting('bind.token')); END $$;
SELECT pg_temp.by_plpgsql(:'token_a');
SELECT pg_temp.by_sql(:'token_a');
SELECT pg_temp.by_assignment(:'token_a');
CALL pg_temp.by_call(:'token_a');
INSERT INTO fired VALUES (:'token_a');
INSERT INTO fired SELECT model FROM soup_api.list_models(:'token_a');
CREATE TEMP TABLE copied AS SELECT * FROM soup_api.list_models(:'token_a');
PREPARE bind_statement AS SELECT soup_api.list_models($1);
EXECUTE bind_statement(:'token_a');
BEGIN;
DECLARE bind_cursor CURSOR FOR SELECT soup_api.list_models(current_setting('bind.token'));
FETCH bind_cursor;
ROLLBACK;
SELECT count(*) FROM fired;
SET ROLE soup_owner;

-- [a23] In a savepoint.
BEGIN;
SAVEPOINT s;
SELECT soup_api.list_models(:'token_a');
ROLLBACK TO s;
SELECT count(*) FROM soup_data.bind_probe;
ROLLBACK;
-- Bound before the savepoint it stays bound.
BEGIN;
SELECT soup_api.list_models(:'token_a');
SAVEPOINT s;
SELECT 1/0;
ROLLBACK TO s;
SELECT count(*) FROM soup_data.bind_probe;
COMMIT;

-- [b23] A cursor that would outlive the identity.
BEGIN;
SELECT soup_api.list_models(:'token_a');
DECLARE held CURSOR WITH HOLD FOR SELECT n FROM soup_data.bind_probe;
ROLLBACK;

-- [a28] The same rows with parallel workers as without, leader included or not; [a29] also for a second query.
RESET ROLE;
CREATE FUNCTION public.workers_of(statement text) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ' || statement LOOP
        IF line ~ 'Workers Launched' THEN RETURN substring(line FROM '\d+'); END IF;
    END LOOP;
    RETURN 0;
END
$$;
SET ROLE soup_owner;
-- The setting that makes even a cheap plan parallel has another name since PostgreSQL 16.
SELECT name AS force_parallel FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query') \gset
BEGIN;
SELECT soup_api.list_models(:'token_a');
SET LOCAL max_parallel_workers_per_gather = 0;
SELECT count(*), sum(n), md5(string_agg(n::text, ',' ORDER BY n)) FROM soup_data.bind_probe;
SET LOCAL max_parallel_workers_per_gather = 4;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL :force_parallel = on;
SELECT count(*), sum(n), md5(string_agg(n::text, ',' ORDER BY n)) FROM soup_data.bind_probe;
SET LOCAL parallel_leader_participation = off;
SELECT count(*), sum(n), md5(string_agg(n::text, ',' ORDER BY n)) FROM soup_data.bind_probe;
SELECT count(*) FROM soup_data.bind_probe a JOIN soup_data.bind_probe b USING (n);
SELECT count(*), sum(n) FROM soup_data.bind_probe;
SELECT public.workers_of('SELECT count(*) FROM soup_data.bind_probe') > 0 AS had_workers;
COMMIT;
-- Unbound, a parallel query fails as a whole.
BEGIN;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL :force_parallel = on;
SET LOCAL parallel_leader_participation = off;
SELECT count(*) FROM soup_data.bind_probe;
ROLLBACK;

-- [a31] A plan made under A and run under B.
SET plan_cache_mode = force_generic_plan;
BEGIN;
SELECT soup_api.list_models(:'token_a');
PREPARE probe AS SELECT count(*), min(n) FROM soup_data.bind_probe;
EXECUTE probe;
COMMIT;
BEGIN;
SELECT soup_api.list_models(:'token_b');
EXECUTE probe;
COMMIT;
EXECUTE probe;
RESET plan_cache_mode;

-- [b20] A row into or over to B.
BEGIN;
SELECT soup_api.list_models(:'token_a');
SAVEPOINT s;
INSERT INTO soup_data.bind_probe VALUES (:'org_b', :'model_b', 0);
ROLLBACK TO s;
UPDATE soup_data.bind_probe SET org = :'org_b', model = :'model_b' WHERE n = 3;
ROLLBACK TO s;
INSERT INTO soup_data.bind_probe VALUES (:'org_a', :'model_a', 0);
ROLLBACK;
RESET ROLE;
DROP FUNCTION public.workers_of(text);
DROP TABLE soup_data.bind_probe;

-- [a10] A function that is closed to the kind; [a09] what is B's looks like what is not there.
SELECT soup.add_principal('bind A', 'bind-producer', 'producer', 'correct horse') IS NOT NULL AS added;
SELECT soup.grant_right('bind-producer', 'bind A', NULL, '*', 'append');
SELECT token AS token_producer FROM soup_api.login('bind-producer', 'correct horse') \gset
SELECT soup_api.promote(:'token_producer', 'pump', 'x');
SELECT soup.add_model('bind B', 'of b only') IS NOT NULL AS added;
SELECT soup_api.describe_model(:'token_a', 'of b only');
SELECT soup_api.describe_model(:'token_a', 'of nobody');

-- [a12] A token counts only while its principal is as it was; [a13] and its key is valid.
SELECT soup_api.list_models(:'token_producer');
UPDATE soup.principal SET disabled = true WHERE username = 'bind-producer';
SELECT soup_api.list_models(:'token_producer');
UPDATE soup.principal SET disabled = false WHERE username = 'bind-producer';
SELECT soup_api.list_models(:'token_producer');
UPDATE soup.principal SET epoch = epoch + 1 WHERE username = 'bind-producer';
SELECT soup_api.list_models(:'token_producer');
DELETE FROM soup."grant" WHERE principal = :'principal_b';
SELECT count(*) FROM soup_api.list_models(:'token_b');
BEGIN;
UPDATE soup.signing_key SET valid_to = now();
SELECT soup_api.list_models(:'token_a');
ROLLBACK;
SELECT soup_api.list_models(:'token_a');

-- [a05] A sample of altered tokens; every bit is flipped in the unit tests of core/crypto.
SELECT soup_api.list_models(NULL);
SELECT soup_api.list_models('');
SELECT soup_api.list_models('x');
SELECT soup_api.list_models(repeat('A', 235));
SELECT soup_api.list_models(repeat('A', 1000000));
SELECT soup_api.list_models(:'token_a' || '=');
SELECT soup_api.list_models(' ' || :'token_a');
SELECT soup_api.list_models(left(:'token_a', 234));
SELECT soup_api.list_models(overlay(:'token_a' PLACING CASE substr(:'token_a', 100, 1) WHEN 'A' THEN 'B' ELSE 'A' END FROM 100));
SELECT soup_api.list_models(overlay(:'token_a' PLACING CASE substr(:'token_a', 200, 1) WHEN 'A' THEN 'B' ELSE 'A' END FROM 200));
SELECT soup_api.list_models(:'token_a');

-- Who is no org's may have grants in several: a name that two of them use means neither, in SQL as in C++.
SELECT soup.add_model('bind A', 'of both', 1) IS NOT NULL AND soup.add_model('bind B', 'of both', 2) IS NOT NULL AS added;
SELECT soup.add_principal(NULL, u, 'data_scientist', 'correct horse') IS NOT NULL AS added FROM unnest(ARRAY['bind-in-both', 'bind-in-b']) AS u;
SELECT soup.grant_right(u, org, NULL, '*', 'query')
  FROM (VALUES ('bind-in-both', 'bind A'), ('bind-in-both', 'bind B'), ('bind-in-b', 'bind B')) AS g(u, org);
SELECT token AS in_both FROM soup_api.login('bind-in-both', 'correct horse') \gset
SELECT token AS in_b FROM soup_api.login('bind-in-b', 'correct horse') \gset
SELECT soup_api.describe_model(:'in_both', 'of both');
SELECT soup_api.nearest(:'in_both', 'of both', ARRAY[1, 2]::real[]);
SELECT (d).model FROM (SELECT soup_api.describe_model(:'in_both', 'of b only') AS d) x;
SELECT (d).model, jsonb_array_length((d).partitions) AS partitions FROM (SELECT soup_api.describe_model(:'in_b', 'of both') AS d) x;

-- No look-up is made for a name that no grant reaches, so its time does not tell whether it is there. Models, counted in
-- one transaction: a hidden one and an absent one; and what a grant on the whole org looks for.
SELECT soup.add_principal('bind A', u, 'producer', 'correct horse') IS NOT NULL AS added FROM unnest(ARRAY['bind-narrow', 'bind-wide']) AS u;
SELECT soup.grant_right(u, 'bind A', m, '*', 'append') FROM (VALUES ('bind-narrow', 'of both'), ('bind-wide', NULL)) AS g(u, m);
SELECT token AS narrow FROM soup_api.login('bind-narrow', 'correct horse') \gset
SELECT token AS wide FROM soup_api.login('bind-wide', 'correct horse') \gset
CREATE FUNCTION pg_temp.look_up(token text, model text, OUT refusal text, OUT look_ups bigint) LANGUAGE plpgsql AS $$
BEGIN
    look_ups := pg_stat_get_xact_numscans('soup.model_org_name_key'::regclass);
    SELECT m.code INTO refusal FROM soup_api.append_many(ARRAY[token], ARRAY[model], ARRAY[NULL], ARRAY[NULL], ARRAY[NULL], ARRAY[NULL],
                                                         ARRAY[1], ARRAY['{}']::bytea[], NULL) m;
    look_ups := pg_stat_get_xact_numscans('soup.model_org_name_key'::regclass) - look_ups;
END
$$;
SELECT who, m.model, l.* FROM (VALUES ('narrow', :'narrow'), ('wide', :'wide')) AS w(who, token)
 CROSS JOIN (VALUES ('second'), ('absent'), ('of both')) AS m(model) CROSS JOIN LATERAL pg_temp.look_up(token, m.model) l WHERE who = 'narrow' OR m.model = 'absent';
-- Labels, counted by the server's statistics, since each refusal ends its transaction.
SELECT soup.add_version('bind A', 'of both', label, '{"runtime": "builtin", "entry": "passthrough",
    "input": {"content_type": "application/json"}, "output": {"vector": 2}}') IS NOT NULL AS added FROM unnest(ARRAY['seen-1', 'hidden-1']) AS label;
SELECT soup.add_principal('bind A', 'bind-labels', 'consumer', 'correct horse') IS NOT NULL AS added;
SELECT soup.grant_right('bind-labels', 'bind A', 'of both', 'seen-*', 'query');
SELECT token AS labels FROM soup_api.login('bind-labels', 'correct horse') \gset
SELECT pg_stat_force_next_flush();
SELECT pg_stat_get_numscans('soup.version_org_model_label_key'::regclass) AS before \gset
SELECT soup_api.nearest(:'labels', 'of both', ARRAY[1, 2]::real[], label => 'hidden-1');
SELECT soup_api.nearest(:'labels', 'of both', ARRAY[1, 2]::real[], label => 'hidden-absent');
SELECT pg_stat_force_next_flush();
SELECT pg_stat_get_numscans('soup.version_org_model_label_key'::regclass) - :before AS look_ups;
SELECT soup_api.nearest(:'labels', 'of both', ARRAY[1, 2]::real[], label => 'seen-absent');
SELECT soup_api.nearest(:'labels', 'of both', ARRAY[1, 2]::real[], label => 'seen-1');
SELECT pg_stat_force_next_flush();
SELECT pg_stat_get_numscans('soup.version_org_model_label_key'::regclass) - :before AS look_ups;
