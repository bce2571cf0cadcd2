-- The type vector and what the server calls to read and write it.
--
-- Storage is external: floats hardly compress, so the server shall not try, and an out-of-line value can be
-- read without unpacking. Same text, binary and on-disk form as pgvector's type of this name.

CREATE TYPE vector;

CREATE OR REPLACE FUNCTION vector_in(cstring, oid, integer) RETURNS vector
    AS 'MODULE_PATHNAME', 'svec_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_in(cstring, oid, integer) IS 'Reads the text form of a vector, [1,2,3].';

CREATE OR REPLACE FUNCTION vector_out(vector) RETURNS cstring
    AS 'MODULE_PATHNAME', 'svec_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_out(vector) IS 'Writes the text form of a vector.';

CREATE OR REPLACE FUNCTION vector_typmod_in(cstring[]) RETURNS integer
    AS 'MODULE_PATHNAME', 'svec_typmod_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_typmod_in(cstring[]) IS 'Reads the dimension in vector(n).';

CREATE OR REPLACE FUNCTION vector_recv(internal, oid, integer) RETURNS vector
    AS 'MODULE_PATHNAME', 'svec_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_recv(internal, oid, integer) IS 'Reads the binary form of a vector: int16 dimension, int16 zero, float4 elements.';

CREATE OR REPLACE FUNCTION vector_send(vector) RETURNS bytea
    AS 'MODULE_PATHNAME', 'svec_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_send(vector) IS 'Writes the binary form of a vector.';

CREATE TYPE vector (
    INPUT = vector_in,
    OUTPUT = vector_out,
    TYPMOD_IN = vector_typmod_in,
    RECEIVE = vector_recv,
    SEND = vector_send,
    STORAGE = external
);
COMMENT ON TYPE vector IS 'Vector of 1 to 16000 float4 elements; vector(n) allows n elements only.';
