-- The install script of the test library; the driver writes it for both versions.
CREATE FUNCTION soupvec_version() RETURNS text AS 'MODULE_PATHNAME' LANGUAGE C;
