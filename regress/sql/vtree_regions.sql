-- Goal: the types vbox and vball: text and binary forms, constructors, refusals, operators on every border.

-- Text.
SELECT '[1,2],[3,4]'::vbox, ' [ 3 , -4 ] , [1e1,+0x1p2] '::vbox AS ordered, '[0.1],[0.1]'::vbox AS point;
SELECT '<[1,2],2.5>'::vball, ' < [ 1 , 2 ] , 1e300 > '::vball AS large, '<[0.1],0>'::vball AS point;
SELECT soupvec_test.refusal(format('SELECT %L::vbox', form)) FROM unnest(ARRAY['', '[1,2]', '[1,2],', '[1,2],[3]',
    '[1,2],[3,4],', '[1,2],[3,4]x', '[],[]', '[1,,2],[1,2,3]', '[1,nan],[1,2]', '[1,2],[1,-inf]', '[1e39],[1]', '(1,2),(3,4)']) form;
SELECT soupvec_test.refusal(format('SELECT %L::vball', form)) FROM unnest(ARRAY['', '<[1,2]>', '<[1,2],>', '<[1,2],1', '[1,2],1',
    '<[1,2],-1>', '<[1,2],nan>', '<[1,2],inf>', '<[1,2],1e309>', '<[nan],1>', '<[],1>', '<[1,2],1>>']) form;

-- Made from vectors, and taken apart.
SELECT vbox('[3,0]', '[1,2]'), vbox_lower(vbox('[3,0]', '[1,2]')), vbox_upper('[3,0],[1,2]');
SELECT vball('[3,0]', 1.5), vball_centre('<[3,0],1.5>'), vball_radius('<[3,0],1.5>');
SELECT soupvec_test.refusal('SELECT vbox(''[1,2]'', ''[1,2,3]'')');
SELECT soupvec_test.refusal(format('SELECT vball(''[1,2]'', %L)', radius)) FROM unnest(ARRAY['-1', 'NaN', 'Infinity']) radius;
SELECT vbox(NULL, '[1]') IS NULL AND vball('[1]', NULL) IS NULL AS strict;

-- Binary.
SELECT encode(vbox_send('[1,2],[3,4]'), 'hex') AS box, encode(vball_send('<[1,2],0.5>'), 'hex') AS ball;
CREATE TABLE region (box vbox, ball vball);
INSERT INTO region SELECT vbox(soupvec_test.whole(n, 1), soupvec_test.whole(n, 2)), vball(soupvec_test.whole(n, 3), n / 7.0)
FROM generate_series(1, 40) n;
INSERT INTO region VALUES (NULL, NULL);
INSERT INTO region SELECT vbox(array_fill(1, ARRAY[16000])::vector, array_fill(2, ARRAY[16000])::vector), vball(array_fill(3, ARRAY[16000])::vector, 4);
\set file `echo "${TMPDIR:-/tmp}/vtree_regions_$$"`
COPY region TO :'file' (FORMAT binary);
CREATE TABLE copy (LIKE region);
COPY copy FROM :'file' (FORMAT binary);
SELECT count(*) AS differ FROM (SELECT box::text, ball::text FROM region EXCEPT ALL SELECT box::text, ball::text FROM copy) d;
\! rm -f "${TMPDIR:-/tmp}"/vtree_regions_*
DROP TABLE region, copy;

-- Inside: borders count; a ball is decided in double precision.
SELECT '[0,0]' <@ '[0,0],[1,1]'::vbox AS corner, '[1,0.5]' <@ '[0,0],[1,1]'::vbox AS side, '[0.5,0.5]' <@ '[0,0],[1,1]'::vbox AS inside,
    '[1.0000001,0.5]' <@ '[0,0],[1,1]'::vbox AS outside, '[0,0],[1,1]'::vbox @> '[0,1]'::vector AS turned, '[-0]' <@ '[0],[0]'::vbox AS zero;
SELECT '[3,4]' <@ '<[0,0],5>'::vball AS border, '[3,4.0000005]' <@ '<[0,0],5>'::vball AS outside, '[1,2]' <@ '<[1,2],0>'::vball AS point,
    '<[0,0],5>'::vball @> '[3,4]'::vector AS turned, '[3e38]' <@ '<[-3e38],6.1e38>'::vball AS large;
SELECT '[0,0],[1,1]'::vbox && '[1,1],[2,2]'::vbox AS touch, '[0,0],[1,1]'::vbox && '[1.5,0],[2,2]'::vbox AS apart;

-- Another dimension is outside, without an error; null is null.
SELECT '[1]' <@ '[0,0],[1,1]'::vbox AS box, '[1]' <@ '<[0,0],9>'::vball AS ball, '[0],[1]'::vbox && '[0,0],[1,1]'::vbox AS boxes;
SELECT NULL::vector <@ '[0],[1]'::vbox AS of_null, '[0]' <@ NULL::vball AS in_null;

-- Under row-level security the planner may use them.
SELECT DISTINCT proleakproof, provolatile, proparallel FROM pg_operator JOIN pg_proc p ON p.oid = oprcode
WHERE oprname IN ('<@', '@>', '&&') AND (oprleft IN ('vbox'::regtype, 'vball'::regtype) OR oprright IN ('vbox'::regtype, 'vball'::regtype));
