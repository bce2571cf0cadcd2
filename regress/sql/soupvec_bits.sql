-- Goal: signs as a bit string, and the distances of bit strings.
SELECT binary_quantize('[1,0,-1]'::vector), binary_quantize('[0,0.1,-0.2,-0.3,0.4,0.5,0.6,-0.7,0.8,-0.9,1]'::vector), binary_quantize('[-0,1e-45]'::vector);
SELECT count(*) FILTER (WHERE binary_quantize(v)::text <> wanted) AS wrong
FROM (SELECT soupvec_test.whole(n, 5) AS v FROM generate_series(1, 80) n) w,
     LATERAL (SELECT string_agg(CASE WHEN e > 0 THEN '1' ELSE '0' END, '' ORDER BY i) AS wanted FROM unnest(v::real[]) WITH ORDINALITY AS u(e, i)) x;
SELECT hamming_distance('111', '111'), hamming_distance('111', '110'), hamming_distance('111', '000'), hamming_distance('', '');
SELECT jaccard_distance('1111', '1111'), jaccard_distance('1111', '1100'), jaccard_distance('1111', '0000'), jaccard_distance('0000', '0000'),
       jaccard_distance('1100', '1000'), jaccard_distance('', '');
SELECT B'10101' <~> B'01010', B'1100' <%> B'1000';
SELECT hamming_distance(repeat('10', 500)::varbit, repeat('01', 500)::varbit), hamming_distance(repeat('1', 65)::varbit, repeat('0', 65)::varbit),
       jaccard_distance(repeat('110', 100)::varbit, repeat('100', 100)::varbit);
SELECT statement, soupvec_test.refusal('SELECT ' || statement) AS refusal
FROM unnest(ARRAY[$$hamming_distance('111', '00')$$, $$jaccard_distance('1111', '000')$$, $$B'1' <~> B'11'$$, $$B'1' <%> B'11'$$]) AS statement;
