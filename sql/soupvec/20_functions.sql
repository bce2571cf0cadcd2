-- Functions for everybody: distances, norms, parts of vectors, bit strings. Names and meanings are pgvector's.
--
-- Costs stay at 1, as in pgvector: a distance at 128 dimensions takes some 20 ns, which is what a comparison of
-- numerics takes, and where vectors are long the time goes into fetching them, which the planner counts for no type.

CREATE OR REPLACE FUNCTION l2_distance(vector, vector) RETURNS double precision
    AS 'MODULE_PATHNAME', 'svec_l2_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION l2_distance(vector, vector) IS 'Euclidean distance.';

CREATE OR REPLACE FUNCTION inner_product(vector, vector) RETURNS double precision
    AS 'MODULE_PATHNAME', 'svec_inner_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION inner_product(vector, vector) IS 'Inner product.';

CREATE OR REPLACE FUNCTION cosine_distance(vector, vector) RETURNS double precision
    AS 'MODULE_PATHNAME', 'svec_cosine_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cosine_distance(vector, vector) IS '1 - cosine of the angle; NaN if a vector is zero.';

CREATE OR REPLACE FUNCTION l1_distance(vector, vector) RETURNS double precision
    AS 'MODULE_PATHNAME', 'svec_l1_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION l1_distance(vector, vector) IS 'Taxicab distance.';

CREATE OR REPLACE FUNCTION vector_l2_squared_distance(vector, vector) RETURNS double precision
    AS 'MODULE_PATHNAME', 'svec_l2_squared_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_l2_squared_distance(vector, vector) IS 'Square of the Euclidean distance.';

CREATE OR REPLACE FUNCTION vector_negative_inner_product(vector, vector) RETURNS double precision
    AS 'MODULE_PATHNAME', 'svec_negative_inner_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_negative_inner_product(vector, vector) IS 'Inner product times -1, so that nearest comes first.';

CREATE OR REPLACE FUNCTION vector_spherical_distance(vector, vector) RETURNS double precision
    AS 'MODULE_PATHNAME', 'svec_spherical_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_spherical_distance(vector, vector) IS 'Angle between unit vectors, as a fraction of half a turn.';

CREATE OR REPLACE FUNCTION vector_dims(vector) RETURNS integer
    AS 'MODULE_PATHNAME', 'svec_dims' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_dims(vector) IS 'Number of dimensions.';

CREATE OR REPLACE FUNCTION vector_norm(vector) RETURNS double precision
    AS 'MODULE_PATHNAME', 'svec_norm' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_norm(vector) IS 'Euclidean norm.';

CREATE OR REPLACE FUNCTION l2_normalize(vector) RETURNS vector
    AS 'MODULE_PATHNAME', 'svec_normalize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION l2_normalize(vector) IS 'The vector divided by its Euclidean norm; a zero vector stays as it is.';

CREATE OR REPLACE FUNCTION subvector(vector, integer, integer) RETURNS vector
    AS 'MODULE_PATHNAME', 'svec_subvector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION subvector(vector, integer, integer) IS 'Part of a vector: from the n-th element (counted from 1), so many elements.';

CREATE OR REPLACE FUNCTION binary_quantize(vector) RETURNS bit
    AS 'MODULE_PATHNAME', 'svec_binary_quantize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION binary_quantize(vector) IS 'One bit per element: 1 where it is greater than 0.';

CREATE OR REPLACE FUNCTION hamming_distance(bit, bit) RETURNS double precision
    AS 'MODULE_PATHNAME', 'svec_hamming_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hamming_distance(bit, bit) IS 'Number of bits that differ.';

CREATE OR REPLACE FUNCTION jaccard_distance(bit, bit) RETURNS double precision
    AS 'MODULE_PATHNAME', 'svec_jaccard_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jaccard_distance(bit, bit) IS '1 - bits set in both / bits set in either; 1 if none is set in both.';

CREATE OR REPLACE FUNCTION soupvec_isa() RETURNS text
    AS 'MODULE_PATHNAME', 'svec_isa' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION soupvec_isa() IS 'The instruction set whose kernels this session uses; the setting soupvec.isa forces one.';
