-- The test module's functions. The driver runs this file; nothing of it is installed.
CREATE FUNCTION soup_test_throw(kind text) RETURNS void AS '$libdir/soup_test' LANGUAGE C STRICT;
CREATE FUNCTION soup_test_survive(kind text) RETURNS text AS '$libdir/soup_test' LANGUAGE C STRICT;
CREATE FUNCTION soup_test_counters() RETURNS text AS '$libdir/soup_test' LANGUAGE C STRICT;
CREATE FUNCTION soup_test_scenario() RETURNS void AS '$libdir/soup_test' LANGUAGE C STRICT;
CREATE FUNCTION soup_test_arm(nth_call bigint, nth_allocation bigint) RETURNS void AS '$libdir/soup_test' LANGUAGE C STRICT;
CREATE FUNCTION soup_test_allocate(bytes bigint) RETURNS bigint AS '$libdir/soup_test' LANGUAGE C STRICT;
CREATE FUNCTION soup_test_malloc_bytes() RETURNS bigint AS '$libdir/soup_test' LANGUAGE C STRICT;
CREATE TABLE soup_test_rows(id int PRIMARY KEY, word text);
