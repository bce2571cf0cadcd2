-- Goal: a vann index in every circumstance: refused definitions, empty, one row, nulls, all rows equal, expression, partial,
-- unlogged, temporary, partitioned, concurrent; and that the planner takes it when it should and not when it should not.
-- Method: small sets of whole numbers, against the sequential scan; soupvec_verify after every change.
SET client_min_messages = warning;

-- Refused at once.
CREATE TABLE va (id integer, at vector(3), free vector, name name);
SELECT soupvec_test.refusal(statement) FROM unnest(ARRAY[
    'CREATE INDEX ON va USING vann (free)', 'CREATE INDEX ON va USING vann (id)', 'CREATE INDEX ON va USING vann (id, at)',
    'CREATE INDEX ON va USING vann (at, at)', 'CREATE INDEX ON va USING vann (at, name)',
    'CREATE UNIQUE INDEX ON va USING vann (at)', 'CREATE INDEX ON va USING vann (at DESC)',
    'CREATE INDEX ON va USING vann (at) INCLUDE (id)', 'CREATE INDEX ON va USING vann (at, id, id, id, id, id, id, id, id, id)',
    'CREATE INDEX ON va USING vann (at) WITH (lists = 5)']) statement;

-- Empty, one row, nulls.
CREATE INDEX va_at ON va USING vann (at);
SET enable_seqscan = off;
SELECT id FROM va ORDER BY at <-> '[0,0,0]';
INSERT INTO va VALUES (1, '[1,1,1]'), (2, NULL);
SELECT id FROM va ORDER BY at <-> '[0,0,0]';
SELECT * FROM soupvec_verify('va_at', true);
REINDEX INDEX va_at;
SELECT id FROM va ORDER BY at <-> '[0,0,0]';

-- A null has no distance, another dimension is an error, in a query and in a row.
SELECT id, at <-> NULL AS distance FROM va WHERE at IS NOT NULL ORDER BY at <-> NULL;
SELECT soupvec_test.refusal('SELECT id FROM va ORDER BY at <-> ''[1,2]''');
CREATE INDEX va_free ON va USING vann ((free::vector(2)));
SELECT soupvec_test.refusal('INSERT INTO va (free) VALUES (''[1,2,3]'')');
SELECT soupvec_test.refusal('INSERT INTO va (at) VALUES (''[1,2]'')');
INSERT INTO va (id, free) VALUES (3, '[1,2]');
SELECT id FROM va ORDER BY free::vector(2) <-> '[1,2]' LIMIT 1;
SELECT * FROM soupvec_verify('va_free', true);
DROP INDEX va_free;

-- Without an order there is nothing to scan for; two orders at once are no business of the index.
EXPLAIN (COSTS off) SELECT id FROM va ORDER BY at <-> '[0,0,0]' LIMIT 1;
EXPLAIN (COSTS off) SELECT id FROM va ORDER BY at <-> '[0,0,0]', at <-> '[1,1,1]' LIMIT 1;
EXPLAIN (COSTS off) SELECT id FROM va ORDER BY at <=> '[0,0,0]' LIMIT 1;

-- All equal: 50,000 rows in one point, half of them removed, some put back.
TRUNCATE va;
INSERT INTO va SELECT i, '[7,7,7]' FROM generate_series(1, 50000) i;
SELECT * FROM soupvec_verify('va_at', true);
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM va ORDER BY at <-> '[7,7,7]') s;
DELETE FROM va WHERE id % 2 = 1;
VACUUM va;
INSERT INTO va SELECT i, '[7,7,7]' FROM generate_series(1, 999, 2) i;
SELECT * FROM soupvec_verify('va_at', true);
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM va ORDER BY at <-> '[7,7,7]') s;
REINDEX INDEX va_at;
SELECT * FROM soupvec_verify('va_at', true);
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM va ORDER BY at <-> '[7,7,7]') s;
DELETE FROM va;
VACUUM va;
SELECT * FROM soupvec_verify('va_at', true);
SELECT count(*) FROM (SELECT id FROM va ORDER BY at <-> '[7,7,7]') s;
DROP TABLE va;

