-- Goal: a vtree index in every circumstance: empty, one row, all rows equal, nulls, wrong dimensions, unlogged, temporary,
-- partitioned; what it refuses; and that the planner takes it when it should and not when it should not.
SET client_min_messages = warning;

-- Refused at once.
CREATE TABLE vt (id integer, at vector(2), wide vector(17), free vector);
SELECT soupvec_test.refusal(statement) FROM unnest(ARRAY[
    'CREATE INDEX ON vt USING vtree (wide)', 'CREATE INDEX ON vt USING vtree (free)', 'CREATE INDEX ON vt USING vtree (id)',
    'CREATE INDEX ON vt USING vtree (at, at)', 'CREATE UNIQUE INDEX ON vt USING vtree (at)',
    'CREATE INDEX ON vt USING vtree (at DESC)', 'CREATE INDEX ON vt USING vtree (at) INCLUDE (id)',
    'CREATE INDEX ON vt USING vtree (at) WITH (fillfactor = 5)', 'CREATE INDEX ON vt USING vtree (at) WITH (pages = 5)']) statement;
CREATE INDEX ON vt USING vtree ((free::vector(2)));
SELECT soupvec_test.refusal('INSERT INTO vt (free) VALUES (''[1,2,3]'')');
ALTER TABLE vt DROP COLUMN free, DROP COLUMN wide;

-- Empty, one row, nulls.
CREATE INDEX vt_at ON vt USING vtree (at);
SET enable_seqscan = off;
SELECT * FROM vt ORDER BY at <-> '[0,0]';
SELECT * FROM vt WHERE at <@ '[0,0],[1,1]'::vbox;
INSERT INTO vt VALUES (1, '[1,1]'), (2, NULL);
SELECT * FROM vt ORDER BY at <-> '[0,0]';
SELECT * FROM vt WHERE at <@ '[0,0],[1,1]'::vbox;
SELECT * FROM soupvec_verify('vt_at', true);

-- A null or a region of another dimension finds nothing, as without an index; another dimension has no distance.
SELECT count(*) FROM vt WHERE at <@ NULL::vbox;
SELECT count(*) FROM vt WHERE at <@ '[0],[9]'::vbox;
SELECT count(*) FROM vt WHERE at <@ '<[0,0,0],9>'::vball;
SELECT soupvec_test.refusal('SELECT * FROM vt ORDER BY at <-> ''[1,2,3]''');
SELECT id, at <-> NULL AS distance FROM vt WHERE at <@ '[0,0],[9,9]'::vbox ORDER BY at <-> NULL;
-- Two orders at once are no business of the index.
EXPLAIN (COSTS off) SELECT * FROM vt ORDER BY at <-> '[0,0]', at <-> '[1,1]';

-- All equal: 50,000 rows in one point.
INSERT INTO vt SELECT i, '[7,7]' FROM generate_series(10, 50009) i;
SELECT count(*), min(id), max(id) FROM vt WHERE at <@ '[7,7],[7,7]'::vbox;
SELECT count(*) FROM (SELECT id FROM vt WHERE at <@ '<[7,7],0>'::vball ORDER BY at <-> '[7,7]') s;
SELECT * FROM soupvec_verify('vt_at', true);
DELETE FROM vt WHERE id % 2 = 1;
VACUUM vt;
SELECT count(*) FROM vt WHERE at <@ '[7,7],[7,7]'::vbox;
REINDEX INDEX vt_at;
SELECT count(*) FROM vt WHERE at <@ '[7,7],[7,7]'::vbox;
SELECT * FROM soupvec_verify('vt_at', true);

-- A cursor that is read in parts while rows come and go sees what was there when it was opened.
CREATE FUNCTION read_in_parts(OUT before integer, OUT after integer) LANGUAGE plpgsql AS $$
DECLARE
    near CURSOR FOR SELECT id FROM vt ORDER BY at <-> '[1,1]';
BEGIN
    before := 0;
    after := 0;
    FOR r IN near LOOP
        IF r.id > 100000 THEN
            RAISE 'a row came that was not there';
        END IF;
        IF before < 10 THEN
            before := before + 1;
        ELSE
            after := after + 1;
        END IF;
        IF before = 10 AND after = 0 THEN
            DELETE FROM vt WHERE id % 4 = 0;
            INSERT INTO vt SELECT 100000 + i, array[i % 9, i % 5]::vector FROM generate_series(1, 3000) i;
        END IF;
    END LOOP;
