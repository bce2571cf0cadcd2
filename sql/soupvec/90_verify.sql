-- Checks of whole indexes. Like amcheck's functions they are nobody's but the owner's until granted: they lock a table
-- against writing for as long as it takes to read it and its index.

CREATE OR REPLACE FUNCTION soupvec_verify(index regclass, unlinked boolean DEFAULT false,
    OUT block bigint, OUT kind text, OUT detail text) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'svec_verify' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION soupvec_verify(regclass, boolean) IS
    'A row for each violation of an index''s rules, on its pages and against its table; "unlinked" adds pages that a crash left behind, which vacuum gives back.';
REVOKE ALL ON FUNCTION soupvec_verify(regclass, boolean) FROM PUBLIC;
