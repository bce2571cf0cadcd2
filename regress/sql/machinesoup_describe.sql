-- describe_model: its shape, and points: exact while counting is cheap, an estimate that says so where it is not.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS machinesoup CASCADE;
RESET client_min_messages;

SELECT soup.add_org('describe') IS NOT NULL AS org_added;
SELECT soup.add_principal('describe', 'describe_c', 'consumer', 'long enough 1') IS NOT NULL AS added;
SELECT soup.add_model('describe', 'big', 2) IS NOT NULL AS model_added;
SELECT soup.grant_right('describe_c', 'describe', NULL, '*', 'query');
SELECT soup.add_version('describe', 'big', 'a', '{"runtime": "builtin", "entry": "position",
    "input": {"content_type": "application/json", "key_field": "id"},
    "output": {"position": {"type": "xyz", "fields": ["x", "y", "z"]}}}') IS NOT NULL AS added;
SELECT token AS c FROM soup_api.login('describe_c', 'long enough 1') \gset

-- All members, by name.
SELECT (d).model, (d).default_label, (d).partitions FROM (SELECT soup_api.describe_model(:'c', 'big') AS d) x;
SELECT (SELECT string_agg(key, ' ' ORDER BY key COLLATE "C") FROM jsonb_object_keys((d).versions -> 0) AS key) AS members,
       (d).versions -> 0 ->> 'label' AS label, (d).versions -> 0 -> 'points' AS points,
       (d).versions -> 0 -> 'points_estimated' AS points_estimated
  FROM (SELECT soup_api.describe_model(:'c', 'big') AS d) x;

-- Points put where the processor would put them; vacuumed by hand only, so that the test says what is known when.
SELECT 'soup_data.' || storage AS storage FROM soup.version v JOIN soup.org o USING (org) WHERE o.name = 'describe' \gset
ALTER TABLE :storage SET (autovacuum_enabled = off);
CREATE PROCEDURE put_points(storage text, first integer, last integer) LANGUAGE plpgsql AS $body$
BEGIN
    EXECUTE format('INSERT INTO %s (source_offset, received_at, source_partition, key, position) '
                   'SELECT i, now(), 0, i::text, ''[1,2,3]'' FROM generate_series(%s, %s) i', storage, first, last);
END
$body$;
\set points 'SELECT (d).versions -> 0 -> \'points\' AS points, (d).versions -> 0 -> \'points_estimated\' AS points_estimated FROM (SELECT soup_api.describe_model(:\'c\', \'big\') AS d) x;'

-- Nothing is known yet: counted.
CALL put_points(:'storage', 1, 120000);
:points
-- Known and large: estimated, and here rightly.
VACUUM :storage;
:points
-- What came since counts by the pages that it takes.
CALL put_points(:'storage', 120001, 180000);
SELECT ((d).versions -> 0 ->> 'points')::bigint BETWEEN 175000 AND 185000 AS is_near, (d).versions -> 0 -> 'points_estimated' AS points_estimated
  FROM (SELECT soup_api.describe_model(:'c', 'big') AS d) x;
-- Known and small: counted, the newest point included.
TRUNCATE :storage;
CALL put_points(:'storage', 1, 90000);
VACUUM :storage;
CALL put_points(:'storage', 90001, 90001);
:points

DROP PROCEDURE put_points;
