-- Goal: soupvec installs into a fresh database, and its catalogue entries keep the house rules.
-- Leaves schema soupvec_test with helpers for the tests that follow.
CREATE EXTENSION soupvec;

CREATE SCHEMA soupvec_test;

-- Runs a statement that must be refused: SQLSTATE, message and detail in one line.
CREATE FUNCTION soupvec_test.refusal(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    state text;
    message text;
    detail text;
BEGIN
    EXECUTE statement;
    RETURN 'was not refused';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
    RETURN concat_ws(' ', state, message, nullif(detail, ''));
END $$;

-- A vector of n small whole numbers, the same for the same seed: all float sums over them are exact.
CREATE FUNCTION soupvec_test.whole(n integer, seed integer) RETURNS vector LANGUAGE sql IMMUTABLE AS $$
    SELECT array_agg((i * 7 + seed * 13 + i * i * seed) % 17 - 8 ORDER BY i)::vector FROM generate_series(1, n) i
$$;

-- A vector of n quarters between -128 and 128, hardly ever the same for another seed; sums over them are exact, too.
CREATE FUNCTION soupvec_test.spread(n integer, seed integer) RETURNS vector LANGUAGE sql IMMUTABLE AS $$
    SELECT array_agg((hashint4(i * 7919 + seed * 100003) & 1023) / 4.0 - 128 ORDER BY i)::vector FROM generate_series(1, n) i
$$;

CREATE TEMP VIEW member AS
    SELECT classid, objid FROM pg_depend
    WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
      AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'soupvec');

-- No object without a comment; operator families are made with their class and array types with their type.
SELECT pg_describe_object(classid, objid, 0) AS without_comment FROM member
WHERE classid <> 'pg_opfamily'::regclass
  AND NOT (classid = 'pg_type'::regclass AND objid IN (SELECT typarray FROM pg_type))
  AND coalesce(obj_description(objid, classid::regclass::name), '') = ''
ORDER BY 1;

-- Functions: in C, from the versioned library, not volatile, strict, safe in parallel workers. Those of access methods and
-- those that lock or measure are different.
SELECT p.oid::regprocedure AS off_the_rules, probin, provolatile, proisstrict, proparallel
FROM pg_proc p JOIN member ON classid = 'pg_proc'::regclass AND objid = p.oid
WHERE prokind = 'f'
  AND NOT (probin = '$libdir/soupvec-0.1' AND prosrc LIKE 'svec\_%' AND provolatile <> 'v' AND proisstrict AND proparallel = 's')
ORDER BY 1;

-- Every operator that has a mirror image knows it.
SELECT oprname, oprcom::regoperator, oprnegate::regoperator
FROM pg_operator o JOIN member ON classid = 'pg_operator'::regclass AND objid = o.oid ORDER BY oprname COLLATE "C";

-- What it takes to leave: nothing remains.
BEGIN;
DROP EXTENSION soupvec CASCADE;
SELECT count(*) FROM pg_type WHERE typname IN ('vector', '_vector');
ROLLBACK;

-- A schema of the DBA's choice.
BEGIN;
DROP EXTENSION soupvec CASCADE;
CREATE SCHEMA "of choice";
CREATE EXTENSION soupvec SCHEMA "of choice";
SELECT '[1,2,3]'::"of choice".vector OPERATOR("of choice".<->) '[1,2,5]';
ALTER EXTENSION soupvec SET SCHEMA public;
SELECT '[1,2,3]'::vector <-> '[1,2,5]';
ROLLBACK;
