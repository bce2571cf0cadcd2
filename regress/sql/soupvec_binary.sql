-- Goal: the binary form's refusals. A file of COPY in binary format is written by hand: head, one row of one field,
-- end; the field is what the test names, in octal. 077 200 000 000 is the float 1.
CREATE TABLE received (v vector);
CREATE TABLE received_three (v vector(3));
CREATE FUNCTION receive(target text, length integer, field text) RETURNS text LANGUAGE sql AS $$
    SELECT soupvec_test.refusal(format('COPY %s FROM PROGRAM %L WITH (FORMAT binary)', target,
        format('printf ''PGCOPY\012\377\015\012\000\000\000\000\000\000\000\000\000\000\001\000\000\000\%s%s\377\377''',
               lpad(to_char(length / 64, 'FM9') || to_char(length / 8 % 8, 'FM9') || to_char(length % 8, 'FM9'), 3, '0'), field)))
$$;
SELECT receive('received', 8, '\000\001\000\000\077\200\000\000') AS "one element";
SELECT receive('received_three', 8, '\000\001\000\000\077\200\000\000') AS "wrong dimension for the column";
SELECT receive('received', 4, '\000\000\000\000') AS "no element";
SELECT receive('received', 4, '\377\377\000\000') AS "negative dimension";
SELECT receive('received', 4, '\076\201\000\000') AS "16001 elements";
SELECT receive('received', 8, '\000\001\000\001\077\200\000\000') AS "unused is not 0";
SELECT receive('received', 8, '\000\001\377\377\077\200\000\000') AS "unused is negative";
SELECT receive('received', 8, '\000\002\000\000\077\200\000\000') AS "too short";
SELECT receive('received', 12, '\000\001\000\000\077\200\000\000\077\200\000\000') AS "too long";
SELECT receive('received', 3, '\000\001\000') AS "cut in the head";
SELECT receive('received', 8, '\000\001\000\000\177\300\000\000') AS "NaN";
SELECT receive('received', 8, '\000\001\000\000\177\200\000\000') AS "infinity";
SELECT receive('received', 12, '\000\002\000\000\077\200\000\000\377\200\000\000') AS "minus infinity";
SELECT * FROM received;
SELECT count(*) FROM received_three;
DROP TABLE received, received_three;
DROP FUNCTION receive;
