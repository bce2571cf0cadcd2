-- nearest, within_box, within_radius, get_point: each answer equals a plain query's, pages put together equal the whole,
-- another principal's page or an altered one is refused, and bad input is one clear error each.
\set VERBOSITY terse
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS machinesoup CASCADE;
RESET client_min_messages;

SELECT soup.add_org('serving') IS NOT NULL AS org_added;
SELECT soup.add_principal('serving', 'serving_p', 'producer', 'long enough 1') IS NOT NULL AS added;
SELECT soup.add_principal('serving', 'serving_c', 'consumer', 'long enough 2') IS NOT NULL AS added;
SELECT soup.add_principal('serving', 'serving_d', 'consumer', 'long enough 3') IS NOT NULL AS added;
SELECT soup.add_principal('serving', 'serving_none', 'consumer', 'long enough 4') IS NOT NULL AS added;
SELECT soup.add_model('serving', name) IS NOT NULL AS model_added FROM unnest(ARRAY['vectors', 'places', 'boxes']) AS name;
SELECT soup.grant_right('serving_p', 'serving', NULL, '*', 'append');
SELECT soup.grant_right(u, 'serving', NULL, '*', r) FROM unnest(ARRAY['serving_c', 'serving_d']) AS u, unnest(ARRAY['query', 'promote']) AS r;
SELECT soup.grant_right('serving_none', 'serving', 'vectors', '*', 'promote');
SELECT token AS p FROM soup_api.login('serving_p', 'long enough 1') \gset
SELECT token AS c FROM soup_api.login('serving_c', 'long enough 2') \gset
SELECT token AS d FROM soup_api.login('serving_d', 'long enough 3') \gset
SELECT token AS n FROM soup_api.login('serving_none', 'long enough 4') \gset

-- Without an index over the vectors, whose answers would be approximate: here each is compared with a plain query's.
SELECT soup.add_version('serving', 'vectors', 'a', '{"runtime": "builtin", "entry": "passthrough",
    "input": {"content_type": "application/json", "key_field": "id"}, "index": {"vector": null},
    "output": {"vector": 3, "attributes": {"grade": "text", "n": "integer", "y": "real"}}}') IS NOT NULL AS added;
SELECT soup.add_version('serving', 'places', 'a', '{"runtime": "builtin", "entry": "position",
    "input": {"content_type": "application/json", "key_field": "id"},
    "output": {"position": {"type": "latlon", "fields": ["lat", "lon"]}, "attributes": {"name": "text"}}}') IS NOT NULL AS added;
SELECT soup.add_version('serving', 'boxes', 'a', '{"runtime": "builtin", "entry": "position",
    "input": {"content_type": "application/json", "key_field": "id"},
    "output": {"position": {"type": "xyz", "fields": ["x", "y", "z"]}, "attributes": {"n": "integer"}}}') IS NOT NULL AS added;
SELECT (v).model, (v).label, (v).previous FROM (SELECT soup_api.promote(:'c', 'vectors', 'a') AS v) x;
SELECT (v).model, (v).label, (v).previous FROM (SELECT soup_api.promote(:'c', 'places', 'a') AS v) x;
SELECT (v).model, (v).label, (v).previous FROM (SELECT soup_api.promote(:'c', 'boxes', 'a') AS v) x;

-- 2,000 vectors on a lattice, so that many distances tie and the key decides.
SELECT count(*) FROM (SELECT soup_api.append(:'p', 'vectors', (SELECT array_agg(convert_to(format(
    '{"id":"v%s","vector":[%s,%s,%s],"grade":"%s","n":%s,"y":%s}', to_char(i, 'FM0000'), i % 10, i / 10 % 10, i / 100, chr(97 + i % 3), i, i / 8.0), 'UTF8')
    ORDER BY i) FROM generate_series(0, 1999) i), content_type => 'application/json')) x;
SELECT count(*) FROM (SELECT soup_api.append(:'p', 'boxes', (SELECT array_agg(convert_to(format(
    '{"id":"b%s","x":%s,"y":%s,"z":%s,"n":%s}', to_char(i, 'FM0000'), i % 10, i / 10 % 10, i / 100, i), 'UTF8')
    ORDER BY i) FROM generate_series(0, 1999) i), content_type => 'application/json')) x;
