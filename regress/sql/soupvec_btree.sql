-- Goal: the btree operator class: search, order, uniqueness, merge joins, grouping.
CREATE TABLE t (val vector);
INSERT INTO t VALUES ('[0,0,0]'), ('[1,2,3]'), ('[1,1,1]'), (NULL), ('[1,2]'), ('[-1]');
CREATE INDEX ON t (val);
SET enable_seqscan = off;
EXPLAIN (COSTS off) SELECT * FROM t WHERE val = '[1,2,3]';
SELECT * FROM t WHERE val = '[1,2,3]';
SELECT * FROM t WHERE val > '[0,0,0]' AND val <= '[1,2]' ORDER BY val DESC;
SELECT * FROM t ORDER BY val;
RESET enable_seqscan;
SELECT val, count(*) FROM (SELECT val FROM t UNION ALL SELECT val FROM t) u GROUP BY val ORDER BY val;
SET enable_hashjoin = off;
SET enable_nestloop = off;
SELECT count(*) FROM t a JOIN t b USING (val);
CREATE UNIQUE INDEX ON t (val);
INSERT INTO t VALUES ('[1,2]');
SELECT amname, opcname, opcdefault FROM pg_opclass JOIN pg_am a ON a.oid = opcmethod WHERE opcintype = 'vector'::regtype AND amname = 'btree';
DROP TABLE t;
