-- The install script of the test library; the driver writes it for both versions.
CREATE FUNCTION soup_version() RETURNS text AS 'MODULE_PATHNAME' LANGUAGE C;
CREATE FUNCTION soup_depth() RETURNS int AS 'MODULE_PATHNAME' LANGUAGE C;
CREATE FUNCTION soup_wake() RETURNS void AS 'MODULE_PATHNAME' LANGUAGE C;
CREATE FUNCTION soup_start_worker(argument int) RETURNS bool AS 'MODULE_PATHNAME' LANGUAGE C;
CREATE FUNCTION soup_shared() RETURNS bool AS 'MODULE_PATHNAME' LANGUAGE C;
