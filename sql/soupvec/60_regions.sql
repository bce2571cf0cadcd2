-- Boxes and balls, for spatial predicates on vectors.
--
-- The operators are LEAKPROOF and total (different dimensions are never inside), so that an index serves them under
-- row-level security too. Selectivity comes from the sample of vectors that ANALYZE keeps.

CREATE TYPE vbox;

CREATE OR REPLACE FUNCTION vbox_in(cstring) RETURNS vbox
    AS 'MODULE_PATHNAME', 'svec_vbox_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vbox_in(cstring) IS 'Reads the text form of a box: [0,0],[1,2], two opposite corners.';

CREATE OR REPLACE FUNCTION vbox_out(vbox) RETURNS cstring
    AS 'MODULE_PATHNAME', 'svec_vbox_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vbox_out(vbox) IS 'Writes the text form of a box, the lower corner first.';

CREATE OR REPLACE FUNCTION vbox_recv(internal) RETURNS vbox
    AS 'MODULE_PATHNAME', 'svec_vbox_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vbox_recv(internal) IS 'Reads the binary form of a box: int16 dimension, int16 zero, float4 elements of both corners.';

CREATE OR REPLACE FUNCTION vbox_send(vbox) RETURNS bytea
    AS 'MODULE_PATHNAME', 'svec_vbox_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vbox_send(vbox) IS 'Writes the binary form of a box.';

CREATE TYPE vbox (
    INPUT = vbox_in,
    OUTPUT = vbox_out,
    RECEIVE = vbox_recv,
    SEND = vbox_send,
    STORAGE = extended
);
COMMENT ON TYPE vbox IS 'Box between two opposite corners, borders included.';

CREATE TYPE vball;

CREATE OR REPLACE FUNCTION vball_in(cstring) RETURNS vball
    AS 'MODULE_PATHNAME', 'svec_vball_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vball_in(cstring) IS 'Reads the text form of a ball: <[0,0],2.5>, centre and radius.';

CREATE OR REPLACE FUNCTION vball_out(vball) RETURNS cstring
    AS 'MODULE_PATHNAME', 'svec_vball_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vball_out(vball) IS 'Writes the text form of a ball.';

CREATE OR REPLACE FUNCTION vball_recv(internal) RETURNS vball
    AS 'MODULE_PATHNAME', 'svec_vball_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vball_recv(internal) IS 'Reads the binary form of a ball: int16 dimension, int16 zero, float8 radius, float4 elements of the centre.';

CREATE OR REPLACE FUNCTION vball_send(vball) RETURNS bytea
    AS 'MODULE_PATHNAME', 'svec_vball_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vball_send(vball) IS 'Writes the binary form of a ball.';

CREATE TYPE vball (
    INPUT = vball_in,
    OUTPUT = vball_out,
    RECEIVE = vball_recv,
    SEND = vball_send,
    STORAGE = extended
);
COMMENT ON TYPE vball IS 'Ball around a centre, border included.';

CREATE OR REPLACE FUNCTION vbox(vector, vector) RETURNS vbox
    AS 'MODULE_PATHNAME', 'svec_vbox' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vbox(vector, vector) IS 'The box between two opposite corners.';

CREATE OR REPLACE FUNCTION vbox_lower(vbox) RETURNS vector
    AS 'MODULE_PATHNAME', 'svec_vbox_lower' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vbox_lower(vbox) IS 'The corner with the least coordinates.';

CREATE OR REPLACE FUNCTION vbox_upper(vbox) RETURNS vector
    AS 'MODULE_PATHNAME', 'svec_vbox_upper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vbox_upper(vbox) IS 'The corner with the greatest coordinates.';

CREATE OR REPLACE FUNCTION vball(vector, double precision) RETURNS vball
    AS 'MODULE_PATHNAME', 'svec_vball' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vball(vector, double precision) IS 'The ball around a centre with a radius.';

CREATE OR REPLACE FUNCTION vball_centre(vball) RETURNS vector
    AS 'MODULE_PATHNAME', 'svec_vball_centre' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vball_centre(vball) IS 'The centre.';

