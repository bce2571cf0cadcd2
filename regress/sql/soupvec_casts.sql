-- Goal: casts from arrays and to real[], where they apply, and their refusals.
SELECT ARRAY[1,2,3]::vector, ARRAY[1.5,2,3]::vector, ARRAY[1,2,3]::float4[]::vector, ARRAY[1,2,3.25]::float8[]::vector, ARRAY[1,2.5]::numeric[]::vector;
SELECT '{1,2,3}'::real[]::vector(3), '{1,2,3}'::float8[]::vector(3);
SELECT '[1,2.5,-0.1]'::vector::real[], '[1,2.5,-0.1]'::vector::float8[], '[1,2.5,-0.1]'::vector::numeric[], '[1,2.5,3.5,-2.6]'::vector::integer[];
SELECT '[2147483520,-2147483648]'::vector::integer[], '[3e38,1e-45]'::vector::numeric[];
SELECT '{1e-46,-1e-46}'::float8[]::vector;
-- A bitmap of nulls that marks none, a lower bound other than 1, a slice.
SELECT (array_remove(ARRAY[1,NULL,3]::real[], NULL))::vector, ('[0:2]={1,2,3}'::real[])::vector, ((ARRAY[9,8,7,6]::integer[])[2:3])::vector;
SELECT "array", soupvec_test.refusal(format('SELECT %s', "array")) AS refusal
FROM unnest(ARRAY[$$'{1,2,3}'::real[]::vector(2)$$, $$'{1,2,3}'::float8[]::vector(2)$$, $$'{}'::real[]::vector$$, $$'{{1}}'::real[]::vector$$,
                  $$'{NULL}'::real[]::vector$$, $$'{1,NULL}'::numeric[]::vector$$, $$'{NaN}'::real[]::vector$$, $$'{Infinity}'::real[]::vector$$,
                  $$'{-Infinity}'::float8[]::vector$$, $$'{4e38}'::float8[]::vector$$, $$'{1e40}'::numeric[]::vector$$, $$'{NaN}'::numeric[]::vector$$,
                  $$'{a}'::text[]::vector$$, $$'[1]'::vector::text[]$$, $$'[1,2147483648]'::vector::integer[]$$, $$'[-2147483904]'::vector::integer[]$$, $$(SELECT array_agg(n) FROM generate_series(1, 16001) n)::vector$$,
                  $$array_to_vector((SELECT array_agg(n) FROM generate_series(1, 16001) n), 16001, false)$$]) AS "array";
-- Arrays become vectors on assignment, a vector becomes real[] everywhere, float8[] on assignment, the others when asked.
CREATE TABLE assigned (v vector(2), a real[], d float8[]);
INSERT INTO assigned VALUES (ARRAY[1,2], '[3,4]'::vector, '[3,4]'::vector), ('{5,6}'::float8[], '[7,8]'::vector, '[7,8]'::vector);
CREATE FUNCTION first(real[]) RETURNS real LANGUAGE sql IMMUTABLE AS 'SELECT $1[1]';
SELECT v, a, d, first(v), cardinality(v::real[]) FROM assigned;
SELECT 1 FROM assigned WHERE v = ARRAY[1,2]::real[];
INSERT INTO assigned (v) VALUES (ARRAY[1,2,3]);
CREATE TABLE whole (i integer[]);
INSERT INTO whole VALUES ('[1,2]'::vector);
DROP TABLE assigned, whole;
DROP FUNCTION first;
-- The operators of arrays are not disturbed.
SELECT ARRAY[1,2,3] = ARRAY[1,2,3], ARRAY[1,2] || ARRAY[3], ARRAY[1.5] < ARRAY[2.5];
SELECT count(*) FILTER (WHERE soupvec_test.whole(n, 1)::real[]::vector <> soupvec_test.whole(n, 1)) FROM generate_series(1, 50) n;
