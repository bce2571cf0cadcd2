-- Goal: conditions on key columns are tested in the index, for every type, operator and null, and rows that qualify are
-- never lost. Method: the same query by the index and by a sequential scan, as sets of rows. 15 and 16 do not know that a
-- boolean column alone is a condition for an index (vann_filter.out), 17 does (vann_filter_1.out).
SET client_min_messages = warning;
CREATE TABLE vf (id integer, at vector(8), i2 int2, i4 int4, i8 int8, yes bool, day date, ts timestamp, tz timestamptz, key uuid, tag text);
INSERT INTO vf SELECT i, soupvec_test.spread(8, i), i % 7 - 3, i % 100, (i % 10)::int8 * 10000000000, i % 2 = 0,
    date '2026-01-01' + i % 30, timestamp '2026-01-01' + make_interval(hours => i % 48), timestamptz '2026-01-01 00:00Z' + make_interval(hours => i % 48),
    lpad(to_hex(i % 50 * 5), 32, '0')::uuid, 'tag ' || i % 20
FROM generate_series(1, 3000) i;
INSERT INTO vf SELECT i, soupvec_test.spread(8, i) FROM generate_series(3001, 3100) i;
CREATE INDEX vf_numbers ON vf USING vann (at, i2, i4, i8, yes);
CREATE INDEX vf_times ON vf USING vann (at, day, ts, tz);
CREATE INDEX vf_names ON vf USING vann (at, key, tag);

-- Rows by the index and by a sequential scan; whether the condition is in the index.
CREATE FUNCTION pg_temp.compare(condition text, OUT rows bigint, OUT same boolean, OUT in_index boolean) LANGUAGE plpgsql AS $$
DECLARE
    query text := format('SELECT id FROM vf WHERE %s ORDER BY at <-> %L', condition, soupvec_test.spread(8, 5));
    by_index integer[];
    by_scan integer[];
    line text;
BEGIN
    PERFORM set_config('enable_seqscan', 'off', true);
    in_index := false;
    FOR line IN EXECUTE 'EXPLAIN (COSTS off) ' || query LOOP
        in_index := in_index OR line LIKE '%Index Cond%';
    END LOOP;
    EXECUTE format('SELECT array_agg(id ORDER BY id) FROM (%s) s', query) INTO by_index;
    PERFORM set_config('enable_seqscan', 'on', true), set_config('enable_indexscan', 'off', true);
    EXECUTE format('SELECT array_agg(id ORDER BY id) FROM (%s) s', query) INTO by_scan;
    PERFORM set_config('enable_indexscan', 'on', true);
    rows := coalesce(cardinality(by_index), 0);
    same := by_index IS NOT DISTINCT FROM by_scan;
END $$;
SELECT condition, c.* FROM unnest(ARRAY[
    'i2 = (-3)::int2', 'i2 < 0', 'i4 = 5', 'i4 = 5::int8', 'i4 >= 98', 'i4 > 97 AND i4 <= 98', 'i4 < -5', 'i4 = NULL',
    'i8 = 30000000000', 'i8 > 70000000000', 'i8 <= 0', 'yes', 'NOT yes', 'i4 = 4 AND yes', 'i4 = 4 AND i2 = 1::int2',
    'i4 > 2147483647', 'i4 < 99999999999', 'i8 < (-9223372036854775808)::int8',
    'day = ''2026-01-05''', 'day > ''2026-01-28''', 'ts < ''2026-01-01 02:00''', 'tz >= ''2026-01-02 23:00Z''',
    'key = ''00000000-0000-0000-0000-000000000005''', 'key > ''00000000-0000-0000-0000-0000000000f0''',
    'key < ''00000000-0000-0000-0000-000000000005''', 'tag = ''tag 7''', 'tag = ''none''', 'tag = ''tag 7'' AND key = ''00000000-0000-0000-0000-000000000087''']) condition,
    pg_temp.compare(condition) c;

