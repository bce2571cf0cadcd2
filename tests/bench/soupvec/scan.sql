-- How fast a scan with a distance is, against max(cardinality()) over the same rows as real[], and against pgvector
-- where the cluster has it. Variables: dimensions, rows, rounds.
--
-- All contestants stand in one database and take turns, a statement each; of its times by the clock, around one
-- EXECUTE within the server, each contestant's least counts, which the client has no part in and other processes
-- little. No parallel workers, no JIT: one process's work is compared. Every table is loaded in the same order,
-- vacuumed, and read once before.
\set QUIET on
\set ON_ERROR_STOP on
\pset tuples_only on
\pset format unaligned
SET client_min_messages = warning;
SET max_parallel_workers_per_gather = 0;
SET jit = off;
SELECT setseed(0.5) \g /dev/null
DROP SCHEMA IF EXISTS scan_bench CASCADE;
CREATE SCHEMA scan_bench;
SET search_path = scan_bench, pg_catalog;
CREATE SCHEMA IF NOT EXISTS ours;
CREATE EXTENSION IF NOT EXISTS soupvec SCHEMA ours;
SELECT count(*) > 0 AS have_pgvector FROM pg_available_extensions WHERE name = 'vector' \gset
\if :have_pgvector
CREATE SCHEMA IF NOT EXISTS theirs;
CREATE EXTENSION IF NOT EXISTS vector SCHEMA theirs;
\endif

CREATE TABLE arrays (id integer, v real[]);
ALTER TABLE arrays ALTER v SET STORAGE external;
INSERT INTO arrays SELECT i, (SELECT array_agg((random() - 0.5)::real) FROM generate_series(1, :dimensions) WHERE i = i)
FROM generate_series(1, :rows) i;
CREATE TABLE contestant (name text, work text, statement text);
CREATE TABLE vectors_ours AS SELECT id, v::ours.vector AS v, v::ours.vector::text AS t FROM arrays LIMIT 0;
ALTER TABLE vectors_ours DROP t;
INSERT INTO vectors_ours SELECT id, v::ours.vector FROM arrays;
SELECT v::text AS query FROM vectors_ours WHERE id = 1 \gset

INSERT INTO contestant VALUES ('array', 'cardinality', 'SELECT max(cardinality(v)) FROM arrays'),
    -- What the server's own ORDER BY … LIMIT costs when there is no distance to compute.
    ('sorted array', 'cardinality', 'SELECT count(*) FROM (SELECT id FROM arrays ORDER BY cardinality(v) LIMIT 10) s');
CREATE FUNCTION enter(name text, place text, query text) RETURNS void LANGUAGE sql AS $$
    INSERT INTO scan_bench.contestant (name, work, statement) SELECT name, work, replace(replace(replace(statement, 'TABLE', 'scan_bench.vectors_' || name),
                                                                         'PLACE', place), 'QUERY', quote_literal(query) || '::' || place || '.vector')
    FROM (VALUES ('l2', 'SELECT count(*) FROM (SELECT id FROM TABLE ORDER BY v OPERATOR(PLACE.<->) QUERY LIMIT 10) s'),
                 ('inner product', 'SELECT count(*) FROM (SELECT id FROM TABLE ORDER BY v OPERATOR(PLACE.<#>) QUERY LIMIT 10) s'),
                 ('cosine', 'SELECT count(*) FROM (SELECT id FROM TABLE ORDER BY v OPERATOR(PLACE.<=>) QUERY LIMIT 10) s'),
                 ('l1', 'SELECT count(*) FROM (SELECT id FROM TABLE ORDER BY v OPERATOR(PLACE.<+>) QUERY LIMIT 10) s'),
                 ('avg', 'SELECT count(a) FROM (SELECT PLACE.avg(v) AS a FROM TABLE) s'),
                 ('sum', 'SELECT count(a) FROM (SELECT PLACE.sum(v) AS a FROM TABLE) s'),
                 ('text out', 'SELECT max(length(v::text)) FROM (SELECT v FROM TABLE LIMIT 2000) s'),
                 ('text in', 'SELECT max(PLACE.vector_dims((left(QUERY::text, -1) || '','' || i || '']'')::PLACE.vector)) FROM generate_series(1, 2000) i'),
                 ('binary out', 'SELECT max(length(PLACE.vector_send(v))) FROM TABLE'),
                 ('order by itself', 'SELECT count(*) FROM (SELECT v FROM TABLE ORDER BY v OFFSET 0) s')) AS works(work, statement)
$$;
SELECT enter('ours', 'ours', :'query') \g /dev/null
\if :have_pgvector
CREATE TABLE vectors_theirs AS SELECT id, v::theirs.vector AS v FROM arrays LIMIT 0;
INSERT INTO vectors_theirs SELECT id, v::theirs.vector FROM arrays;
SELECT enter('theirs', 'theirs', :'query') \g /dev/null
\endif
VACUUM ANALYZE;

CREATE TABLE took (name text, work text, ms float8);
CREATE PROCEDURE compete(rounds integer) LANGUAGE plpgsql AS $$
DECLARE
    entrant scan_bench.contestant;
    began timestamptz;
    ignored bigint;
BEGIN
    FOR round IN 0 .. rounds LOOP
        FOR entrant IN SELECT * FROM scan_bench.contestant ORDER BY work, name LOOP
            began := clock_timestamp();
            EXECUTE entrant.statement INTO ignored;
            INSERT INTO scan_bench.took SELECT entrant.name, entrant.work, extract(epoch FROM clock_timestamp() - began) * 1000
            WHERE round > 0; -- the first one warms up
        END LOOP;
    END LOOP;
END $$;
CALL compete(:rounds);

SELECT json_build_object('postgresql', split_part(current_setting('server_version'), ' ', 1), 'pgvector', (SELECT extversion FROM pg_extension WHERE extname = 'vector'),
                         'dimensions', :dimensions, 'rows', :rows, 'stored', CASE WHEN 4 * :dimensions > 2000 THEN 'out of line' ELSE 'in the row' END,
                         'work', o.work, 'ours_ms', round(o.ms::numeric, 2), 'pgvector_ms', round(t.ms::numeric, 2),
                         'to_pgvector', round((o.ms / t.ms)::numeric, 3), 'to_cardinality', CASE WHEN o.work IN ('l2', 'inner product', 'cosine', 'l1') THEN round((o.ms / c.ms)::numeric, 3) END,
                         'cardinality_ms', round(c.ms::numeric, 2), 'order_by_cardinality_ms', round(s.ms::numeric, 2))
FROM (SELECT work, min(ms) AS ms FROM took WHERE name = 'ours' GROUP BY 1) o
LEFT JOIN (SELECT work, min(ms) AS ms FROM took WHERE name = 'theirs' GROUP BY 1) t USING (work)
CROSS JOIN (SELECT min(ms) AS ms FROM took WHERE name = 'array') c
CROSS JOIN (SELECT min(ms) AS ms FROM took WHERE name = 'sorted array') s
ORDER BY array_position(ARRAY['l2', 'inner product', 'cosine', 'l1', 'avg', 'sum', 'text out', 'text in', 'binary out', 'order by itself'], o.work);
DROP SCHEMA scan_bench CASCADE;
