-- Goal: operators: arithmetic with its refusals, distances in ORDER BY, comparisons.
SELECT '[0,0]'::vector <-> '[3,4]', '[1,2]'::vector <#> '[3,4]', '[1,2]'::vector <=> '[2,4]', '[0,0]'::vector <+> '[3,4]';
SELECT '[1,2,3]'::vector + '[4,5,6]', '[1,2,3]'::vector - '[4,5,6]', '[1,2,3]'::vector * '[4,5,6]', '[1,2,3]'::vector || '[4,5]';
SELECT statement, soupvec_test.refusal('SELECT ' || statement) AS refusal
FROM unnest(ARRAY[$$'[3e38]'::vector + '[3e38]'$$, $$'[-3e38]'::vector - '[3e38]'$$, $$'[1e37]'::vector * '[1e37]'$$,
                  $$'[1e-37]'::vector * '[1e-37]'$$, $$'[1e-37,1e37]'::vector * '[1e-37,1e37]'$$, $$'[1e37,1e-37]'::vector * '[1e37,1e-37]'$$,
                  $$'[1,2]'::vector + '[3]'$$, $$'[1,2]'::vector - '[3]'$$, $$'[1,2]'::vector * '[3]'$$,
                  $$'[1,2]'::vector <-> '[3]'$$, $$'[1,2]'::vector <#> '[3]'$$, $$'[1,2]'::vector <=> '[3]'$$, $$'[1,2]'::vector <+> '[3]'$$,
                  $$array_fill(0, ARRAY[16000])::vector || '[1]'$$]) AS statement;
SELECT '[0,1e-37]'::vector * '[1e-37,0]' AS "zero by a factor is not underflow";
SELECT vector_dims(array_fill(0, ARRAY[15999])::vector || '[1]');
-- Element by element at every length around the registers' width.
SELECT count(*) FILTER (WHERE (a + b)::real[] <> plus OR (a - b)::real[] <> minus OR (a * b)::real[] <> times) AS wrong
FROM (SELECT n, soupvec_test.whole(n, 1) AS a, soupvec_test.whole(n, 2) AS b FROM generate_series(1, 100) n) v,
     LATERAL (SELECT array_agg(x + y ORDER BY i) AS plus, array_agg(x - y ORDER BY i) AS minus, array_agg(x * y ORDER BY i) AS times
              FROM unnest(a::real[], b::real[]) WITH ORDINALITY AS pair(x, y, i)) AS expected;

SELECT a, b, a < b AS lt, a <= b AS le, a = b AS eq, a <> b AS ne, a >= b AS ge, a > b AS gt, vector_cmp(a, b)
FROM (VALUES ('[1,2,3]'::vector, '[1,2,3]'::vector), ('[1,2,3]', '[1,2]'), ('[1,2]', '[1,2,3]'), ('[1,2,3]', '[0,9,9]'),
             ('[0,0,0]', '[1,2,3]'), ('[1,2]', '[2,3,4]'), ('[2,3]', '[1,2,3]'), ('[0]', '[-0]')) AS pair(a, b);

CREATE TABLE near (id integer PRIMARY KEY, v vector(3));
INSERT INTO near VALUES (1, '[0,0,0]'), (2, '[1,2,3]'), (3, '[1,1,1]'), (4, NULL), (5, '[-3,0,4]');
SELECT id, v <-> '[3,3,3]' AS l2 FROM near ORDER BY v <-> '[3,3,3]';
SELECT id, v <#> '[3,3,3]' AS ip FROM near ORDER BY v <#> '[3,3,3]';
SELECT id, v <=> '[3,3,3]' AS cosine FROM near WHERE id > 1 ORDER BY 2;
SELECT id, v <+> '[3,3,3]' AS l1 FROM near ORDER BY v <+> '[3,3,3]' LIMIT 2;
SELECT id FROM near WHERE v <-> '[3,3,3]' < 4 ORDER BY id;
SELECT id FROM near ORDER BY (SELECT v FROM near WHERE id = 5) <-> v, id LIMIT 3;
PREPARE nearest (vector) AS SELECT id FROM near ORDER BY v <-> $1 LIMIT 1;
EXECUTE nearest('[1,1,2]');
EXECUTE nearest(ARRAY[0, 0, 1]::real[]);
DEALLOCATE nearest;
DROP TABLE near;
