-- Goal: distances, norms and parts of vectors: values, borders, refusals.
SELECT l2_distance('[0,0]'::vector, '[3,4]'), l2_distance('[0,0]'::vector, '[0,1]'), l2_distance('[3e38]'::vector, '[-3e38]');
SELECT l2_distance('[1,1,1,1,1,1,1,1,1]'::vector, '[1,1,1,1,1,1,1,4,5]');
SELECT vector_l2_squared_distance('[0,0]'::vector, '[3,4]');
SELECT inner_product('[1,2]'::vector, '[3,4]'), inner_product('[3e38]'::vector, '[3e38]');
SELECT inner_product('[1,1,1,1,1,1,1,1,1]'::vector, '[1,2,3,4,5,6,7,8,9]'), vector_negative_inner_product('[1,2]', '[3,4]');
SELECT cosine_distance('[1,2]'::vector, '[2,4]'), cosine_distance('[1,2]'::vector, '[0,0]'),
       cosine_distance('[1,1]'::vector, '[1,1]'), cosine_distance('[1,0]'::vector, '[0,2]'),
       cosine_distance('[1,1]'::vector, '[-1,-1]'), cosine_distance('[3e38]'::vector, '[3e38]');
-- Rounding never leaves the range of 0 to 2.
SELECT cosine_distance('[1,1]'::vector, '[1.1,1.1]'), cosine_distance('[1,1]'::vector, '[-1.1,-1.1]');
SELECT l1_distance('[0,0]'::vector, '[3,4]'), l1_distance('[3e38]'::vector, '[-3e38]'),
       l1_distance('[1,2,3,4,5,6,7,8,9]'::vector, '[0,3,2,5,4,7,6,9,8]');
SELECT vector_spherical_distance('[1,0]', '[0,1]'), vector_spherical_distance('[1,0]', '[-1,0]'), vector_spherical_distance('[1,0]', '[1,0]');

SELECT function, soupvec_test.refusal(format('SELECT %s(''[1,2]''::vector, ''[3]''::vector)', function)) AS refusal
FROM unnest(ARRAY['l2_distance', 'vector_l2_squared_distance', 'inner_product', 'vector_negative_inner_product',
                  'cosine_distance', 'l1_distance', 'vector_spherical_distance']) AS function;
SELECT l2_distance(NULL, '[1]'), l2_distance('[1]', NULL);

-- Against plain SQL at lengths around the registers' width; sums of whole numbers are exact.
SELECT count(*) AS compared,
       count(*) FILTER (WHERE vector_l2_squared_distance(a, b) <> l2 OR inner_product(a, b) <> dot OR l1_distance(a, b) <> l1) AS wrong
FROM (SELECT n, soupvec_test.whole(n, 1) AS a, soupvec_test.whole(n, 2) AS b FROM generate_series(1, 300) n) v,
     LATERAL (SELECT sum((x - y) ^ 2) AS l2, sum(x * y) AS dot, sum(abs(x - y)) AS l1
              FROM unnest(a::real[]::float8[], b::real[]::float8[]) AS pair(x, y)) AS expected;

SELECT vector_dims('[1,2,3]'::vector), vector_norm('[3,4]'), vector_norm('[0,0]'), vector_norm('[3e37,4e37]')::real, vector_norm('[3e38,3e38]') > 3e38;
SELECT l2_normalize('[3,4]'::vector), l2_normalize('[0,0.1]'::vector), l2_normalize('[0,0]'::vector), l2_normalize('[3e38]'::vector);
SELECT round(vector_norm(l2_normalize(soupvec_test.whole(1000, 3)))::numeric, 6);

SELECT start, count, coalesce(part::text, refusal) AS result
FROM (VALUES (1, 3), (3, 2), (-1, 3), (3, 9), (5, 1), (6, 1), (1, 0), (3, -1), (-1, 2), (0, 1), (2147483647, 10), (3, 2147483647),
             (-2147483644, 2147483647), (-2147483648, 2147483647), (1, -2147483648)) AS asked(start, count),
     LATERAL (SELECT soupvec_test.refusal(format('SELECT subvector(''[1,2,3,4,5]''::vector, %s, %s)', start, count))) AS r(refusal),
     LATERAL (SELECT CASE WHEN refusal = 'was not refused' THEN subvector('[1,2,3,4,5]'::vector, start, count) END) AS p(part);
