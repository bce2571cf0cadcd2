-- Goal: avg and sum, serial and parallel, and the state functions in anybody's hands.
SELECT avg(v), sum(v) FROM unnest(ARRAY['[1,2,3]'::vector, '[3,5,7]']) v;
SELECT avg(v), sum(v) FROM unnest(ARRAY['[1,2,3]'::vector, '[3,5,7]', NULL]) v;
SELECT avg(v), sum(v) FROM unnest(ARRAY[]::vector[]) v;
SELECT avg(v), sum(v) FROM unnest(ARRAY[NULL]::vector[]) v;
SELECT avg(v) FROM unnest(ARRAY['[3e38]'::vector, '[3e38]']) v;
SELECT statement, soupvec_test.refusal(statement) AS refusal
FROM unnest(ARRAY[$$SELECT avg(v) FROM unnest(ARRAY['[1,2]'::vector, '[3]']) v$$, $$SELECT sum(v) FROM unnest(ARRAY['[1,2]'::vector, '[3]']) v$$,
                  $$SELECT sum(v) FROM unnest(ARRAY['[3e38]'::vector, '[3e38]']) v$$,
                  $$SELECT vector_avg(array_agg(n)) FROM generate_series(1, 16002) n$$,
                  $$SELECT vector_avg('{}')$$, $$SELECT vector_avg('{1}')$$, $$SELECT vector_avg('{1,NULL}')$$, $$SELECT vector_avg('{{1,2}}')$$,
                  $$SELECT vector_avg('{1,NaN}')$$, $$SELECT vector_avg('{1,4e38}')$$, $$SELECT vector_avg('{1e-30,1e30}')$$,
                  $$SELECT vector_accum('{}', '[1]')$$, $$SELECT vector_accum('{1,2,3}', '[1]')$$, $$SELECT vector_accum('{1,Infinity}', '[1]')$$,
                  $$SELECT vector_combine('{1,2}', '{1,2,3}')$$, $$SELECT vector_combine('{1,1e308}', '{1,1e308}')$$,
                  $$SELECT vector_combine('{1,2}', '{{1,2}}')$$]) AS statement;
SELECT vector_accum('{0}', '[1,2]'), vector_accum('{2,1,1}', '[1,2]'), vector_combine('{0}', '{0}'), vector_combine('{0}', '{1,2}'),
       vector_combine('{1,2}', '{0}'), vector_combine('{1,2}', '{3,4}'), vector_avg('{0}'), vector_avg('{2,3}');

CREATE TABLE many (id integer, v vector(70));
INSERT INTO many SELECT i, soupvec_test.whole(70, i) FROM generate_series(1, 4000) i;
-- Outside an aggregate the state is the caller's and stays as it was.
CREATE TABLE state (s float8[]);
INSERT INTO state VALUES ('{1,2,3}');
SELECT vector_accum(s, '[10,10]') AS next, vector_combine(s, s) AS twice, s AS same FROM state;
DROP TABLE state;
-- As a window, every frame keeps its own value.
SELECT id, subvector(avg(v) OVER (ORDER BY id), 1, 2), subvector(sum(v) OVER (ORDER BY id), 1, 2) FROM many WHERE id <= 3;
-- Grouped: the average is the average of each element.
SELECT count(*) AS groups, count(*) FILTER (WHERE mean <> wanted OR total <> wanted_total) AS wrong
FROM (SELECT id % 10 AS g, avg(v) AS mean, sum(v) AS total FROM many GROUP BY 1) a
JOIN (SELECT g, array_agg(m ORDER BY i)::vector AS wanted, array_agg(s ORDER BY i)::vector AS wanted_total
      FROM (SELECT id % 10 AS g, i, avg(e) AS m, sum(e) AS s FROM many, unnest(v::real[]::float8[]) WITH ORDINALITY AS u(e, i) GROUP BY 1, 2) x
      GROUP BY g) b USING (g);
-- Parallel workers' states are joined, empty ones too.
CREATE TEMP TABLE serial AS SELECT avg(v) AS mean, sum(v) AS total, avg(v) FILTER (WHERE id = 77) AS one, avg(v) FILTER (WHERE id < 0) AS none FROM many;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS off) SELECT avg(v), sum(v) FROM many;
SELECT mean = (SELECT avg(v) FROM many) AS mean, total = (SELECT sum(v) FROM many) AS total,
       one = (SELECT avg(v) FILTER (WHERE id = 77) FROM many) AS one, none IS NULL AND (SELECT avg(v) FILTER (WHERE id < 0) FROM many) IS NULL AS none FROM serial;
DROP TABLE many;