END $$;
SELECT * FROM read_in_parts();
SELECT count(*) FROM vt WHERE at <@ '[0,0],[9,9]'::vbox;
SELECT * FROM soupvec_verify('vt_at', true);
DROP FUNCTION read_in_parts;
-- Scans begin anew for each outer row.
SELECT o.x, count(*) FROM (VALUES (7), (1), (7), (3)) o(x) JOIN vt ON at <@ vbox(array[o.x, o.x]::vector, array[o.x, o.x]::vector) GROUP BY o.x ORDER BY 1;
DROP TABLE vt;

-- Unlogged, temporary, partitioned.
CREATE UNLOGGED TABLE vt_unlogged (at vector(2));
CREATE INDEX ON vt_unlogged USING vtree (at);
INSERT INTO vt_unlogged SELECT array[i, i]::vector FROM generate_series(1, 2000) i;
SELECT count(*) FROM vt_unlogged WHERE at <@ '[5,5],[10,10]'::vbox;
CREATE TEMP TABLE vt_temp (at vector(2));
CREATE INDEX vt_temp_at ON vt_temp USING vtree (at);
INSERT INTO vt_temp SELECT array[i, i]::vector FROM generate_series(1, 2000) i;
SELECT count(*) FROM vt_temp WHERE at <@ '[5,5],[10,10]'::vbox;
SELECT * FROM soupvec_verify('vt_temp_at', true);
CREATE TABLE vt_parted (part integer, at vector(2)) PARTITION BY LIST (part);
CREATE TABLE vt_parted_1 PARTITION OF vt_parted FOR VALUES IN (1);
CREATE TABLE vt_parted_2 PARTITION OF vt_parted FOR VALUES IN (2);
CREATE INDEX ON vt_parted USING vtree (at);
INSERT INTO vt_parted SELECT 1 + i % 2, array[i, i]::vector FROM generate_series(1, 2000) i;
SELECT part, at FROM vt_parted ORDER BY at <-> '[700.2,700.2]' LIMIT 3;
DROP TABLE vt_unlogged, vt_temp, vt_parted;
RESET enable_seqscan;

-- The planner's choice: small regions and few neighbours by the index, most of the table without it, in many dimensions, too.
CREATE TABLE vt (at vector(2), six vector(16));
DO 'BEGIN PERFORM setseed(0.5); END';
INSERT INTO vt SELECT array[random(), random()]::vector, (SELECT array_agg(random())::vector FROM generate_series(1, 16) WHERE i > 0)
FROM generate_series(1, 20000) i;
CREATE INDEX vt_at ON vt USING vtree (at);
CREATE INDEX vt_six ON vt USING vtree (six);
ANALYZE vt;
EXPLAIN (COSTS off) SELECT * FROM vt WHERE at <@ '[0.1,0.1],[0.15,0.15]'::vbox;
EXPLAIN (COSTS off) SELECT * FROM vt WHERE at <@ '[0,0],[0.95,0.95]'::vbox;
EXPLAIN (COSTS off) SELECT * FROM vt ORDER BY at <-> '[0.5,0.5]' LIMIT 10;
EXPLAIN (COSTS off) SELECT * FROM vt WHERE six <@ vball(array_fill(0.5, ARRAY[16])::vector, 1.0);
EXPLAIN (COSTS off) SELECT * FROM vt WHERE six <@ vball(array_fill(0.5, ARRAY[16])::vector, 0.5);
EXPLAIN (COSTS off) SELECT * FROM vt ORDER BY six <-> array_fill(0.5, ARRAY[16])::vector LIMIT 10;
-- Estimates come from the sampled points: within a factor of two of 1/20 and 1/4.
CREATE FUNCTION estimated(query text) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE plan json;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
    RETURN plan->0->'Plan'->>'Plan Rows';
END $$;
SELECT estimated('SELECT * FROM vt WHERE at <@ ''[0.2,0.2],[0.4,0.45]''::vbox') BETWEEN 500 AND 2000 AS twentieth,
    estimated('SELECT * FROM vt WHERE at <@ ''<[0.5,0.5],0.2821>''::vball') BETWEEN 2500 AND 10000 AS quarter;
DROP FUNCTION estimated;
DROP TABLE vt;
