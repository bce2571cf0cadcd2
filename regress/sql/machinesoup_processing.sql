-- From append to point by each built-in processor; routing by label and default, the gap before a promotion and after a
-- roll back; the later record wins; records that cannot be used.
\set VERBOSITY terse
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS machinesoup CASCADE;
RESET client_min_messages;

SELECT soup.add_org('processing') IS NOT NULL AS org_added;
SELECT soup.add_principal('processing', 'processing_p', 'producer', 'long enough 1') IS NOT NULL AS producer_added;
SELECT soup.add_principal('processing', 'processing_c', 'consumer', 'long enough 2') IS NOT NULL AS consumer_added;
SELECT soup.add_model('processing', name) IS NOT NULL AS model_added FROM unnest(ARRAY['vectors', 'places', 'images', 'waves']) AS name;
SELECT soup.grant_right('processing_p', 'processing', NULL, '*', 'append');
SELECT soup.grant_right('processing_c', 'processing', NULL, '*', r) FROM unnest(ARRAY['query', 'promote']) AS r;
SELECT token AS p FROM soup_api.login('processing_p', 'long enough 1') \gset
SELECT token AS c FROM soup_api.login('processing_c', 'long enough 2') \gset

-- Returns once this model's lanes have nothing left, or raises after a minute.
CREATE PROCEDURE processing_wait(model_name text) LANGUAGE plpgsql AS $body$
BEGIN
    FOR i IN 1 .. 1200 LOOP
        IF NOT EXISTS (SELECT FROM soup.lag l JOIN soup.model m USING (org, model)
                         JOIN soup.org o ON o.org = m.org AND o.name = 'processing'
                        WHERE m.name = model_name AND l.lag_records > 0) THEN
            RETURN;
        END IF;
        PERFORM pg_sleep(0.05);
        COMMIT;
    END LOOP;
    RAISE EXCEPTION 'model % still lags', model_name;
END
$body$;
CREATE VIEW processing_version AS
    SELECT m.name AS model, v.label, v.state, v.storage, v.org, v.version, v.manifest FROM soup.version v
      JOIN soup.model m USING (org, model) JOIN soup.org o ON o.org = v.org AND o.name = 'processing';

-- passthrough, keyed: a later record replaces the point; what cannot be used is set aside, and the cursor goes on.
SELECT soup.add_version('processing', 'vectors', 'a', '{"runtime": "builtin", "entry": "passthrough",
    "input": {"content_type": "application/json", "key_field": "id", "time_field": "at"},
    "output": {"vector": 2, "attributes": {"n": "integer", "is_on": "boolean", "name": "text", "big": "bigint", "x": "double", "y": "real", "seen": "timestamptz"}}}') IS NOT NULL AS added;
SELECT (v).* FROM (SELECT soup_api.append(:'p', 'vectors', ARRAY[
    '{"id":"k1","at":"2024-01-02T03:04:05Z","vector":[1,2],"n":7,"is_on":true,"name":"höher","big":9007199254740993,"x":0.1,"y":0.1,"seen":"2024-05-06T07:08:09.123456+02:00"}',
    '{"id":"k2","vector":[3,4]}', '{"id":"k2","vector":[5,6]}', '{"id":"k3","vector":[1]}', '{"id":"k4"}', '{"vector":[1,2]}', 'no json',
    '{"id":"k5","vector":[1,2],"n":3000000000}', '{"id":"k6","vector":[1,1e39]}']::text[]::bytea[],
    label => 'a', content_type => 'application/octet-stream') AS v) x;
SELECT (v).* FROM (SELECT soup_api.append(:'p', 'vectors',
    (SELECT array_agg(convert_to(r, 'UTF8') ORDER BY o) FROM unnest(ARRAY[
    '{"id":"k1","at":"2024-01-02T03:04:05Z","vector":[1,2],"n":7,"is_on":true,"name":"höher","big":9007199254740993,"x":0.1,"y":0.1,"seen":"2024-05-06T07:08:09.123456+02:00"}',
    '{"id":"k2","vector":[3,4]}', '{"id":"k2","vector":[5,6]}', '{"id":"k3","vector":[1]}', '{"id":"k4"}', '{"vector":[1,2]}',
    '{"id":"k5","vector":[1,2],"n":3000000000}', '{"id":"k6","vector":[1,1e39]}', '[7,8]']) WITH ORDINALITY AS u(r, o)),
    label => 'a', content_type => 'application/json') AS v) x;
