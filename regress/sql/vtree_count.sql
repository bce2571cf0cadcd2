-- Goal: vtree_count and vtree_grid count what SELECT count(*) counts, for every snapshot, and only for who may read the
-- table. Method: SELECT count(*) itself must not go by the code that is tested, as the planner would have it.
SET client_min_messages = warning;
SET soupvec.planner = off;
DO 'BEGIN PERFORM setseed(0.125); END';
CREATE TABLE vt (id integer, at vector(2));
INSERT INTO vt SELECT i, array[random() * 10, random() * 10]::vector FROM generate_series(1, 20000) i;
-- On the borders of cells.
INSERT INTO vt SELECT i, array[i % 11, i / 11 % 11]::vector FROM generate_series(0, 120) i;
CREATE INDEX vt_at ON vt USING vtree (at);
CREATE VIEW differing AS
    SELECT box, vtree_count('vt_at', box) AS counted, (SELECT count(*) FROM vt WHERE at <@ box) AS there
    FROM (VALUES ('[0,0],[10,10]'::vbox), ('[2,2],[3,3]'), ('[4,4],[4,4]'), ('[20,20],[30,30]'), ('[0,0,0],[1,1,1]')) b(box)
    WHERE vtree_count('vt_at', box) <> (SELECT count(*) FROM vt WHERE at <@ box);
CREATE VIEW differing_cells AS
    WITH box AS (SELECT '[0,0],[10,10]'::vbox AS box),
    counted AS (SELECT cell, count FROM box, vtree_grid('vt_at', box, '{5,4}')),
    there AS (
        SELECT ARRAY[least(5, 1 + floor(a[1] / 2)::int), least(4, 1 + floor(a[2] / 2.5)::int)] AS cell, count(*)
        FROM (SELECT at::real[]::float8[] AS a FROM vt, box WHERE at <@ box) s GROUP BY 1)
    (SELECT * FROM counted EXCEPT SELECT * FROM there) UNION ALL (SELECT * FROM there EXCEPT SELECT * FROM counted);

-- By the heap, by the map, by both.
SELECT * FROM differing;
SELECT * FROM differing_cells;
VACUUM vt;
SELECT * FROM differing;
SELECT * FROM differing_cells;
UPDATE vt SET id = -id WHERE id % 50 = 0;
DELETE FROM vt WHERE id % 50 = 1;
SELECT * FROM differing;
SELECT * FROM differing_cells;
SELECT vtree_count('vt_at', '<[5,5],2>'::vball) = (SELECT count(*) FROM vt WHERE at <@ '<[5,5],2>'::vball) AS ball,
    vtree_count('vt_at', NULL::vbox) IS NULL AS of_null;

