-- Goal: count(*) over a region is counted in the index where that is right, and is what the executor counts.
-- Method: each query with soupvec.planner on and off, and its plan; then the conditions under which an index must not be asked.
LOAD 'soupvec';
SET max_parallel_workers_per_gather = 0;
CREATE TABLE spot (id integer, at vector(2), gone boolean DEFAULT false);
INSERT INTO spot SELECT i, ARRAY[i % 100, i / 100]::vector FROM generate_series(1, 5000) i;
CREATE INDEX spot_at ON spot USING vtree (at);
CREATE TABLE area (name text, box vbox);
INSERT INTO area VALUES ('a', '[0,0],[10,10]'), ('b', '[5,5],[5,5]'), ('c', NULL), ('d', '[0,0,0],[1,1,1]'), ('e', '[90,0],[200,200]');
VACUUM ANALYZE spot;
EXPLAIN (VERBOSE, COSTS OFF) SELECT count(*) FROM spot WHERE at <@ '[3,3],[7,9]'::vbox AND at <@ '<[5,5],3>'::vball;
EXPLAIN (VERBOSE, COSTS OFF) SELECT name, (SELECT count(*) FROM spot WHERE at <@ box) FROM area;

CREATE FUNCTION way(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE line text; counts boolean := false; ours text; theirs text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || statement LOOP counts := counts OR line LIKE '%Count in Index%'; END LOOP;
    EXECUTE format('SELECT array_agg(s::text ORDER BY s::text) FROM (%s) s', statement) INTO ours;
    SET LOCAL soupvec.planner = off;
    EXECUTE format('SELECT array_agg(s::text ORDER BY s::text) FROM (%s) s', statement) INTO theirs;
    SET LOCAL soupvec.planner = on;
    RETURN CASE WHEN counts THEN 'index, ' ELSE 'executor, ' END || CASE WHEN ours = theirs THEN ours ELSE ours || ' but ' || theirs END;
END $$;
CREATE VIEW questions AS SELECT row_number() OVER () AS number, s AS statement FROM unnest(ARRAY[
    'SELECT count(*) FROM spot WHERE at <@ ''[3,3],[7,9]''::vbox',
    'SELECT count(*) + 1, ''x'' FROM spot WHERE at <@ ''<[5,5],3>''::vball',
    'SELECT count(*) FROM spot WHERE at <@ ''[3,3],[7,9]''::vbox AND at <@ ''<[5,5],3>''::vball',
    'SELECT count(*) FROM spot WHERE at <@ NULL::vbox',
    'SELECT count(*) FROM spot WHERE at <@ ''[0,0,0],[9,9,9]''::vbox',
    'SELECT name, (SELECT count(*) FROM spot WHERE at <@ box) FROM area',
    'SELECT name, near FROM area, LATERAL (SELECT count(*) AS near FROM spot WHERE at <@ box) s',
    'SELECT count(*) FROM spot WHERE at <@ (SELECT box FROM area WHERE name = ''a'')',
    'SELECT count(*) FROM spot WHERE ''[3,3],[7,9]''::vbox @> at',
    -- Not by the index.
    'SELECT count(*) FROM spot WHERE at <@ ''[3,3],[7,9]''::vbox AND id > 500',
    'SELECT count(id) FROM spot WHERE at <@ ''[3,3],[7,9]''::vbox',
    'SELECT count(*) FILTER (WHERE id > 500) FROM spot WHERE at <@ ''[3,3],[7,9]''::vbox',
    'SELECT count(*), sum(id) FROM spot WHERE at <@ ''[3,3],[7,9]''::vbox',
    'SELECT count(*) FROM spot WHERE at <@ ''[3,3],[7,9]''::vbox GROUP BY id % 2',
    'SELECT count(*) FROM spot WHERE at <@ ''[3,3],[7,9]''::vbox HAVING count(*) > 3',
    'SELECT count(*) FROM spot a JOIN spot b USING (id) WHERE a.at <@ ''[3,3],[7,9]''::vbox',
    'SELECT count(*) FROM spot WHERE at <@ vbox(at, ''[50,50]'')',
    'SELECT count(*) FROM spot']) s;
SET enable_seqscan = off;
SELECT number, way(statement) FROM questions ORDER BY number;
-- Rows that have gone, rows of this transaction, rows of a subtransaction that was given up.
DELETE FROM spot WHERE id % 3 = 0;
BEGIN;
INSERT INTO spot VALUES (0, '[5,5]');
SAVEPOINT s;
INSERT INTO spot VALUES (-1, '[5,5]');
ROLLBACK TO s;
SELECT number, way(statement) FROM questions WHERE number IN (1, 3, 6) ORDER BY number;
-- A cursor sees what was there when it was opened.
DECLARE earlier CURSOR FOR SELECT count(*) FROM spot WHERE at <@ '[3,3],[7,9]'::vbox;
INSERT INTO spot VALUES (-2, '[5,5]');
FETCH earlier;
COMMIT;
PREPARE spots (vbox) AS SELECT count(*) FROM spot WHERE at <@ $1;
SET plan_cache_mode = force_generic_plan;
EXPLAIN (COSTS OFF) EXECUTE spots('[3,3],[7,9]');
EXECUTE spots('[3,3],[7,9]');
EXECUTE spots('[0,0],[99,99]');
EXECUTE spots(NULL);
RESET plan_cache_mode;

-- Many regions.
SELECT 'SELECT count(*) FROM spot WHERE ' || string_agg(format('at <@ ''[%s,0],[60,60]''::vbox', i), ' AND ') AS many
FROM generate_series(1, 50) i \gset
SELECT way(:'many');

-- An index of some rows.
DROP INDEX spot_at;
CREATE INDEX spot_some ON spot USING vtree (at) WHERE NOT gone;
SELECT way('SELECT count(*) FROM spot WHERE at <@ ''[3,3],[7,9]''::vbox AND NOT gone');
DROP INDEX spot_some;
CREATE INDEX spot_at ON spot USING vtree (at);

-- Rights and policies are the table's.
CREATE ROLE count_reader;
SET ROLE count_reader;
SELECT count(*) FROM spot WHERE at <@ '[3,3],[7,9]'::vbox;
RESET ROLE;
GRANT SELECT ON spot TO count_reader;
CREATE POLICY even ON spot USING (id % 2 = 0);
ALTER TABLE spot ENABLE ROW LEVEL SECURITY;
SET ROLE count_reader;
SELECT way('SELECT count(*) FROM spot WHERE at <@ ''[3,3],[7,9]''::vbox');
SELECT count(*) = (SELECT count(id) FROM spot WHERE at <@ '[3,3],[7,9]'::vbox) AS filtered FROM spot WHERE at <@ '[3,3],[7,9]'::vbox;
RESET ROLE;
-- A policy that is a region is a condition like any other.
DROP POLICY even ON spot;
CREATE POLICY corner ON spot USING (at <@ '[0,0],[5,5]'::vbox);
SET ROLE count_reader;
SELECT way('SELECT count(*) FROM spot WHERE at <@ ''[3,3],[7,9]''::vbox');
RESET ROLE;
SELECT count(id) FROM spot WHERE at <@ '[3,3],[5,5]'::vbox;
DROP VIEW questions;
DROP FUNCTION way;
DROP TABLE spot, area;
DROP ROLE count_reader;
