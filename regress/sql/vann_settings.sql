-- Goal: settings and storage parameters: their limits, what they change, who may see and measure.
SET client_min_messages = warning;
SELECT '[1]'::vector; -- Loads the library; before, settings are placeholders.
SHOW vann.recall;
SELECT soupvec_test.refusal(statement) FROM unnest(ARRAY['SET vann.recall = 2', 'SET vann.recall = 0.1', 'SET vann.probes = -1',
    'SET vann."order" = none', 'SET vann.nothing = 1', 'SET vann.max_pages = -1']) statement;

CREATE TABLE vs (id integer, at vector(16));
INSERT INTO vs SELECT i, soupvec_test.spread(16, i) FROM generate_series(1, 5000) i;
CREATE INDEX vs_at ON vs USING vann (at);
SET enable_seqscan = off;

-- A build measures: for each target there is a setting, more recall never takes less.
SELECT count(*), bool_and(probes > 0 AND rerank >= 10 AND measured_recall BETWEEN 0.5 AND 1) AS measured FROM vann_calibration('vs_at');
SELECT count(*) AS goes_back FROM (SELECT probes, lag(probes) OVER (ORDER BY recall) AS before, rerank, lag(rerank) OVER (ORDER BY recall) AS rerank_before
    FROM vann_calibration('vs_at')) s WHERE probes < before AND rerank < rerank_before;
SELECT count(*) FROM vann_calibrate('vs_at');
-- An index that began empty has never measured; vacuum does, once it has rows.
CREATE TABLE ve (LIKE vs);
CREATE INDEX ve_at ON ve USING vann (at);
INSERT INTO ve SELECT * FROM vs;
SELECT count(probes), count(*) FROM vann_calibration('ve_at');
VACUUM ve;
SELECT count(probes), count(*) FROM vann_calibration('ve_at');
-- Not with rows of which something is toasted: vacuum's snapshot holds nobody back from removing that, not even where an
-- expression, here one that tells when it is evaluated, would make a short value of it.
CREATE FUNCTION soupvec_test.first_16(v vector) RETURNS vector LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, public AS $$
BEGIN
    IF current_setting('application_name') = 'vacuum' THEN
        RAISE 'a toasted row is read';
    END IF;
    RETURN subvector(v, 1, 16);
END $$;
CREATE TABLE vt (at vector(600));
ALTER TABLE vt ALTER at SET STORAGE EXTERNAL;
CREATE INDEX vt_at ON vt USING vann ((soupvec_test.first_16(at)::vector(16)));
INSERT INTO vt SELECT soupvec_test.spread(600, i) FROM generate_series(1, 1500) i;
SET application_name = 'vacuum';
VACUUM vt;
RESET application_name;
SELECT count(probes), count(*) FROM vann_calibration('vt_at');
SELECT soupvec_test.refusal('SELECT vann_calibration(''pg_class_oid_index'')');

-- More pages for more recall.
CREATE FUNCTION pg_temp.pages() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    plan json;
BEGIN
    EXECUTE format('EXPLAIN (ANALYZE, BUFFERS, TIMING off, SUMMARY off, FORMAT json) SELECT id FROM vs ORDER BY at <-> %L LIMIT 10', soupvec_test.spread(16, 7)) INTO plan;
    RETURN (plan -> 0 -> 'Plan' ->> 'Shared Hit Blocks')::bigint + (plan -> 0 -> 'Plan' ->> 'Shared Read Blocks')::bigint;
END $$;
SET vann.probes = 2;
SELECT pg_temp.pages() AS few \gset
SET vann.probes = 30;
SELECT pg_temp.pages() AS many \gset
SELECT :few < :many AS more_pages;
RESET vann.probes;

-- How full a build makes the leaves.
SELECT soupvec_test.refusal('CREATE INDEX ON vs USING vann (at) WITH (fillfactor = 10)');
CREATE INDEX vs_full ON vs USING vann (at) WITH (fillfactor = 100);
SELECT pg_relation_size('vs_full') < pg_relation_size('vs_at') AS smaller;
SELECT * FROM soupvec_verify('vs_full', true);
DROP INDEX vs_full;

-- Checking and measuring are the owner's.
CREATE ROLE soupvec_guest;
GRANT USAGE ON SCHEMA soupvec_test TO soupvec_guest;
SET ROLE soupvec_guest;
SELECT soupvec_test.refusal('SELECT * FROM soupvec_verify(''vs_at'')');
SELECT soupvec_test.refusal('SELECT * FROM vann_calibrate(''vs_at'')');
RESET ROLE;
REVOKE USAGE ON SCHEMA soupvec_test FROM soupvec_guest;
DROP ROLE soupvec_guest;
DROP TABLE vs, ve;
