-- Goal: the binary forms' refusals, of vectors and regions. A file of COPY in binary format is written by hand: head, one row of one field,
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

-- Regions: a box is its corners, a ball its radius (a double) and its centre.
CREATE TABLE received_box (b vbox);
CREATE TABLE received_ball (b vball);
SELECT receive('received_box', 12, '\000\001\000\000\100\000\000\000\077\200\000\000') AS "box from 2 to 1";
SELECT receive('received_box', 12, '\000\001\000\000\177\300\000\000\077\200\000\000') AS "box, NaN";
SELECT receive('received_box', 12, '\000\001\000\000\077\200\000\000\177\200\000\000') AS "box, infinity";
SELECT receive('received_box', 12, '\000\001\000\000\377\200\000\000\077\200\000\000') AS "box, minus infinity";
SELECT receive('received_box', 8, '\000\001\000\000\077\200\000\000') AS "box, one corner";
SELECT receive('received_box', 16, '\000\001\000\000\077\200\000\000\077\200\000\000\077\200\000\000') AS "box, too long";
SELECT receive('received_box', 12, '\000\002\000\000\077\200\000\000\077\200\000\000') AS "box, more dimensions than corners";
SELECT receive('received_box', 4, '\000\000\000\000') AS "box, no dimension";
SELECT receive('received_box', 4, '\377\377\000\000') AS "box, negative dimension";
SELECT receive('received_box', 4, '\076\201\000\000') AS "box, 16001 dimensions";
SELECT receive('received_box', 12, '\000\001\000\001\077\200\000\000\077\200\000\000') AS "box, unused is not 0";
SELECT receive('received_box', 3, '\000\001\000') AS "box, cut in the head";
SELECT receive('received_ball', 16, '\000\001\000\000\077\360\000\000\000\000\000\000\077\200\000\000') AS "ball";
SELECT receive('received_ball', 16, '\000\001\000\000\277\360\000\000\000\000\000\000\077\200\000\000') AS "ball, negative radius";
SELECT receive('received_ball', 16, '\000\001\000\000\177\370\000\000\000\000\000\000\077\200\000\000') AS "ball, radius NaN";
SELECT receive('received_ball', 16, '\000\001\000\000\177\360\000\000\000\000\000\000\077\200\000\000') AS "ball, radius infinity";
SELECT receive('received_ball', 16, '\000\001\000\000\077\360\000\000\000\000\000\000\177\300\000\000') AS "ball, NaN";
SELECT receive('received_ball', 16, '\000\001\000\000\077\360\000\000\000\000\000\000\177\200\000\000') AS "ball, infinity";
SELECT receive('received_ball', 8, '\000\001\000\000\077\200\000\000') AS "ball, half a radius";
SELECT receive('received_ball', 12, '\000\001\000\000\077\360\000\000\000\000\000\000') AS "ball, no centre";
SELECT receive('received_ball', 20, '\000\001\000\000\077\360\000\000\000\000\000\000\077\200\000\000\077\200\000\000') AS "ball, too long";
SELECT receive('received_ball', 16, '\000\002\000\000\077\360\000\000\000\000\000\000\077\200\000\000') AS "ball, more dimensions than its centre";
SELECT receive('received_ball', 4, '\000\000\000\000') AS "ball, no dimension";
SELECT receive('received_ball', 4, '\076\201\000\000') AS "ball, 16001 dimensions";
SELECT receive('received_ball', 16, '\000\001\000\001\077\360\000\000\000\000\000\000\077\200\000\000') AS "ball, unused is not 0";
SELECT * FROM received_box;
SELECT * FROM received_ball;
DROP TABLE received, received_three, received_box, received_ball;
DROP FUNCTION receive;