SELECT count(*) FROM (SELECT soup_api.append(:'p', 'places', ARRAY[
    '{"id":"greenwich","lat":51.4779,"lon":0,"name":"observatory"}', '{"id":"suva","lat":-18.1416,"lon":178.4419,"name":"Fiji"}',
    '{"id":"apia","lat":-13.8333,"lon":-171.7667,"name":"Samoa"}', '{"id":"quito","lat":-0.2299,"lon":-78.5249,"name":"Ecuador"}',
    '{"id":"pole","lat":90,"lon":0,"name":"north"}', '{"id":"paris","lat":48.8566,"lon":2.3522,"name":"France"}']::text[]::bytea[],
    content_type => 'application/json')) x;
CREATE PROCEDURE serving_wait() LANGUAGE plpgsql AS $body$
BEGIN
    FOR i IN 1 .. 1200 LOOP
        IF NOT EXISTS (SELECT FROM soup.lag l JOIN soup.org o ON o.org = l.org AND o.name = 'serving' WHERE l.lag_records > 0) THEN
            RETURN;
        END IF;
        PERFORM pg_sleep(0.05);
        COMMIT;
    END LOOP;
    RAISE EXCEPTION 'processing has not finished';
END
$body$;
CALL serving_wait();
SELECT storage AS vectors FROM soup.version v JOIN soup.model m USING (org, model) JOIN soup.org o ON o.org = v.org AND o.name = 'serving' WHERE m.name = 'vectors' \gset
SELECT storage AS boxes FROM soup.version v JOIN soup.model m USING (org, model) JOIN soup.org o ON o.org = v.org AND o.name = 'serving' WHERE m.name = 'boxes' \gset

-- nearest: the rows themselves, then against the plain sort.
SELECT (v).key, round((v).distance::numeric, 4) AS distance, (v).attributes, (v).next_page IS NULL AS is_last
  FROM (SELECT soup_api.nearest(:'c', 'vectors', ARRAY[1, 2, 3]::real[], k => 4) AS v) x;
SELECT string_agg(key || '=' || distance, ' ' ORDER BY place) AS want FROM (
    SELECT row_number() OVER (ORDER BY vector <-> '[4.4,4.6,7.1]', key) AS place, key, vector <-> '[4.4,4.6,7.1]' AS distance
      FROM soup_data.:"vectors" ORDER BY 1 LIMIT 250) x \gset
SELECT count(*) AS rows, count((v).next_page) AS pages, string_agg((v).key || '=' || (v).distance, ' ') AS got
  FROM (SELECT soup_api.nearest(:'c', 'vectors', ARRAY[4.4, 4.6, 7.1]::real[], k => 250, page_size => 0) AS v) x \gset
SELECT :rows AS rows, :pages AS pages, :'got' = :'want' AS is_equal;
-- The same in pages of 70: 70, 70, 70, 40; each page's token stands in its last row and nowhere else.
SELECT count(*) AS rows1, max((v).next_page) AS page2, (array_agg((v).next_page IS NOT NULL))[70] AS is_in_last, count((v).next_page) AS tokens1,
       string_agg((v).key || '=' || (v).distance, ' ') AS got1
  FROM (SELECT soup_api.nearest(:'c', 'vectors', ARRAY[4.4, 4.6, 7.1]::real[], k => 250, page_size => 70) AS v) x \gset
SELECT count(*) AS rows2, max((v).next_page) AS page3, string_agg((v).key || '=' || (v).distance, ' ') AS got2
  FROM (SELECT soup_api.nearest(:'c', 'vectors', ARRAY[4.4, 4.6, 7.1]::real[], k => 250, page_size => 70, page => :'page2') AS v) x \gset
SELECT count(*) AS rows3, max((v).next_page) AS page4, string_agg((v).key || '=' || (v).distance, ' ') AS got3
  FROM (SELECT soup_api.nearest(:'c', 'vectors', ARRAY[4.4, 4.6, 7.1]::real[], k => 250, page_size => 70, page => :'page3') AS v) x \gset
