-- Goal: whichever instruction set is forced, answers and orders are the same; one that the machine lacks is refused.
-- Which sets a machine has differs, so the test says only whether all agree, and that the forced one really ran.
CREATE TABLE points (id integer PRIMARY KEY, v vector(133));
INSERT INTO points SELECT i, soupvec_test.whole(133, i) FROM generate_series(1, 500) i;

CREATE TEMP TABLE answer (isa text, ran text, orders text, arithmetic text);
CREATE FUNCTION ask(name text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    q vector := soupvec_test.whole(133, 7);
BEGIN
    PERFORM set_config('soupvec.isa', name, false);
    INSERT INTO answer SELECT name, soupvec_isa(),
        md5(string_agg(id::text, ',' ORDER BY v <-> q, id) || string_agg(id::text, ',' ORDER BY v <#> q, id) ||
            string_agg(id::text, ',' ORDER BY v <+> q, id) || string_agg(id::text, ',' ORDER BY round((v <=> q)::numeric, 5), id)),
        md5(sum(v + q)::text || sum(v - q)::text || sum(v * q)::text || avg(v)::text || string_agg(binary_quantize(v)::text, '' ORDER BY id) ||
            string_agg((v <-> q)::text || (v <#> q)::text || (v <+> q)::text || vector_norm(v)::text, '' ORDER BY id))
    FROM points;
EXCEPTION WHEN invalid_parameter_value THEN
    -- Refused, as it must be where the set is missing; what was in force stays so.
    INSERT INTO answer SELECT name, 'refused', NULL, NULL WHERE soupvec_isa() <> name;
END $$;
SELECT count(ask(name)) FROM unnest(ARRAY['scalar', 'ssse3', 'avx2', 'avx512', 'auto']) AS name;
SELECT count(*) AS asked, count(*) FILTER (WHERE ran = 'scalar') >= 1 AS scalar_ran,
       count(*) FILTER (WHERE ran NOT IN (isa, 'refused') AND isa <> 'auto') AS ran_another,
       count(DISTINCT orders) AS orders, count(DISTINCT arithmetic) AS results FROM answer;
-- auto is the best of those that were not refused.
SELECT (SELECT ran FROM answer WHERE isa = 'auto')
     = (SELECT isa FROM answer WHERE ran = isa ORDER BY array_position(ARRAY['avx512', 'avx2', 'ssse3', 'scalar'], isa) LIMIT 1) AS best;
SET soupvec.isa = 'mmx';
SET soupvec.nothing = 1;
-- Not for everybody.
CREATE ROLE soupvec_plain;
SET ROLE soupvec_plain;
SET soupvec.isa = 'scalar';
RESET ROLE;
DROP ROLE soupvec_plain;
RESET soupvec.isa;
DROP FUNCTION ask;
DROP TABLE points;