-- One of several values: 15 and 16 test it on the rows that come, 17 in the index.
SELECT condition, c.rows, c.same FROM unnest(ARRAY[
    'i4 = ANY(''{5,7,9999}'')', 'i4 IN (5, 7)', 'i4 = ANY(''{5,NULL,7,5}'')', 'i4 = ANY(''{}'')', 'i4 = ANY(''{NULL}'')', 'i4 = ANY(NULL::int4[])',
    'i4 = ANY(''{3,4}''::int8[])', 'i2 = ANY(''{-3,3}''::int2[])', 'i2 < ANY(''{-2,NULL,-3}''::int2[])', 'i4 > ALL(''{97,96}'')', 'i8 IN (0, 90000000000)',
    'i4 <> ALL(''{5,NULL}'')', 'yes = ANY(''{t}'')', 'day = ANY(''{2026-01-05,2026-01-07}'')', 'ts = ANY(ARRAY[timestamp ''2026-01-01 02:00'', NULL])',
    'key = ANY(ARRAY[''00000000-0000-0000-0000-000000000005''::uuid])', 'tag = ANY(''{tag 7,NULL,none,tag 8}'')', 'tag IN (''tag 7'', ''tag 8'') AND key IS NOT NULL',
    'tag = ANY(''{tag 7,tag 8}'') AND tag = ANY(''{tag 8,tag 9}'')', 'i4 = ANY(''{4,5}'') AND i2 = ANY(''{1,2}''::int2[]) AND yes', 'tag = ANY(''{}'')']) condition,
    pg_temp.compare(condition) c;
-- Arrays that change within the query.
SET enable_seqscan = off;
SELECT o.tags, (SELECT count(*) FROM (SELECT id FROM vf WHERE i4 = ANY (o.tags) ORDER BY at <-> soupvec_test.spread(8, 5)) s)
FROM (VALUES ('{1,2}'::int4[]), ('{}'), (NULL), ('{NULL,3}'), ('{1,1,1}')) o(tags);
SELECT count(*) FROM (SELECT id FROM vf WHERE i4 = ANY ((SELECT array_agg(i) FROM generate_series(0, 300) i)::int4[]) ORDER BY at <-> soupvec_test.spread(8, 5)) s;
RESET enable_seqscan;

-- A value that changes within the query.
SET enable_seqscan = off;
SELECT o.tag, n.id FROM (VALUES (1), (2), (NULL), (3)) o(tag),
    LATERAL (SELECT id FROM vf WHERE i4 = o.tag ORDER BY at <-> soupvec_test.spread(8, 5) LIMIT 1) n;

-- Few rows of many still come, all of them, also when the condition is not in the index.
SELECT count(*) FROM (SELECT id FROM vf WHERE id % 1000 = 1 ORDER BY at <-> soupvec_test.spread(8, 5) LIMIT 10) s;
SET vann.max_pages = 1;
SET vann.probes = 1;
SELECT count(*) < 3100 AS gave_up FROM (SELECT id FROM vf ORDER BY at <-> soupvec_test.spread(8, 5)) s;
RESET vann.max_pages;
RESET vann.probes;

-- Two scans of one index at a time have each their own state, and the next scan begins anew.
CREATE FUNCTION pg_temp.two_at_once() RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    one CURSOR FOR SELECT id FROM vf WHERE i4 = 5 ORDER BY at <-> soupvec_test.spread(8, 5);
    other CURSOR FOR SELECT id FROM vf WHERE i4 < 50 ORDER BY at <-> soupvec_test.spread(8, 6);
    ones integer[] := '{}';
    others integer[] := '{}';
    row_id integer;
BEGIN
    OPEN one;
    OPEN other;
    LOOP
        FETCH one INTO row_id;
        EXIT WHEN NOT FOUND;
        ones := ones || row_id;
        FETCH other INTO row_id;
        others := others || row_id;
    END LOOP;
    CLOSE one;
    CLOSE other;
    RETURN cardinality(ones) = 30
        AND ones = ARRAY(SELECT id FROM vf WHERE i4 = 5 ORDER BY at <-> soupvec_test.spread(8, 5))
        AND others = ARRAY(SELECT id FROM vf WHERE i4 < 50 ORDER BY at <-> soupvec_test.spread(8, 6) LIMIT 30);
END $$;
SELECT pg_temp.two_at_once(), pg_temp.two_at_once() AS again;

-- Keys stay with their rows through splits, equal vectors and vacuum.
INSERT INTO vf (id, at, i4) SELECT i, '[1,1,1,1,1,1,1,1]', i % 10 FROM generate_series(4001, 8000) i;
DELETE FROM vf WHERE id % 4 = 0;
VACUUM vf;
INSERT INTO vf (id, at, i4) SELECT i, '[1,1,1,1,1,1,1,1]', 77 FROM generate_series(8001, 8100) i;
SELECT condition, c.* FROM unnest(ARRAY['i4 = 77', 'i4 = 3', 'i4 < 2']) condition, pg_temp.compare(condition) c;
SELECT index, (SELECT count(*) FROM soupvec_verify(index::regclass, true)) FROM unnest(ARRAY['vf_numbers', 'vf_times', 'vf_names']) index;
DROP TABLE vf;
