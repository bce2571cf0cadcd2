-- Goal: every form that a datum has on disk gives the same answers: header of one byte, of four, out of line,
-- compressed in line, compressed out of line.
CREATE TABLE stored (form text, v vector);
CREATE TABLE main_stored (LIKE stored);
ALTER TABLE main_stored ALTER v SET STORAGE main;
CREATE TABLE extended_stored (LIKE stored);
ALTER TABLE extended_stored ALTER v SET STORAGE extended;
INSERT INTO stored VALUES ('short header', '[1,2,3]'), ('short header', soupvec_test.whole(29, 1)), ('long header', soupvec_test.whole(31, 1)),
    ('long header', soupvec_test.whole(400, 1)), ('out of line', soupvec_test.whole(768, 1)), ('out of line', soupvec_test.whole(16000, 1));
INSERT INTO main_stored VALUES ('compressed in line', array_fill(1, ARRAY[3000])::vector);
INSERT INTO extended_stored SELECT 'compressed out of line', array_agg(i / 16)::vector FROM generate_series(1, 16000) i;
CREATE VIEW forms AS TABLE stored UNION ALL TABLE main_stored UNION ALL TABLE extended_stored;
-- That these are the forms they are called, as far as sizes tell.
SELECT form, vector_dims(v), CASE WHEN pg_column_size(v) < 4 * vector_dims(v) THEN 'compressed' ELSE (pg_column_size(v) - 4 * vector_dims(v))::text END AS "more than its elements"
FROM forms ORDER BY 1, 2;
SELECT form, vector_dims(v), v <-> v AS l2, v <+> v AS l1, v <#> v = -inner_product(v, v) AS ip, round((v <=> v)::numeric, 6) AS cosine, round(vector_norm(v)::numeric, 3) AS norm,
       v = v AS eq, vector_cmp(v, v) AS cmp, v + v = v * array_fill(2, ARRAY[vector_dims(v)])::vector AS "+", vector_norm(v - v) AS "-"
FROM forms ORDER BY 1, 2;
-- Read as stored and read as copied into a plain datum: the same.
SELECT form, vector_dims(v), v::text = (v::text)::vector::text AS text, vector_send(v) = vector_send((v::text)::vector) AS send,
       v::real[] = (v::text)::vector::real[] AS "real[]", binary_quantize(v) = binary_quantize((v::text)::vector) AS bits,
       l2_normalize(v) = l2_normalize((v::text)::vector) AS normalized, subvector(v, 2, 2) = subvector((v::text)::vector, 2, 2) AS part,
       v || v = (v::text)::vector || (v::text)::vector OR vector_dims(v) > 8000 AS joined, v::vector(3) = v AS cast
FROM forms WHERE vector_dims(v) = 3;
SELECT form, vector_dims(v), v::text = (v::text)::vector::text AS text, vector_send(v) = vector_send((v::text)::vector) AS send,
       v::real[] = (v::text)::vector::real[] AS "real[]", binary_quantize(v) = binary_quantize((v::text)::vector) AS bits,
       l2_normalize(v) = l2_normalize((v::text)::vector) AS normalized, subvector(v, 2, 2) = subvector((v::text)::vector, 2, 2) AS part
FROM forms WHERE vector_dims(v) > 3 ORDER BY 1, 2;
SELECT count(*) FROM forms a JOIN forms b ON vector_dims(a.v) = vector_dims(b.v) WHERE a.v <-> b.v = 0;
SELECT sum(v) = avg(v) AS "of one" FROM forms WHERE form = 'compressed in line';
-- Sorting toasted values many times over gives back what it fetched.
SELECT count(*) FROM (SELECT v FROM stored, generate_series(1, 200) WHERE vector_dims(v) = 16000 ORDER BY v) s;
DROP VIEW forms;
-- A column's dimension is checked without fetching what is out of line.
ALTER TABLE extended_stored ALTER v TYPE vector(16000);
ALTER TABLE extended_stored ALTER v TYPE vector(15999);
DROP TABLE stored, main_stored, extended_stored;
