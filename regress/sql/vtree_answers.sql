-- Goal: a vtree index answers as the table does: boxes, balls, both, nearest neighbours, with and without the index's own
-- tuples; in every kind of index.
SET client_min_messages = warning;
DO 'BEGIN PERFORM setseed(0.25); END';
CREATE TABLE vt (id integer PRIMARY KEY, at vector(3), tag integer);
-- A grid with many ties, a cluster, a uniform rest, nulls.
INSERT INTO vt SELECT i, array[i % 7, i / 7 % 7, i / 49 % 7]::vector, i % 5 FROM generate_series(1, 4000) i;
INSERT INTO vt SELECT i, array[50 + random(), 50 + random(), 50 + random()]::vector, i % 5 FROM generate_series(4001, 8000) i;
INSERT INTO vt SELECT i, array[100 * random(), 100 * random(), 100 * random()]::vector, i % 5 FROM generate_series(8001, 12000) i;
INSERT INTO vt SELECT i, NULL, i % 5 FROM generate_series(12001, 12010) i;

-- Regions with points on their borders, flat ones, points, nothing, everything.
CREATE TABLE region AS
    SELECT i AS n, vbox(a.at, b.at) AS box, vball(a.at, (a.at <-> b.at) / (1 + i % 3)) AS ball, a.at AS origin
    FROM generate_series(1, 14) i
    JOIN vt a ON a.id = 1 + i * 7919 % 12000 JOIN vt b ON b.id = 1 + i * 104729 % 12000;
INSERT INTO region VALUES (41, '[3,3,3],[3,3,3]', '<[3,3,3],0>', '[3,3,3]'), (42, '[2,2,2],[2,4,4]', '<[2,2,2],1>', '[2,2,2]'),
    (43, '[-1,-1,-1],[200,200,200]', '<[0,0,0],1e300>', '[1e30,1e30,1e30]'), (44, '[-5,-5,-5],[-4,-4,-4]', '<[-9,-9,-9],1>', '[-9,0,0]');

-- What the answers are: by sequential scans, before any index is there.
CREATE FUNCTION answers() RETURNS TABLE (n integer, what text, answer text) LANGUAGE plpgsql AS $$
DECLARE r record;
BEGIN
    FOR r IN SELECT * FROM region LOOP
        n := r.n;
        what := 'box';
        SELECT md5(string_agg(id::text, ' ' ORDER BY id)) INTO answer FROM vt WHERE at <@ r.box;
        RETURN NEXT;
        what := 'ball';
        SELECT md5(string_agg(id::text, ' ' ORDER BY id)) INTO answer FROM vt WHERE at <@ r.ball;
        RETURN NEXT;
        what := 'both';
        SELECT md5(string_agg(id::text, ' ' ORDER BY id)) INTO answer FROM vt WHERE at <@ r.ball AND r.box @> at;
        RETURN NEXT;
        what := 'points';
        SELECT md5(string_agg(at::text, ' ' ORDER BY at)) INTO answer FROM vt WHERE at <@ r.box;
        RETURN NEXT;
        what := 'nearest';
        SELECT string_agg(d::text, ' ') INTO answer FROM (SELECT at <-> r.origin AS d FROM vt WHERE at IS NOT NULL ORDER BY at <-> r.origin LIMIT 30) s;
        RETURN NEXT;
        what := 'nearest in box';
        SELECT string_agg(d::text, ' ') INTO answer FROM (SELECT at <-> r.origin AS d FROM vt WHERE at <@ r.box ORDER BY at <-> r.origin LIMIT 10) s;
        RETURN NEXT;
        what := 'nearest in ball, filtered';
        SELECT string_agg(d::text, ' ') INTO answer FROM (SELECT at <-> r.origin AS d FROM vt WHERE at <@ r.ball AND tag = 3 ORDER BY at <-> r.origin LIMIT 10) s;
        RETURN NEXT;
    END LOOP;
END $$;
CREATE TABLE expected AS SELECT * FROM answers();
CREATE FUNCTION differing() RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY SELECT format('%s %s', n, what) FROM (SELECT * FROM answers() EXCEPT SELECT * FROM expected) d;
    RETURN QUERY SELECT format('block %s: %s %s', block, kind, detail) FROM soupvec_verify('vt_at', true);
END $$;

