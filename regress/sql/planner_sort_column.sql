-- Goal: a distance that only orders an index scan is not computed, one that somebody reads is; answers stay the same.
-- Method: EXPLAIN VERBOSE shows what a scan computes; then the rows are compared with those of a sort.
LOAD 'soupvec';
CREATE TABLE placed (id integer, at vector(3), far float8);
INSERT INTO placed SELECT i, ARRAY[i % 10, i % 7, i % 13]::vector, i FROM generate_series(1, 200) i;
CREATE INDEX placed_vtree ON placed USING vtree (at);
ANALYZE placed;
SET enable_seqscan = off;
SET enable_sort = off;

-- Not read: the top of a query, of a subquery, of a WITH, of a lateral one.
EXPLAIN (VERBOSE, COSTS OFF) SELECT id FROM placed ORDER BY at <-> '[1,2,3]' LIMIT 3;
EXPLAIN (VERBOSE, COSTS OFF) SELECT sum(id) FROM (SELECT id FROM placed ORDER BY at <-> '[1,2,3]' LIMIT 3) near;
EXPLAIN (VERBOSE, COSTS OFF) WITH near AS MATERIALIZED (SELECT id FROM placed ORDER BY at <-> '[1,2,3]' LIMIT 3) SELECT id FROM near;
EXPLAIN (VERBOSE, COSTS OFF)
SELECT p.id, near.id FROM placed p, LATERAL (SELECT q.id FROM placed q ORDER BY q.at <-> p.at LIMIT 2) near WHERE p.id = 7;
EXPLAIN (VERBOSE, COSTS OFF)
(SELECT id FROM placed ORDER BY at <-> '[1,2,3]' LIMIT 3) UNION ALL (SELECT id FROM placed ORDER BY at <-> '[3,2,1]' LIMIT 3);

EXPLAIN (VERBOSE, COSTS OFF) SELECT at FROM placed ORDER BY at <-> '[1,2,3]' LIMIT 3;
EXPLAIN (VERBOSE, COSTS OFF) SELECT FROM placed ORDER BY at <-> '[1,2,3]' LIMIT 3;

-- Read: selected, selected and ordered by name, part of an expression, compared by WITH TIES.
EXPLAIN (VERBOSE, COSTS OFF) SELECT id, at <-> '[1,2,3]' AS distance FROM placed ORDER BY at <-> '[1,2,3]' LIMIT 3;
EXPLAIN (VERBOSE, COSTS OFF) SELECT id, at <-> '[1,2,3]' AS distance FROM placed ORDER BY distance LIMIT 3;
EXPLAIN (VERBOSE, COSTS OFF)
SELECT id FROM placed ORDER BY at <-> '[1,2,3]' FETCH FIRST 3 ROWS WITH TIES;
EXPLAIN (VERBOSE, COSTS OFF)
SELECT * FROM (SELECT id, at <-> '[1,2,3]' AS distance FROM placed ORDER BY 2 LIMIT 5) near WHERE distance > 1;

-- Not of this extension's indexes: left as it is.
CREATE TABLE spotted (id integer, at point);
INSERT INTO spotted SELECT i, point(i % 10, i % 7) FROM generate_series(1, 200) i;
CREATE INDEX ON spotted USING gist (at);
EXPLAIN (VERBOSE, COSTS OFF) SELECT id FROM spotted ORDER BY at <-> point(1, 2) LIMIT 3;

-- The answers.
SELECT array_agg(at <-> '[1,2,3]') FROM (SELECT at FROM placed ORDER BY at <-> '[1,2,3]' LIMIT 3) near;
SELECT array_agg(at <-> '[1,2,3]') FROM (SELECT at FROM placed ORDER BY (at <-> '[1,2,3]') + 0 LIMIT 3) near;
SELECT at FROM placed ORDER BY at <-> '[1,2,3]' LIMIT 3;
SELECT count(*) FROM (SELECT FROM placed ORDER BY at <-> '[1,2,3]' LIMIT 3 OFFSET 1) near;
SELECT count(*) FROM (SELECT id FROM placed ORDER BY at <-> '[1,2,3]' FETCH FIRST 3 ROWS WITH TIES) near;
-- A locked row's columns are read once more.
BEGIN;
SELECT at FROM placed ORDER BY at <-> '[1,2,3]' LIMIT 1 FOR UPDATE;
ROLLBACK;
-- A new table takes them; the junk stays outside.
CREATE TABLE nearest AS SELECT id FROM placed ORDER BY at <-> '[1,2,3]' LIMIT 3;
INSERT INTO nearest SELECT id FROM placed ORDER BY at <-> '[3,2,1]' LIMIT 3;
SELECT count(*), count(DISTINCT id) > 3 AS differ FROM nearest;
DROP TABLE placed, spotted, nearest;