SELECT count(*) AS rows4, count((v).next_page) AS tokens4, string_agg((v).key || '=' || (v).distance, ' ') AS got4
  FROM (SELECT soup_api.nearest(:'c', 'vectors', ARRAY[4.4, 4.6, 7.1]::real[], k => 250, page_size => 70, page => :'page4') AS v) x \gset
SELECT :rows1 AS rows1, :rows2 AS rows2, :rows3 AS rows3, :rows4 AS rows4, :'is_in_last' AS is_in_last, :tokens1 AS tokens1, :tokens4 AS tokens4,
       concat_ws(' ', :'got1', :'got2', :'got3', :'got4') = :'want' AS is_equal;
-- A page belongs to its principal, its query and its bytes.
SELECT soup_api.nearest(:'d', 'vectors', ARRAY[4.4, 4.6, 7.1]::real[], k => 250, page_size => 70, page => :'page2');
SELECT soup_api.nearest(:'c', 'vectors', ARRAY[4.4, 4.6, 7.2]::real[], k => 250, page_size => 70, page => :'page2');
SELECT soup_api.nearest(:'c', 'vectors', ARRAY[4.4, 4.6, 7.1]::real[], k => 251, page_size => 70, page => :'page2');
SELECT soup_api.nearest(:'c', 'vectors', ARRAY[4.4, 4.6, 7.1]::real[], k => 250, page_size => 70, page => :'page2' || 'A');
SELECT soup_api.nearest(:'c', 'vectors', ARRAY[4.4, 4.6, 7.1]::real[], k => 250, page_size => 70, page => overlay(:'page2' placing CASE substr(:'page2', 60, 1) WHEN 'A' THEN 'B' ELSE 'A' END from 60));
SELECT soup_api.within_box(:'c', 'boxes', ARRAY[0, 0, 0], ARRAY[9, 9, 19], page => :'page2');
SELECT soup_api.nearest(:'c', 'vectors', ARRAY[4.4, 4.6, 7.1]::real[], k => 250, page_size => 70, page => 'x');
SELECT soup_api.nearest(:'c', 'vectors', ARRAY[4.4, 4.6, 7.1]::real[], k => 250, page_size => 0, page => :'page2');

-- like: the point itself comes first.
SELECT (v).key, round((v).distance::numeric, 4) AS distance FROM (SELECT soup_api.nearest(:'c', 'vectors', "like" => 'v0777', k => 3) AS v) x;

-- filter: every operator over every type that it has.
SELECT string_agg((v).key, ' ') AS keys FROM (SELECT soup_api.nearest(:'c', 'vectors', ARRAY[0, 0, 0]::real[], k => 3, filter => '{"grade": "b"}') AS v) x;
SELECT string_agg((v).key, ' ') AS keys FROM (SELECT soup_api.nearest(:'c', 'vectors', ARRAY[0, 0, 0]::real[], k => 3, filter => '{"grade": {"in": ["b", "c"]}}') AS v) x;
SELECT string_agg((v).key, ' ') AS keys FROM (SELECT soup_api.nearest(:'c', 'vectors', ARRAY[0, 0, 0]::real[], k => 3, filter => '{"grade": {"ne": "a"}, "n": {"gte": 100}}') AS v) x;
SELECT string_agg((v).key, ' ') AS keys FROM (SELECT soup_api.nearest(:'c', 'vectors', ARRAY[0, 0, 0]::real[], k => 3, filter => '{"n": {"lt": 5, "gt": 1}}') AS v) x;
SELECT string_agg((v).key, ' ') AS keys FROM (SELECT soup_api.nearest(:'c', 'vectors', ARRAY[0, 0, 0]::real[], k => 3, filter => '{"n": {"in": []}}') AS v) x;
SELECT string_agg((v).key, ' ') AS keys FROM (SELECT soup_api.nearest(:'c', 'vectors', ARRAY[0, 0, 0]::real[], k => 3, filter => '{"y": {"lte": 0.125}}') AS v) x;
SELECT string_agg((v).key, ' ') AS keys FROM (SELECT soup_api.nearest(:'c', 'vectors', ARRAY[0, 0, 0]::real[], k => 3, filter => '{"y": 0.375}') AS v) x;
SELECT string_agg((v).key, ' ') AS keys FROM (SELECT soup_api.nearest(:'c', 'vectors', ARRAY[0, 0, 0]::real[], k => 3, filter => '{"n": {"in": [7, 8, 9]}, "y": {"gt": 1}}') AS v) x;
SELECT string_agg((v).key, ' ') AS keys FROM (SELECT soup_api.nearest(:'c', 'vectors', ARRAY[0, 0, 0]::real[], k => 3, filter => '{}') AS v) x;