-- Partial, concurrent, unlogged, temporary, partitioned, toasted.
CREATE TABLE vp (id integer, part integer, at vector(16)) PARTITION BY LIST (part);
CREATE TABLE vp0 PARTITION OF vp FOR VALUES IN (0);
CREATE TABLE vp1 PARTITION OF vp FOR VALUES IN (1);
INSERT INTO vp SELECT i, i % 2, soupvec_test.spread(16, i) FROM generate_series(1, 2000) i;
CREATE INDEX vp_at ON vp USING vann (at);
CREATE INDEX CONCURRENTLY vp0_some ON vp0 USING vann (at vector_cosine_ops) WHERE id > 1000;
REINDEX INDEX CONCURRENTLY vp0_some;
REINDEX TABLE CONCURRENTLY vp1;
SELECT * FROM soupvec_verify('vp0_at_idx', true);
SELECT * FROM soupvec_verify('vp1_at_idx', true);
SELECT * FROM soupvec_verify('vp0_some', true);
SELECT soupvec_test.refusal('SELECT * FROM soupvec_verify(''vp_at'')');
SELECT soupvec_test.refusal('SELECT * FROM soupvec_verify(''vp0'')');
SELECT soupvec_test.refusal('SELECT * FROM soupvec_verify(''pg_class_oid_index'')');
EXPLAIN (COSTS off) SELECT id FROM vp ORDER BY at <-> soupvec_test.spread(16, 5) LIMIT 5;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM vp ORDER BY at <-> soupvec_test.spread(16, 5)) s;
EXPLAIN (COSTS off) SELECT id FROM vp0 WHERE id > 1000 ORDER BY at <=> soupvec_test.spread(16, 5) LIMIT 5;
SELECT count(*), min(id) FROM (SELECT id FROM vp0 WHERE id > 1000 ORDER BY at <=> soupvec_test.spread(16, 5)) s;
DROP TABLE vp;

CREATE UNLOGGED TABLE vu (id integer, at vector(2000));
CREATE INDEX vu_at ON vu USING vann (at);
INSERT INTO vu SELECT i, soupvec_test.spread(2000, i) FROM generate_series(1, 200) i;
CREATE TEMP TABLE vt AS SELECT id, at::vector(2000) FROM vu;
CREATE INDEX vt_at ON vt USING vann (at);
SELECT * FROM soupvec_verify('vu_at', true);
SELECT * FROM soupvec_verify('vt_at', true);
SELECT id FROM vu ORDER BY at <-> soupvec_test.spread(2000, 50) LIMIT 1;
SELECT id FROM vt ORDER BY at <-> soupvec_test.spread(2000, 50) LIMIT 1;
DROP TABLE vu, vt;

-- What rolls back is not found, and what a subtransaction left is given back.
CREATE TABLE vr (id integer, at vector(16));
CREATE INDEX vr_at ON vr USING vann (at);
BEGIN;
INSERT INTO vr SELECT i, soupvec_test.spread(16, i) FROM generate_series(1, 2000) i;
SAVEPOINT s;
INSERT INTO vr SELECT i, soupvec_test.spread(16, i) FROM generate_series(2001, 4000) i;
ROLLBACK TO s;
SELECT count(*) FROM (SELECT id FROM vr ORDER BY at <-> soupvec_test.spread(16, 1)) s;
ROLLBACK;
SELECT count(*) FROM (SELECT id FROM vr ORDER BY at <-> soupvec_test.spread(16, 1)) s;
VACUUM vr;
SELECT * FROM soupvec_verify('vr_at', true);
INSERT INTO vr SELECT i, soupvec_test.spread(16, i) FROM generate_series(1, 2000) i;
UPDATE vr SET at = soupvec_test.spread(16, id + 5) WHERE id % 3 = 0;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM vr ORDER BY at <-> soupvec_test.spread(16, 1)) s;
SELECT * FROM soupvec_verify('vr_at', true);

-- The planner: a few of many rows by the index, a few of a few by a sequential scan.
RESET enable_seqscan;
INSERT INTO vr SELECT i, soupvec_test.spread(16, i) FROM generate_series(2001, 20000) i;
VACUUM ANALYZE vr;
EXPLAIN (COSTS off) SELECT id FROM vr ORDER BY at <-> soupvec_test.spread(16, 1) LIMIT 10;
CREATE TABLE vs AS SELECT * FROM vr LIMIT 20;
CREATE INDEX ON vs USING vann (at);
ANALYZE vs;
EXPLAIN (COSTS off) SELECT id FROM vs ORDER BY at <-> soupvec_test.spread(16, 1) LIMIT 10;
DROP TABLE vr, vs;