-- One page of the table after the other is the only one that the map does not call visible; regions begin and end at any.
CREATE TABLE paged (at vector(1));
INSERT INTO paged SELECT ARRAY[i]::vector FROM generate_series(1, 4000) i;
CREATE INDEX paged_at ON paged USING vtree (at);
CREATE TABLE miscounted (page integer, first integer, last integer);
\set ECHO none
SELECT unnest(ARRAY['VACUUM (INDEX_CLEANUP on) paged', format('DELETE FROM paged WHERE ctid = ''(%s,7)''', page),
    format('INSERT INTO miscounted SELECT %s, f, l FROM generate_series(1, 3901, 300) f, generate_series(100, 4000, 300) l
        WHERE f < l AND vtree_count(''paged_at'', vbox(ARRAY[f]::vector, ARRAY[l]::vector))
            <> (SELECT count(*) FROM paged WHERE at <@ vbox(ARRAY[f]::vector, ARRAY[l]::vector))', page)])
FROM generate_series(0, 20) page \gexec
\set ECHO all
SELECT count(*) FROM paged;
SELECT * FROM miscounted;
DROP TABLE paged, miscounted;

-- A transaction's own rows, and a snapshot from before a deletion.
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT vtree_count('vt_at', '[0,0],[10,10]'::vbox) AS before \gset
DELETE FROM vt WHERE at <@ '[0,0],[5,5]'::vbox;
SELECT :before - vtree_count('vt_at', '[0,0],[10,10]'::vbox) = (SELECT :before - count(*) FROM vt) AS own_deletion;
ROLLBACK;
SELECT vtree_count('vt_at', '[0,0],[10,10]'::vbox) = :before AS rolled_back;

-- Flat boxes: everything is in the first cell.
SELECT * FROM vtree_grid('vt_at', '[4,4],[4,4]', '{3,3}');
SELECT cell, count FROM vtree_grid('vt_at', '[0,4],[10,4]', '{2,1}') ORDER BY cell;

-- Refused.
CREATE INDEX vt_btree ON vt (id);
SELECT soupvec_test.refusal(statement) FROM unnest(ARRAY[
    'SELECT vtree_count(''vt'', ''[0,0],[1,1]''::vbox)', 'SELECT vtree_count(''vt_btree'', ''[0,0],[1,1]''::vbox)',
    'SELECT vtree_count(0, ''[0,0],[1,1]''::vbox)',
    'SELECT * FROM vtree_grid(''vt_at'', ''[0,0,0],[1,1,1]'', ''{1,1,1}'')', 'SELECT * FROM vtree_grid(''vt_at'', ''[0,0],[1,1]'', ''{2}'')',
    'SELECT * FROM vtree_grid(''vt_at'', ''[0,0],[1,1]'', ''{2,0}'')', 'SELECT * FROM vtree_grid(''vt_at'', ''[0,0],[1,1]'', ''{2,NULL}'')',
    'SELECT * FROM vtree_grid(''vt_at'', ''[0,0],[1,1]'', ''{}'')', 'SELECT * FROM vtree_grid(''vt_at'', ''[0,0],[1,1]'', ''{1000000,1000000}'')',
    'SELECT * FROM vtree_grid(''vt_at'', ''[0,0],[1,1]'', ''{{1,1}}'')']) statement;

-- An index that a query would not use, either: its build failed, or it leaves out versions of rows that an older snapshot
-- may see. And one without rows of its own.
CREATE INDEX CONCURRENTLY vt_failed ON vt USING vtree ((ARRAY[1 / (id - 7), 0]::vector(2)));
CREATE TABLE changed (at vector(2));
BEGIN;
INSERT INTO changed VALUES ('[1,1]');
UPDATE changed SET at = '[2,2]';
CREATE INDEX changed_at ON changed USING vtree (at);
CREATE TABLE parted (part integer, at vector(2)) PARTITION BY LIST (part);
CREATE INDEX parted_at ON parted USING vtree (at);
SELECT index, call, soupvec_test.refusal(format(call, index)) FROM unnest(ARRAY['vt_failed', 'changed_at', 'parted_at']) index,
    unnest(ARRAY['SELECT vtree_count(%L, ''[0,0],[9,9]''::vbox)', 'SELECT vtree_grid(%L, ''[0,0],[9,9]'', ''{1,1}'')']) call ORDER BY 1, 2;
ROLLBACK;
DROP TABLE changed;
DROP INDEX vt_failed;

-- Rights: SELECT on the table, and no policy in the way.
CREATE ROLE vtree_reader;
GRANT USAGE ON SCHEMA soupvec_test TO vtree_reader;
SET ROLE vtree_reader;
SELECT soupvec_test.refusal('SELECT vtree_count(''vt_at'', ''[0,0],[1,1]''::vbox)');
SELECT soupvec_test.refusal('SELECT * FROM vtree_grid(''vt_at'', ''[0,0],[1,1]'', ''{1,1}'')');
RESET ROLE;
GRANT SELECT ON vt TO vtree_reader;
SET ROLE vtree_reader;
SELECT vtree_count('vt_at', '[4,4],[4,4]'::vbox);
RESET ROLE;
CREATE POLICY positive ON vt USING (id > 0);
ALTER TABLE vt ENABLE ROW LEVEL SECURITY;
SET ROLE vtree_reader;
SELECT soupvec_test.refusal('SELECT vtree_count(''vt_at'', ''[4,4],[4,4]''::vbox)');
SELECT soupvec_test.refusal('SELECT * FROM vtree_grid(''vt_at'', ''[4,4],[4,4]'', ''{1,1}'')');
-- A query is filtered, and still goes by the index.
SET enable_seqscan = off;
EXPLAIN (COSTS off) SELECT count(*) FROM vt WHERE at <@ '[4,4],[5,5]'::vbox;
RESET enable_seqscan;
RESET ROLE;
SELECT vtree_count('vt_at', '[4,4],[4,4]'::vbox) AS by_the_owner;
REVOKE ALL ON SCHEMA soupvec_test FROM vtree_reader;
DROP VIEW differing, differing_cells;
DROP TABLE vt;
DROP ROLE vtree_reader;