-- within_box: borders included; pages follow the key.
SELECT count(*), min((v).key), max((v).key) FROM (SELECT soup_api.within_box(:'c', 'boxes', ARRAY[2, 3, 4], ARRAY[4, 4, 6], page_size => 0) AS v) x;
SELECT string_agg((v).key, ' ') AS got FROM (SELECT soup_api.within_box(:'c', 'boxes', ARRAY[2, 3, 4], ARRAY[4, 4, 6]) AS v) x \gset
SELECT string_agg(key, ' ' ORDER BY key) = :'got' AS is_equal, count(*) FROM soup_data.:"boxes"
 WHERE (position::real[])[1] BETWEEN 2 AND 4 AND (position::real[])[2] BETWEEN 3 AND 4 AND (position::real[])[3] BETWEEN 4 AND 6;
SELECT (v).key, (v).position, (v).attributes FROM (SELECT soup_api.within_box(:'c', 'boxes', ARRAY[2, 3, 4], ARRAY[2, 3, 4]) AS v) x;
SELECT string_agg((v).key, ' ') AS keys, max((v).next_page) AS box2 FROM (SELECT soup_api.within_box(:'c', 'boxes', ARRAY[0, 0, 0], ARRAY[2, 0, 0], page_size => 2) AS v) x \gset
\echo :keys
SELECT (v).key, (v).next_page IS NULL AS is_last FROM (SELECT soup_api.within_box(:'c', 'boxes', ARRAY[0, 0, 0], ARRAY[2, 0, 0], page_size => 2, page => :'box2') AS v) x;

-- within_radius: nearest first, the border included.
SELECT (v).key, (v).position, (v).distance FROM (SELECT soup_api.within_radius(:'c', 'boxes', ARRAY[5, 5, 5], 1) AS v) x;
SELECT string_agg((v).key, ' ') AS got FROM (SELECT soup_api.within_radius(:'c', 'boxes', ARRAY[5, 5, 5], 3.5, page_size => 0) AS v) x \gset
SELECT string_agg(key, ' ' ORDER BY position <-> '[5,5,5]', key) = :'got' AS is_equal, count(*) FROM soup_data.:"boxes" WHERE position <-> '[5,5,5]' <= 3.5;

-- Degrees: across 180°, and chord metres. Greenwich to Paris is about 336 km.
SELECT (v).key, (v).position FROM (SELECT soup_api.within_box(:'c', 'places', ARRAY[-30, 170], ARRAY[0, -170]) AS v) x;
SELECT (v).key FROM (SELECT soup_api.within_box(:'c', 'places', ARRAY[-30, -170], ARRAY[0, 170]) AS v) x;
SELECT (v).key, round((v).distance::numeric / 1000, 1) AS km FROM (SELECT soup_api.within_radius(:'c', 'places', ARRAY[51.4779, 0], 400000) AS v) x;

-- get_point
SELECT (v).key, (v).vector, (v).position, (v).time IS NOT NULL AS has_time, (v).attributes, (v).source FROM (SELECT soup_api.get_point(:'c', 'vectors', 'v0042') AS v) x;
SELECT (v).key, (v).vector, (v).position, (v).attributes, (v).source FROM (SELECT soup_api.get_point(:'c', 'places', 'quito') AS v) x;

-- What a principal may not see looks as if it were not there; what it may see but not query is SCOPE.
SELECT soup_api.nearest(:'c', 'nowhere', ARRAY[1, 2, 3]::real[]);
SELECT soup_api.nearest(:'n', 'places', ARRAY[1, 2, 3]::real[]);
SELECT soup_api.nearest(:'n', 'vectors', ARRAY[1, 2, 3]::real[]);
SELECT soup_api.nearest(:'p', 'vectors', ARRAY[1, 2, 3]::real[]);
SELECT soup_api.nearest(:'c', 'vectors', ARRAY[1, 2, 3]::real[], label => 'nowhere');
SELECT soup_api.get_point(:'c', 'vectors', 'nowhere');
SELECT soup_api.nearest(:'c', 'vectors', "like" => 'nowhere');