CALL processing_wait('vectors');
SELECT storage AS vectors FROM processing_version WHERE model = 'vectors' AND label = 'a' \gset
SELECT key, CASE WHEN key = 'k1' THEN time END AS time, vector, a1, a2, a3, a4, a5, a6, a7, source_partition, source_offset FROM soup_data.:"vectors" ORDER BY key;
SELECT record_offset, record_count, reason FROM soup.quarantine q JOIN processing_version v USING (version) WHERE label = 'a' AND v.model = 'vectors' ORDER BY 1;
-- The later of two records wins in whatever batch it comes; the same again changes nothing but the source.
SELECT (soup_api.append(:'p', 'vectors', ARRAY['{"id":"k2","vector":[9,9]}'::bytea], label => 'a', content_type => 'application/json')).count;
CALL processing_wait('vectors');
SELECT key, vector, source_offset FROM soup_data.:"vectors" WHERE key = 'k2';

-- Default and label, each in its lane. Version b comes late and first processes what it has missed.
SELECT (soup_api.append(:'p', 'vectors', ARRAY[format('{"id":"d%s","vector":[%s,0]}', i, i)::bytea], content_type => 'application/json')).label FROM generate_series(1, 2) i;
SELECT * FROM soup_api.promote(:'c', 'vectors', 'a');
SELECT (soup_api.append(:'p', 'vectors', ARRAY['{"id":"d3","vector":[3,0]}'::bytea], content_type => 'application/json')).label;
CALL processing_wait('vectors');
SELECT count(*) FILTER (WHERE key LIKE 'd%') AS default_routed, count(*) AS points FROM soup_data.:"vectors";
SELECT soup.add_version('processing', 'vectors', 'b', manifest) IS NOT NULL AS added FROM processing_version WHERE model = 'vectors' AND label = 'a';
SELECT * FROM soup_api.promote(:'c', 'vectors', 'b');
SELECT (soup_api.append(:'p', 'vectors', ARRAY['{"id":"d4","vector":[4,0]}'::bytea], content_type => 'application/json')).label;
CALL processing_wait('vectors');
SELECT storage AS vectors_b FROM processing_version WHERE model = 'vectors' AND label = 'b' \gset
SELECT string_agg(key, ' ' ORDER BY key) AS b FROM soup_data.:"vectors_b";
SELECT string_agg(key, ' ' ORDER BY key) AS a FROM soup_data.:"vectors" WHERE key LIKE 'd%';
-- Back to a: it catches up over its gap; b keeps what it has.
SELECT * FROM soup_api.promote(:'c', 'vectors', 'a');
SELECT (soup_api.append(:'p', 'vectors', ARRAY['{"id":"d5","vector":[5,0]}'::bytea], content_type => 'application/json')).label;
CALL processing_wait('vectors');
SELECT string_agg(key, ' ' ORDER BY key) AS a FROM soup_data.:"vectors" WHERE key LIKE 'd%';
SELECT string_agg(key, ' ' ORDER BY key) AS b FROM soup_data.:"vectors_b";
SELECT v.label, c.lane, c.next_offset, c.records, c.attempts, c.failures, c.last_error FROM soup.cursor c
  JOIN processing_version v USING (org, version) WHERE v.model = 'vectors' ORDER BY 1, 2;
-- To b and back four times, with a record each time: both keep one interval in each partition, and get each record once.
SELECT set_config('processing.c', :'c', false) IS NOT NULL AS c_is_set, set_config('processing.p', :'p', false) IS NOT NULL AS p_is_set;
SELECT format($$SELECT (soup_api.promote(current_setting('processing.c'), 'vectors', %L)).label$$, CASE i % 2 WHEN 1 THEN 'b' ELSE 'a' END),
       format($$SELECT (soup_api.append(current_setting('processing.p'), 'vectors', ARRAY['{"id":"e%s","vector":[6,%s]}'::bytea], content_type => 'application/json')).count$$,
              to_char(i, 'FM00'), i)
  FROM generate_series(1, 8) AS i ORDER BY i \gexec
CALL processing_wait('vectors');
SELECT v.label, i.partition, count(*) AS intervals, count(i.to_offset) AS closed FROM soup.version_interval i
  JOIN processing_version v USING (org, version) WHERE v.model = 'vectors' GROUP BY 1, 2 ORDER BY 1, 2;
