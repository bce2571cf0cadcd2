-- promote by principals whose grants reach some labels of a model only: the move leaves the whole model right, and tells
-- them nothing of labels beyond their pattern.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS machinesoup CASCADE;
RESET client_min_messages;

SELECT soup.add_org('promote') IS NOT NULL AS org_added;
SELECT soup.add_org('promote elsewhere') IS NOT NULL AS org_added;
SELECT soup.add_principal('promote', 'promote_' || who, kind, 'long enough 1') IS NOT NULL AS added
  FROM (VALUES ('p', 'producer'), ('admin', 'org_admin'), ('prod', 'consumer'), ('viewer', 'consumer')) AS x(who, kind);
SELECT soup.add_model('promote', 'pump', 2) IS NOT NULL AS model_added;
SELECT soup.add_model('promote', 'fan') IS NOT NULL AS model_added;
SELECT soup.add_model('promote elsewhere', 'pump') IS NOT NULL AS model_added;
SELECT soup.grant_right('promote_' || who, 'promote', 'pump', pattern, "right")
  FROM (VALUES ('p', '*', 'append'), ('admin', '*', 'query'), ('admin', '*', 'promote'), ('prod', 'prod-*', 'query'),
               ('prod', 'prod-*', 'promote'), ('prod', 'seen-*', 'query'), ('viewer', '*', 'query')) AS g(who, pattern, "right");
SELECT soup.add_version(org, model, label, '{"runtime": "builtin", "entry": "passthrough",
    "input": {"content_type": "application/json"}, "output": {"vector": 2}}') IS NOT NULL AS added
  FROM (VALUES ('promote', 'pump', 'alice-test'), ('promote', 'pump', 'prod-1'), ('promote', 'pump', 'prod-2'), ('promote', 'pump', 'seen-1'),
               ('promote', 'fan', 'prod-1'), ('promote elsewhere', 'pump', 'prod-9')) AS v(org, model, label);
SELECT token AS p FROM soup_api.login('promote_p', 'long enough 1') \gset
SELECT token AS admin FROM soup_api.login('promote_admin', 'long enough 1') \gset
SELECT token AS prod FROM soup_api.login('promote_prod', 'long enough 1') \gset
SELECT token AS viewer FROM soup_api.login('promote_viewer', 'long enough 1') \gset

-- The state of the model, as the superuser sees it.
CREATE VIEW promote_version AS
    SELECT v.label, v.state, v.suspended_because, m.default_version = v.version AS is_default, v.org, v.model, v.version
      FROM soup.version v JOIN soup.model m USING (org, model) JOIN soup.org o ON o.org = v.org AND o.name = 'promote' WHERE m.name = 'pump';
CREATE VIEW promote_interval AS
    SELECT v.label, i.partition, i.from_offset, i.to_offset FROM soup.version_interval i JOIN promote_version v USING (org, model, version);
CREATE VIEW promote_history AS
    SELECT p.ordinal, v.label, (SELECT label FROM promote_version x WHERE x.version = p.previous) AS previous, u.username, p.reason,
           jsonb_path_query_array(p.offsets, '$[*].next_offset') AS offsets
      FROM soup.promotion p JOIN promote_version v USING (org, model, version) JOIN soup.principal u USING (principal);
CREATE VIEW promote_all AS
    SELECT (SELECT jsonb_agg(to_jsonb(v) ORDER BY label) FROM promote_version v) AS versions,
           (SELECT jsonb_agg(to_jsonb(i) ORDER BY label, partition, from_offset) FROM promote_interval i) AS intervals,
           (SELECT jsonb_agg(to_jsonb(h) ORDER BY ordinal) FROM promote_history h) AS history;

SELECT * FROM soup_api.promote(:'admin', 'pump', 'alice-test');
SELECT count(*) FROM (SELECT soup_api.append(:'p', 'pump', ARRAY['[1,2]', '[3,4]']::bytea[], stream => s) FROM unnest(ARRAY['a', 'b', 'c']) s) x;

-- The default bears a label that this promoter does not see. Its interval ends, it is retired, the count goes on.
SELECT * FROM soup_api.promote(:'prod', 'pump', 'prod-1', reason => 'first');
SELECT label, state, is_default FROM promote_version ORDER BY 1;
SELECT label, count(*) AS partitions, sum(to_offset) AS closed_at, count(to_offset) AS closed FROM promote_interval GROUP BY 1 ORDER BY 1;
SELECT * FROM promote_history ORDER BY 1;
SELECT DISTINCT p.default_version = v.version AS is_in_partitions FROM soup.partition p JOIN promote_version v USING (org, model) WHERE v.is_default;
-- Back, by one who sees all, and on again: a hidden default named rightly is the expected one.
SELECT * FROM soup_api.promote(:'admin', 'pump', 'alice-test', expected_current => 'prod-1');
SELECT * FROM soup_api.promote(:'prod', 'pump', 'prod-2', expected_current => 'alice-test', reason => 'second');
SELECT label, state, is_default FROM promote_version ORDER BY 1;
SELECT * FROM promote_history ORDER BY 1;
SELECT * FROM soup_api.promote(:'admin', 'pump', 'alice-test');