-- Bad input.
SELECT soup_api.nearest(NULL, 'vectors', ARRAY[1, 2, 3]::real[]);
SELECT soup_api.nearest(:'c', NULL, ARRAY[1, 2, 3]::real[]);
SELECT soup_api.nearest(:'c', 'vectors');
SELECT soup_api.nearest(:'c', 'vectors', ARRAY[1, 2, 3]::real[], "like" => 'v0001');
SELECT soup_api.nearest(:'c', 'vectors', ARRAY[1, 2]::real[]);
SELECT soup_api.nearest(:'c', 'vectors', '{}');
SELECT soup_api.nearest(:'c', 'vectors', '{{1,2,3}}');
SELECT soup_api.nearest(:'c', 'vectors', '{1,2,NaN}');
SELECT soup_api.nearest(:'c', 'vectors', '{1,2,Infinity}');
SELECT soup_api.nearest(:'c', 'vectors', '{1,2,NULL}');
SELECT soup_api.nearest(:'c', 'vectors', ARRAY[1, 2, 3]::real[], k => 0);
SELECT soup_api.nearest(:'c', 'vectors', ARRAY[1, 2, 3]::real[], k => 100001);
SELECT soup_api.nearest(:'c', 'vectors', ARRAY[1, 2, 3]::real[], page_size => -1);
SELECT soup_api.nearest(:'c', 'vectors', ARRAY[1, 2, 3]::real[], page_size => 1001);
SELECT soup_api.nearest(:'c', 'vectors', ARRAY[1, 2, 3]::real[], filter => '{"colour": "red"}');
SELECT soup_api.nearest(:'c', 'vectors', ARRAY[1, 2, 3]::real[], filter => '{"n": "x"}');
SELECT soup_api.nearest(:'c', 'vectors', ARRAY[1, 2, 3]::real[], filter => '{"n": {"like": 1}}');
SELECT soup_api.nearest(:'c', 'vectors', ARRAY[1, 2, 3]::real[], filter => '[1]');
SELECT soup_api.nearest(:'c', 'boxes', ARRAY[1, 2, 3]::real[]);
SELECT soup_api.within_box(:'c', 'vectors', ARRAY[1, 2, 3], ARRAY[1, 2, 3]);
SELECT soup_api.within_box(:'c', 'boxes', ARRAY[1, 2], ARRAY[1, 2]);
SELECT soup_api.within_box(:'c', 'boxes', ARRAY[1, 2, 3], ARRAY[1, 1, 3]);
SELECT soup_api.within_box(:'c', 'boxes', NULL, ARRAY[1, 1, 3]);
SELECT soup_api.within_box(:'c', 'places', ARRAY[-91, 0], ARRAY[1, 1]);
SELECT soup_api.within_box(:'c', 'places', ARRAY[0, 0], ARRAY[1, 181]);
SELECT soup_api.within_radius(:'c', 'boxes', ARRAY[1, 2, 3], -1);
SELECT soup_api.within_radius(:'c', 'boxes', ARRAY[1, 2, 3], 'NaN');
SELECT soup_api.within_radius(:'c', 'boxes', ARRAY[1, 2, 3], NULL);
SELECT soup_api.within_radius(:'c', 'places', ARRAY[1, 2, 3], 1);

-- A streamed function that is not read to its end leaves the session as it was.
BEGIN;
SELECT (v).key FROM (SELECT soup_api.nearest(:'c', 'vectors', ARRAY[0, 0, 0]::real[], k => 1000, page_size => 0) AS v LIMIT 1) x;
COMMIT;
SELECT (v).key FROM (SELECT soup_api.nearest(:'c', 'vectors', ARRAY[0, 0, 0]::real[], k => 1) AS v) x;
-- The statement uses the caller's nothing: a search path of its own makes no difference.
SET search_path = pg_temp;
SELECT (v).key FROM (SELECT soup_api.nearest(:'c', 'vectors', ARRAY[0, 0, 0]::pg_catalog.float4[], k => 1) AS v) x;
RESET search_path;
