-- Goal: text form, type modifier and their refusals are pgvector's, to the letter and the SQLSTATE.
SELECT '[1,2,3]'::vector;
SELECT '[-1,-2,-3]'::vector;
SELECT '[1.,2.,.5]'::vector;
SELECT ' [ 1,  2 ,    3  ] '::vector;
SELECT E'\t[\n1\r,\x0b2\f]\n'::vector;
SELECT '[+1,1e3,1E-3,0x1p3,-0]'::vector;
SELECT '[1.23456,0.1,16777217,3.4028235e38,-3.4028235e38,1.17549435e-38,1e-45]'::vector;
-- Too small for a float is zero, signed.
SELECT '[1e-46,-1e-46]'::vector;
-- Halfway cases are rounded once, to even.
SELECT '[16777217,16777219,1.00000005960464477539062500,1.00000005960464477539062501]'::vector;

SELECT text AS "text form", soupvec_test.refusal(format('SELECT %L::vector', text)) AS refusal
FROM unnest(ARRAY['', ' ', '1,2,3', '{1,2}', '[', '[ ', '[,', '[]', '[ ]', '[,]', '[1,]', '[1', '[1,2,3', '[1 2]', '[1a]',
                  '[hello,1]', '[1,,3]', '[1, ,3]', '[1,2]]', '[1,2,3]9', '[[1]]', '[1;2]', '[--1]', '[1e]', '[0x]',
                  '[NaN,1]', '[nan(1)]', '[Infinity,1]', '[-inf,1]', '[4e38,1]', '[1,-4e38]', '[1e999]']) AS text;
-- As many elements as there may be, and one more.
SELECT vector_dims(('[' || repeat('1,', 15999) || '1]')::vector);
SELECT soupvec_test.refusal('SELECT ''[' || repeat('1,', 16000) || '1]''::vector');

SELECT '[1,2,3]'::vector(3);
SELECT modifier, soupvec_test.refusal(format('SELECT ''[1,2,3]''::vector(%s)', modifier)) AS refusal
FROM unnest(ARRAY['2', '4', '0', '-1', '16001', '3, 2', '''a''', 'NULL']) AS modifier;
SELECT unnest('{"[1,2,3]","[4,5,6]"}'::vector[]);
SELECT '{"[1,2,3]"}'::vector(2)[];

CREATE TABLE typed (three vector(3), any_length vector);
INSERT INTO typed VALUES ('[1,2,3]', '[1]'), (NULL, '[1,2]');
INSERT INTO typed (three) VALUES ('[1,2]');
INSERT INTO typed (three) SELECT any_length FROM typed WHERE three IS NULL;
UPDATE typed SET three = any_length WHERE three IS NULL;
SELECT * FROM typed;
SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'typed'::regclass AND attnum > 0;
SELECT typstorage, typlen, typalign FROM pg_type WHERE oid = 'vector'::regtype;
DROP TABLE typed;
-- The text form reads back as the same vector.
SELECT count(*) FROM (SELECT array_agg(random() * 10 ^ (random() * 60 - 30))::vector AS v
                      FROM generate_series(1, 20000) i GROUP BY i % 100) s WHERE v::text::vector <> v;