-- What is in view while a default moves: this model, its versions and partitions; of other models, orgs and people nothing.
CREATE FUNCTION public.promote_look() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    RAISE NOTICE 'in view: models %, labels %, % partitions, % orgs, % principals, % grants, % keys',
        (SELECT array_agg(name ORDER BY name) FROM soup.model), (SELECT array_agg(label ORDER BY label) FROM soup.version),
        (SELECT count(*) FROM soup.partition), (SELECT count(*) FROM soup.org), (SELECT count(*) FROM soup.principal),
        (SELECT count(*) FROM soup."grant"), (SELECT count(*) FROM soup.signing_key);
    RETURN NULL;
END
$body$;
GRANT EXECUTE ON FUNCTION public.promote_look() TO soup_owner;
CREATE TRIGGER promote_look AFTER INSERT ON soup.promotion FOR EACH ROW EXECUTE FUNCTION public.promote_look();
SELECT * FROM soup_api.promote(:'prod', 'pump', 'prod-1');
SELECT * FROM soup_api.promote(:'admin', 'pump', 'alice-test');
DROP TRIGGER promote_look ON soup.promotion;
DROP FUNCTION public.promote_look();

-- What a promoter of prod-* hears otherwise is the same whether what it names is there or not.
SELECT * FROM promote_all \gset before_
SELECT soup_api.promote(:'prod', 'pump', 'prod-1', expected_current => 'nobody-knows');
SELECT soup_api.promote(:'prod', 'pump', 'prod-1', expected_current => 'prod-2');
SELECT soup_api.promote(:'prod', 'pump', 'prod-1', expected_current => 'seen-1');
SELECT soup_api.promote(:'admin', 'pump', 'prod-1', expected_current => 'prod-2');
-- It promotes nothing outside its pattern: hidden, absent, seen without the right, of another model, another org.
SELECT soup_api.promote(:'prod', 'pump', 'alice-test');
SELECT soup_api.promote(:'prod', 'pump', 'alice-absent');
SELECT soup_api.promote(:'prod', 'pump', 'prod-absent');
SELECT soup_api.promote(:'prod', 'pump', 'prod-*');
SELECT soup_api.promote(:'prod', 'pump', NULL);
SELECT soup_api.promote(:'prod', 'pump', 'seen-1');
SELECT soup_api.promote(:'prod', 'fan', 'prod-1');
SELECT soup_api.promote(:'prod', 'pump', 'prod-9');
SELECT soup_api.promote(:'viewer', 'pump', 'prod-1');
SELECT soup_api.promote(:'prod', 'pump', 'prod-1', reason => repeat('x', 10001));
-- Nor by the function behind it, which asks for itself, and which the gateway's role cannot call.
SELECT org AS promote_org, model AS promote_model FROM promote_version LIMIT 1 \gset
SELECT m.org AS other_org, m.model AS other_model FROM soup.model m JOIN soup.org o ON o.org = m.org AND o.name = 'promote elsewhere' \gset
SET ROLE soup_owner;
SELECT soup.move_default(:'promote_org', :'promote_model', 'prod-1', gen_random_uuid(), NULL, NULL);
BEGIN;
SELECT count(*) FROM soup_api.list_models(:'prod');
SAVEPOINT bound;
SELECT soup.move_default(:'promote_org', :'promote_model', 'alice-test', gen_random_uuid(), NULL, NULL);
ROLLBACK TO bound;
SELECT soup.move_default(:'promote_org', :'promote_model', 'seen-1', gen_random_uuid(), NULL, NULL);
ROLLBACK TO bound;
SELECT soup.move_default(:'promote_org', :'promote_model', NULL, gen_random_uuid(), NULL, NULL);
ROLLBACK TO bound;
SELECT soup.move_default(:'other_org', :'other_model', 'prod-9', gen_random_uuid(), NULL, NULL);
ROLLBACK TO bound;
-- Without the right, the promoter's own scope holds: it cannot so much as find the model's other labels.
SELECT soup.promoter_move_default(:'promote_org', :'promote_model', 'alice-test', gen_random_uuid(), NULL, NULL);
ROLLBACK TO bound;
-- After the move the transaction is back in the scope of the principal, also when the move has failed.
SELECT label FROM soup.version ORDER BY 1;
SELECT is_as_expected FROM soup.move_default(:'promote_org', :'promote_model', 'prod-1', gen_random_uuid(), 'nobody-knows', NULL);
SELECT label FROM soup.version ORDER BY 1;
ROLLBACK;
RESET ROLE;
SELECT p.proname, r.rolname FROM pg_proc p CROSS JOIN pg_roles r
 WHERE p.pronamespace = 'soup'::regnamespace AND p.proname LIKE '%move_default' AND r.rolname LIKE 'soup\_%' AND has_function_privilege(r.oid, p.oid, 'EXECUTE') ORDER BY 1, 2;
SELECT versions = :'before_versions' AND intervals = :'before_intervals' AND history = :'before_history' AS is_unchanged FROM promote_all;

-- A suspended version is not promoted, whoever asks; it says why.
UPDATE soup.version v SET state = 'suspended', suspended_because = 'it fell over' FROM promote_version p WHERE p.version = v.version AND p.label = 'prod-1';
SELECT soup_api.promote(:'prod', 'pump', 'prod-1');
SELECT label, state, suspended_because, is_default FROM promote_version ORDER BY 1;

-- A model without a default looks like one whose default is hidden.
SELECT soup.grant_right('promote_prod', 'promote', 'fan', 'prod-*', 'promote');
SELECT soup_api.promote(:'prod', 'fan', 'prod-1', expected_current => 'nobody-knows');
SELECT * FROM soup_api.promote(:'prod', 'fan', 'prod-1');
DROP VIEW promote_all, promote_history, promote_interval, promote_version;