SELECT string_agg(key, ' ' ORDER BY key) AS a FROM soup_data.:"vectors" WHERE key LIKE 'e%';
SELECT string_agg(key, ' ' ORDER BY key) AS b FROM soup_data.:"vectors_b" WHERE key LIKE 'e%';
SELECT v.label, c.lane, c.next_offset, c.records FROM soup.cursor c
  JOIN processing_version v USING (org, version) WHERE v.model = 'vectors' ORDER BY 1, 2;

-- position: degrees beside earth-centred metres.
SELECT soup.add_version('processing', 'places', 'p', '{"runtime": "builtin", "entry": "position", "input": {"key_field": "name"},
    "output": {"position": {"type": "latlon", "fields": ["lat", "lon"]}, "attributes": {"height": "real"}}}') IS NOT NULL AS added;
SELECT (soup_api.append(:'p', 'places', ARRAY['{"name":"null island","lat":0,"lon":0}', '{"name":"pole","lat":90,"lon":12.5,"height":2.5}',
    '{"name":"nowhere","lat":91,"lon":0}', '{"name":"nothing"}']::bytea[], label => 'p', content_type => 'application/json')).count;
CALL processing_wait('places');
SELECT storage AS places FROM processing_version WHERE model = 'places' \gset
SELECT key, lat, lon, ARRAY(SELECT round(metre) FROM unnest(position::real[]) AS metre) AS position, a1 FROM soup_data.:"places" ORDER BY key;
SELECT record_offset, reason FROM soup.quarantine q JOIN processing_version v USING (version) WHERE v.model = 'places' ORDER BY 1;

-- image_convolution learns from its first images and then processes those too.
SELECT soup.add_version('processing', 'images', 'i', '{"runtime": "builtin", "entry": "image_convolution", "input": {"content_type": "application/octet-stream"},
    "parameters": {"width": 8, "height": 8, "features": 64, "fit": {"first_windows": 30}}, "output": {"vector": 4}}') IS NOT NULL AS added;
CREATE FUNCTION processing_image(n integer) RETURNS bytea LANGUAGE sql AS
    $$ SELECT string_agg(set_byte('\x00', 0, (128 + 100 * sin(n * 0.3 + i * 0.1 * (1 + n % 3)))::int), '' ORDER BY i) FROM generate_series(0, 63) i $$;
SELECT (soup_api.append(:'p', 'images', (SELECT array_agg(processing_image(n) ORDER BY n) FROM generate_series(1, 20) n), label => 'i')).count;
-- Too few: the version waits, says so, and its lane lags.
DO $$ BEGIN FOR i IN 1 .. 1200 LOOP EXIT WHEN EXISTS (SELECT FROM soup.fit_wait w JOIN processing_version v USING (version) WHERE v.model = 'images' AND w.windows_seen = 20); PERFORM pg_sleep(0.05); END LOOP; END $$;
SELECT w.partition, w.windows_seen, w.windows_needed, w.records_missing, w.last_error FROM soup.fit_wait w JOIN processing_version v USING (version) WHERE v.model = 'images';
SELECT (d).versions -> 0 -> 'fit_wait' AS fit_wait FROM (SELECT soup_api.describe_model(:'c', 'images') AS d) x;
SELECT l.lane, l.next_offset, l.head_offset, l.lag_records FROM soup.lag l JOIN processing_version v USING (version) WHERE v.model = 'images';
SELECT severity, problem FROM soup.doctor() WHERE subject LIKE 'version i of %/images';
SELECT (soup_api.append(:'p', 'images', (SELECT array_agg(processing_image(n) ORDER BY n) FROM generate_series(21, 40) n) || '\x0102'::bytea, label => 'i')).count;
CALL processing_wait('images');
SELECT (d).versions -> 0 -> 'fit_wait' AS fit_wait FROM (SELECT soup_api.describe_model(:'c', 'images') AS d) x;
SELECT storage AS images FROM processing_version WHERE model = 'images' \gset
SELECT count(*), min(source_offset), max(source_offset) FROM soup_data.:"images";
SELECT record_offset, reason FROM soup.quarantine q JOIN processing_version v USING (version) WHERE v.model = 'images' ORDER BY 1;
SELECT f.windows_seen, f.windows_needed, f.fitted_at IS NOT NULL AS fitted, octet_length(a.digest) AS digest_bytes
  FROM soup.fit f JOIN soup.artefact a USING (org, model, version) JOIN processing_version v USING (org, version) WHERE v.model = 'images';