CREATE INDEX vt_at ON vt USING vtree (at);
-- By bitmap, row by row, and from the index alone.
SET enable_seqscan = off;
SET enable_sort = off;
SET enable_indexscan = off;
EXPLAIN (COSTS off) SELECT id FROM vt WHERE at <@ '[0,0,0],[3,3,3]'::vbox;
SELECT * FROM differing();
RESET enable_indexscan;
EXPLAIN (COSTS off) SELECT id FROM vt WHERE '<[0,0,0],3>'::vball @> at AND at <@ '[0,0,0],[3,3,3]'::vbox;
EXPLAIN (COSTS off) SELECT id FROM vt WHERE at <@ '[0,0,0],[3,3,3]'::vbox ORDER BY at <-> '[1,1,1]' LIMIT 3;
SET enable_bitmapscan = off;
SELECT * FROM differing();
VACUUM ANALYZE vt;
EXPLAIN (COSTS off) SELECT at FROM vt WHERE at <@ '[0,0,0],[3,3,3]'::vbox;
EXPLAIN (COSTS off) SELECT at FROM vt ORDER BY at <-> '[1,1,1]' LIMIT 3;
SELECT * FROM differing();
-- An index that holds only half of the map's pages as visible.
UPDATE vt SET tag = tag WHERE id % 100 = 0;
SELECT * FROM differing();
RESET enable_bitmapscan;

-- Built row by row; after deletions, with their rows put back.
DROP INDEX vt_at;
CREATE TABLE kept AS SELECT * FROM vt;
TRUNCATE vt;
CREATE INDEX vt_at ON vt USING vtree (at);
INSERT INTO vt SELECT * FROM kept;
SELECT * FROM differing();
DELETE FROM vt WHERE id % 3 = 0 OR id BETWEEN 4001 AND 7000;
VACUUM vt;
SELECT block, kind, detail FROM soupvec_verify('vt_at', true);
INSERT INTO vt SELECT * FROM kept WHERE id % 3 = 0 OR id BETWEEN 4001 AND 7000;
SELECT * FROM differing();
DELETE FROM vt;
VACUUM vt;
SELECT count(*) FROM vt WHERE at <@ '[-1,-1,-1],[200,200,200]'::vbox;
INSERT INTO vt SELECT * FROM kept;
SELECT * FROM differing();
REINDEX INDEX vt_at;
SELECT * FROM differing();
REINDEX INDEX CONCURRENTLY vt_at;
SELECT * FROM differing();
DROP INDEX CONCURRENTLY vt_at;

-- Memory for far fewer rows than there are: sorted through temporary files.
SET maintenance_work_mem = '1MB';
INSERT INTO vt SELECT id + 100000 * k, at, tag FROM kept, generate_series(1, 4) k;
CREATE INDEX vt_at ON vt USING vtree (at);
RESET maintenance_work_mem;
SELECT count(*) FROM soupvec_verify('vt_at', true);
SELECT count(*) FROM vt WHERE at <@ '[0,0,0],[3,3,3]'::vbox;
DELETE FROM vt WHERE id > 100000;
VACUUM vt;
SELECT * FROM differing();
DROP INDEX vt_at;

-- Concurrently, partial, over an expression.
CREATE INDEX CONCURRENTLY vt_at ON vt USING vtree (at) WITH (fillfactor = 60);
SELECT * FROM differing();
DROP INDEX vt_at;
CREATE INDEX vt_part ON vt USING vtree (at) WHERE tag = 3;
EXPLAIN (COSTS off) SELECT id FROM vt WHERE tag = 3 ORDER BY at <-> '[1,1,1]' LIMIT 3;
SELECT count(*) FROM vt WHERE tag = 3 AND at <@ '[0,0,0],[3,3,3]'::vbox;
CREATE INDEX vt_flat ON vt USING vtree ((subvector(at, 1, 2)::vector(2)));
EXPLAIN (COSTS off) SELECT id FROM vt WHERE subvector(at, 1, 2)::vector(2) <@ '[0,0],[3,3]'::vbox;
SELECT count(*) FROM vt WHERE subvector(at, 1, 2)::vector(2) <@ '[0,0],[3,3]'::vbox;
SELECT count(*) FROM soupvec_verify('vt_part', true);
SELECT count(*) FROM soupvec_verify('vt_flat', true);
SET enable_indexscan = off; SET enable_bitmapscan = off; SET enable_indexonlyscan = off; SET enable_seqscan = on; SET soupvec.planner = off;
SELECT count(*) FROM vt WHERE tag = 3 AND at <@ '[0,0,0],[3,3,3]'::vbox;
SELECT count(*) FROM vt WHERE subvector(at, 1, 2)::vector(2) <@ '[0,0],[3,3]'::vbox;
RESET ALL;
SET client_min_messages = warning;
DROP FUNCTION differing, answers;
DROP TABLE vt, region, expected, kept;
