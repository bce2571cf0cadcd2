-- The manifest's metric: the same five vectors come in four different orders, with an index and without, and pages go on
-- in the order that they began in.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS machinesoup CASCADE;
RESET client_min_messages;

SELECT soup.add_org('metrics') IS NOT NULL AS org_added;
SELECT soup.add_principal('metrics', 'metrics_p', 'producer', 'long enough 1') IS NOT NULL AS added;
SELECT soup.add_principal('metrics', 'metrics_c', 'consumer', 'long enough 2') IS NOT NULL AS added;
SELECT soup.add_model('metrics', 'vectors') IS NOT NULL AS model_added;
SELECT soup.grant_right('metrics_p', 'metrics', NULL, '*', 'append'), soup.grant_right('metrics_c', 'metrics', NULL, '*', 'query');
SELECT token AS p FROM soup_api.login('metrics_p', 'long enough 1') \gset
SELECT token AS c FROM soup_api.login('metrics_c', 'long enough 2') \gset
CREATE VIEW metrics_version AS
    SELECT v.* FROM soup.version v JOIN soup.org o ON o.org = v.org AND o.name = 'metrics';

SELECT count(soup.add_version('metrics', 'vectors', concat_ws(' ', metric, method), jsonb_build_object('runtime', 'builtin', 'entry', 'passthrough',
    'input', '{"content_type": "application/json", "key_field": "id"}'::jsonb, 'output', jsonb_build_object('vector', 2, 'metric', metric),
    'index', jsonb_build_object('vector', method)))) AS added
  FROM unnest(ARRAY['cosine', 'ip', 'l1', 'l2']) AS metric, unnest(ARRAY['vann', NULL]) AS method;
-- Each metric has the operator class of its name.
SELECT v.label, c.opcname FROM metrics_version v JOIN pg_index i ON i.indrelid = ('soup_data.' || quote_ident(v.storage))::regclass
  JOIN pg_opclass c ON c.oid = i.indclass[0] WHERE NOT i.indisprimary ORDER BY 1;

SELECT count(*) FROM (SELECT soup_api.append(:'p', 'vectors', ARRAY['{"id":"a","vector":[-3,6]}', '{"id":"b","vector":[4,4]}', '{"id":"c","vector":[0,3]}',
    '{"id":"d","vector":[4,6]}', '{"id":"e","vector":[2,4]}']::bytea[], label => v.label, content_type => 'application/json')
    FROM (VALUES ('cosine vann'), ('ip vann'), ('l1 vann'), ('l2 vann'), ('cosine'), ('ip'), ('l1'), ('l2')) AS v(label)) x;
DO $$
BEGIN
    FOR i IN 1 .. 1200 LOOP
        EXIT WHEN NOT EXISTS (SELECT FROM soup.lag l JOIN metrics_version v USING (org, model, version) WHERE l.lag_records > 0);
        PERFORM pg_sleep(0.05);
    END LOOP;
END
$$;

-- From [2,1]: 1 - cosine of the angle, minus the inner product, sum of differences, straight line.
SELECT label, string_agg((v).key || '=' || round((v).distance::numeric, 3), ' ') AS nearest
  FROM (SELECT label, soup_api.nearest(:'c', 'vectors', ARRAY[2, 1]::real[], label => label) AS v
          FROM (VALUES (1, 'cosine'), (2, 'cosine vann'), (3, 'ip'), (4, 'ip vann'), (5, 'l1'), (6, 'l1 vann'), (7, 'l2'), (8, 'l2 vann')) AS l(n, label)) x
 GROUP BY label ORDER BY label;

-- In pages of two: each goes on where the one before ended.
\set ask_first 'SELECT string_agg((v).key, \'\') AS keys1, max((v).next_page) AS page2 FROM (SELECT soup_api.nearest(:\'c\', \'vectors\', ARRAY[2, 1]::real[], label => :\'label\', page_size => 2) AS v) x'
\set ask_second 'SELECT string_agg((v).key, \'\') AS keys2, max((v).next_page) AS page3 FROM (SELECT soup_api.nearest(:\'c\', \'vectors\', ARRAY[2, 1]::real[], label => :\'label\', page_size => 2, page => :\'page2\') AS v) x'
\set ask_third 'SELECT :\'label\' AS label, :\'keys1\' AS first, :\'keys2\' AS second, string_agg((v).key, \'\') AS third, count((v).next_page) AS further FROM (SELECT soup_api.nearest(:\'c\', \'vectors\', ARRAY[2, 1]::real[], label => :\'label\', page_size => 2, page => :\'page3\') AS v) x;'
\set label 'cosine'
:ask_first \gset
:ask_second \gset
:ask_third
\set label 'ip'
:ask_first \gset
:ask_second \gset
:ask_third
\set label 'l1'
:ask_first \gset
:ask_second \gset
:ask_third
\set label 'l2'
:ask_first \gset
:ask_second \gset
:ask_third
\set label 'cosine vann'
:ask_first \gset
:ask_second \gset
:ask_third
\set label 'ip vann'
:ask_first \gset
:ask_second \gset
:ask_third
\set label 'l1 vann'
:ask_first \gset
:ask_second \gset
:ask_third
\set label 'l2 vann'
:ask_first \gset
:ask_second \gset
:ask_third
DROP VIEW metrics_version;