-- window_convolution: a window each stride and stream, named by its first record; streams don't mix.
SELECT soup.add_version('processing', 'waves', 'w', '{"runtime": "builtin", "entry": "window_convolution",
    "input": {"channels": ["v"], "time_field": "t"}, "parameters": {"window": 16, "stride": 8, "features": 84, "fit": {"first_windows": 20}},
    "output": {"vector": 3, "attributes": {"score": "real"}}}') IS NOT NULL AS added;
SELECT * FROM soup_api.promote(:'c', 'waves', 'w');
SELECT (soup_api.append(:'p', 'waves', (SELECT array_agg(format('{"v":%s,"t":"2024-01-01T00:%s:%sZ"}', round(sin(i / 5.0)::numeric, 4), to_char(i / 60, 'FM00'), to_char(i % 60, 'FM00'))::bytea ORDER BY i)
    FROM generate_series(0, 159) i), stream => s, content_type => 'application/json')).count FROM unnest(ARRAY['left', 'right']) s;
CALL processing_wait('waves');
SELECT storage AS waves FROM processing_version WHERE model = 'waves' \gset
SELECT split_part(key, '/', 2) AS stream, count(*), count(DISTINCT vector::text) > 5 AS differ, bool_and(a1 IS NOT NULL) AS scored FROM soup_data.:"waves" GROUP BY 1 ORDER BY 1;
SELECT key, time, source_offset FROM soup_data.:"waves" ORDER BY source_offset LIMIT 3;
-- Both streams carry the same wave, so their windows are the same.
SELECT count(*) AS twins FROM soup_data.:"waves" l JOIN soup_data.:"waves" r ON l.key LIKE '0/left/%' AND r.key LIKE '0/right/%'
   AND r.source_offset = l.source_offset + 160 AND r.vector = l.vector AND r.a1 = l.a1 AND r.time = l.time;

-- How many records a version of windows waits for: a window, then a stride for each further one; less by each that comes,
-- whether it has been looked at or not.
SELECT soup.add_model('processing', 'learner') IS NOT NULL AS model_added;
SELECT soup.add_version('processing', 'learner', 'w', manifest) IS NOT NULL AS added FROM processing_version WHERE model = 'waves';
\set fit_wait 'SELECT (d).versions -> 0 -> \'fit_wait\' AS fit_wait FROM (SELECT soup_api.describe_model(:\'c\', \'learner\') AS d) x;'
:fit_wait
SELECT (soup_api.append(:'p', 'learner', (SELECT array_agg(format('{"v":%s}', i)::bytea) FROM generate_series(1, 40) i), label => 'w', content_type => 'application/json')).count;
DO $$ BEGIN FOR i IN 1 .. 1200 LOOP EXIT WHEN EXISTS (SELECT FROM soup.fit_wait w JOIN processing_version v USING (version) WHERE v.model = 'learner' AND w.windows_seen > 0); PERFORM pg_sleep(0.05); END LOOP; END $$;
:fit_wait
SELECT (soup_api.append(:'p', 'learner', (SELECT array_agg(format('{"v":%s}', i)::bytea) FROM generate_series(41, 50) i), label => 'w', content_type => 'application/json')).count;
:fit_wait

-- More streams in progress than a state holds (their long names take the room): some give up their windows, and are counted.
SELECT DISTINCT (soup_api.append(:'p', 'waves', ARRAY['{"v":1}'::bytea], stream => rpad(s::text, 800, 'x'), content_type => 'application/json')).count FROM generate_series(1, 1500) s;
CALL processing_wait('waves');
SELECT (d).versions -> 0 -> 'counters' AS counters FROM (SELECT soup_api.describe_model(:'c', 'waves') AS d) x \gset
SELECT :'counters' = jsonb_build_object('streams_restarted', c.value)::text AS is_shown, c.value BETWEEN 100 AND 1000 AS is_plausible
  FROM soup.version_counter c JOIN processing_version v USING (org, version);
SELECT severity, regexp_replace(problem, '^\d+', 'some') AS problem FROM soup.doctor() WHERE subject LIKE 'version % of %/waves';

-- Nothing failed, and a manifest is stored with its defaults.
SELECT count(*) FROM soup.failure f JOIN processing_version v USING (version);
SELECT jsonb_pretty(manifest) FROM processing_version WHERE model = 'waves';
DROP FUNCTION processing_image;
DROP PROCEDURE processing_wait;
DROP VIEW processing_version;