CREATE OR REPLACE FUNCTION vball_radius(vball) RETURNS double precision
    AS 'MODULE_PATHNAME', 'svec_vball_radius' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vball_radius(vball) IS 'The radius.';

CREATE OR REPLACE FUNCTION vector_in_vbox(vector, vbox) RETURNS boolean
    AS 'MODULE_PATHNAME', 'svec_in_vbox' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION vector_in_vbox(vector, vbox) IS 'Implementation of the operator <@.';

CREATE OR REPLACE FUNCTION vbox_contains(vbox, vector) RETURNS boolean
    AS 'MODULE_PATHNAME', 'svec_vbox_contains' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION vbox_contains(vbox, vector) IS 'Implementation of the operator @>.';

CREATE OR REPLACE FUNCTION vector_in_vball(vector, vball) RETURNS boolean
    AS 'MODULE_PATHNAME', 'svec_in_vball' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION vector_in_vball(vector, vball) IS 'Implementation of the operator <@.';

CREATE OR REPLACE FUNCTION vball_contains(vball, vector) RETURNS boolean
    AS 'MODULE_PATHNAME', 'svec_vball_contains' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION vball_contains(vball, vector) IS 'Implementation of the operator @>.';

CREATE OR REPLACE FUNCTION vbox_overlaps(vbox, vbox) RETURNS boolean
    AS 'MODULE_PATHNAME', 'svec_vbox_overlaps' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION vbox_overlaps(vbox, vbox) IS 'Implementation of the operator &&.';

CREATE OR REPLACE FUNCTION vector_region_selectivity(internal, oid, internal, integer) RETURNS double precision
    AS 'MODULE_PATHNAME', 'svec_region_selectivity' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_region_selectivity(internal, oid, internal, integer) IS 'The planner''s estimate of the share of vectors in a region.';

CREATE OR REPLACE FUNCTION vector_region_join_selectivity(internal, oid, internal, smallint, internal) RETURNS double precision
    AS 'MODULE_PATHNAME', 'svec_region_join_selectivity' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_region_join_selectivity(internal, oid, internal, smallint, internal) IS 'The planner''s estimate of the share of pairs of a vector and a region that contains it.';

CREATE OPERATOR <@ (
    LEFTARG = vector, RIGHTARG = vbox, FUNCTION = vector_in_vbox,
    COMMUTATOR = @>, RESTRICT = vector_region_selectivity, JOIN = vector_region_join_selectivity
);
COMMENT ON OPERATOR <@ (vector, vbox) IS 'Lies in the box, or on its border.';

CREATE OPERATOR @> (
    LEFTARG = vbox, RIGHTARG = vector, FUNCTION = vbox_contains,
    COMMUTATOR = <@, RESTRICT = vector_region_selectivity, JOIN = vector_region_join_selectivity
);
COMMENT ON OPERATOR @> (vbox, vector) IS 'Contains the point.';

CREATE OPERATOR <@ (
    LEFTARG = vector, RIGHTARG = vball, FUNCTION = vector_in_vball,
    COMMUTATOR = @>, RESTRICT = vector_region_selectivity, JOIN = vector_region_join_selectivity
);
COMMENT ON OPERATOR <@ (vector, vball) IS 'Lies in the ball, or on its border.';

CREATE OPERATOR @> (
    LEFTARG = vball, RIGHTARG = vector, FUNCTION = vball_contains,
    COMMUTATOR = <@, RESTRICT = vector_region_selectivity, JOIN = vector_region_join_selectivity
);
COMMENT ON OPERATOR @> (vball, vector) IS 'Contains the point.';

CREATE OPERATOR && (
    LEFTARG = vbox, RIGHTARG = vbox, FUNCTION = vbox_overlaps,
    COMMUTATOR = &&, RESTRICT = areasel, JOIN = areajoinsel
);
COMMENT ON OPERATOR && (vbox, vbox) IS 'Share at least a point.';
