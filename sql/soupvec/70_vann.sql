-- The access method vann: approximate nearest neighbours. Operator classes have pgvector's names.
--
-- A vector's class has one operator, which orders, and says by support function 1 which metric it is. Classes for key
-- columns have btree's operators under btree's numbers; the integers share a family, so that an int8 column takes an
-- int4 constant.

CREATE OR REPLACE FUNCTION vann_handler(internal) RETURNS index_am_handler
    AS 'MODULE_PATHNAME', 'svec_vann_handler' LANGUAGE C;
COMMENT ON FUNCTION vann_handler(internal) IS 'Handler of the access method vann.';

CREATE ACCESS METHOD vann TYPE INDEX HANDLER vann_handler;
COMMENT ON ACCESS METHOD vann IS 'Approximate nearest neighbours of vectors, filtered by further columns.';

CREATE OR REPLACE FUNCTION vann_l2(internal) RETURNS integer
    AS 'MODULE_PATHNAME', 'svec_vann_l2' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION vann_l2(internal) IS 'The Euclidean distance''s number in vann.';

CREATE OR REPLACE FUNCTION vann_inner_product(internal) RETURNS integer
    AS 'MODULE_PATHNAME', 'svec_vann_inner_product' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION vann_inner_product(internal) IS 'The inner product''s number in vann.';

CREATE OR REPLACE FUNCTION vann_cosine(internal) RETURNS integer
    AS 'MODULE_PATHNAME', 'svec_vann_cosine' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION vann_cosine(internal) IS 'The cosine distance''s number in vann.';

CREATE OR REPLACE FUNCTION vann_l1(internal) RETURNS integer
    AS 'MODULE_PATHNAME', 'svec_vann_l1' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION vann_l1(internal) IS 'The taxicab distance''s number in vann.';

CREATE OPERATOR CLASS vector_l2_ops DEFAULT FOR TYPE vector USING vann AS
    OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops,
    FUNCTION 1 vann_l2(internal);
COMMENT ON OPERATOR CLASS vector_l2_ops USING vann IS 'Order by Euclidean distance.';

CREATE OPERATOR CLASS vector_ip_ops FOR TYPE vector USING vann AS
    OPERATOR 1 <#> (vector, vector) FOR ORDER BY float_ops,
    FUNCTION 1 vann_inner_product(internal);
COMMENT ON OPERATOR CLASS vector_ip_ops USING vann IS 'Order by negative inner product.';

CREATE OPERATOR CLASS vector_cosine_ops FOR TYPE vector USING vann AS
    OPERATOR 1 <=> (vector, vector) FOR ORDER BY float_ops,
    FUNCTION 1 vann_cosine(internal);
COMMENT ON OPERATOR CLASS vector_cosine_ops USING vann IS 'Order by cosine distance.';

CREATE OPERATOR CLASS vector_l1_ops FOR TYPE vector USING vann AS
    OPERATOR 1 <+> (vector, vector) FOR ORDER BY float_ops,
    FUNCTION 1 vann_l1(internal);
COMMENT ON OPERATOR CLASS vector_l1_ops USING vann IS 'Order by taxicab distance.';

CREATE OPERATOR FAMILY integer_ops USING vann;
COMMENT ON OPERATOR FAMILY integer_ops USING vann IS 'Integers of all widths.';

CREATE OPERATOR CLASS int2_ops DEFAULT FOR TYPE int2 USING vann FAMILY integer_ops AS
    OPERATOR 1 < (int2, int2),
    OPERATOR 2 <= (int2, int2),
    OPERATOR 3 = (int2, int2),
    OPERATOR 4 >= (int2, int2),
    OPERATOR 5 > (int2, int2);
COMMENT ON OPERATOR CLASS int2_ops USING vann IS 'A key column that filters.';

CREATE OPERATOR CLASS int4_ops DEFAULT FOR TYPE int4 USING vann FAMILY integer_ops AS
    OPERATOR 1 < (int4, int4),
    OPERATOR 2 <= (int4, int4),
    OPERATOR 3 = (int4, int4),
    OPERATOR 4 >= (int4, int4),
    OPERATOR 5 > (int4, int4);
COMMENT ON OPERATOR CLASS int4_ops USING vann IS 'A key column that filters.';

CREATE OPERATOR CLASS int8_ops DEFAULT FOR TYPE int8 USING vann FAMILY integer_ops AS
    OPERATOR 1 < (int8, int8),
    OPERATOR 2 <= (int8, int8),
    OPERATOR 3 = (int8, int8),
    OPERATOR 4 >= (int8, int8),
    OPERATOR 5 > (int8, int8);
COMMENT ON OPERATOR CLASS int8_ops USING vann IS 'A key column that filters.';

ALTER OPERATOR FAMILY integer_ops USING vann ADD
    OPERATOR 1 < (int2, int4), OPERATOR 2 <= (int2, int4), OPERATOR 3 = (int2, int4), OPERATOR 4 >= (int2, int4), OPERATOR 5 > (int2, int4),
    OPERATOR 1 < (int2, int8), OPERATOR 2 <= (int2, int8), OPERATOR 3 = (int2, int8), OPERATOR 4 >= (int2, int8), OPERATOR 5 > (int2, int8),
    OPERATOR 1 < (int4, int2), OPERATOR 2 <= (int4, int2), OPERATOR 3 = (int4, int2), OPERATOR 4 >= (int4, int2), OPERATOR 5 > (int4, int2),
    OPERATOR 1 < (int4, int8), OPERATOR 2 <= (int4, int8), OPERATOR 3 = (int4, int8), OPERATOR 4 >= (int4, int8), OPERATOR 5 > (int4, int8),
    OPERATOR 1 < (int8, int2), OPERATOR 2 <= (int8, int2), OPERATOR 3 = (int8, int2), OPERATOR 4 >= (int8, int2), OPERATOR 5 > (int8, int2),
    OPERATOR 1 < (int8, int4), OPERATOR 2 <= (int8, int4), OPERATOR 3 = (int8, int4), OPERATOR 4 >= (int8, int4), OPERATOR 5 > (int8, int4);

CREATE OPERATOR CLASS bool_ops DEFAULT FOR TYPE bool USING vann AS
    OPERATOR 1 < (bool, bool),
    OPERATOR 2 <= (bool, bool),
    OPERATOR 3 = (bool, bool),
    OPERATOR 4 >= (bool, bool),
    OPERATOR 5 > (bool, bool);
COMMENT ON OPERATOR CLASS bool_ops USING vann IS 'A key column that filters.';
COMMENT ON OPERATOR FAMILY bool_ops USING vann IS 'Made with the operator class of this name.';

CREATE OPERATOR CLASS date_ops DEFAULT FOR TYPE date USING vann AS
    OPERATOR 1 < (date, date),
    OPERATOR 2 <= (date, date),
    OPERATOR 3 = (date, date),
    OPERATOR 4 >= (date, date),
    OPERATOR 5 > (date, date);
COMMENT ON OPERATOR CLASS date_ops USING vann IS 'A key column that filters.';
COMMENT ON OPERATOR FAMILY date_ops USING vann IS 'Made with the operator class of this name.';

CREATE OPERATOR CLASS timestamp_ops DEFAULT FOR TYPE timestamp USING vann AS
    OPERATOR 1 < (timestamp, timestamp),
    OPERATOR 2 <= (timestamp, timestamp),
    OPERATOR 3 = (timestamp, timestamp),
    OPERATOR 4 >= (timestamp, timestamp),
    OPERATOR 5 > (timestamp, timestamp);
COMMENT ON OPERATOR CLASS timestamp_ops USING vann IS 'A key column that filters.';
COMMENT ON OPERATOR FAMILY timestamp_ops USING vann IS 'Made with the operator class of this name.';

CREATE OPERATOR CLASS timestamptz_ops DEFAULT FOR TYPE timestamptz USING vann AS
    OPERATOR 1 < (timestamptz, timestamptz),
    OPERATOR 2 <= (timestamptz, timestamptz),
    OPERATOR 3 = (timestamptz, timestamptz),
    OPERATOR 4 >= (timestamptz, timestamptz),
    OPERATOR 5 > (timestamptz, timestamptz);
COMMENT ON OPERATOR CLASS timestamptz_ops USING vann IS 'A key column that filters.';
COMMENT ON OPERATOR FAMILY timestamptz_ops USING vann IS 'Made with the operator class of this name.';

CREATE OPERATOR CLASS uuid_ops DEFAULT FOR TYPE uuid USING vann AS
    OPERATOR 1 < (uuid, uuid),
    OPERATOR 2 <= (uuid, uuid),
    OPERATOR 3 = (uuid, uuid),
    OPERATOR 4 >= (uuid, uuid),
    OPERATOR 5 > (uuid, uuid);
COMMENT ON OPERATOR CLASS uuid_ops USING vann IS 'A key column that filters.';
COMMENT ON OPERATOR FAMILY uuid_ops USING vann IS 'Made with the operator class of this name.';

CREATE OPERATOR CLASS text_ops DEFAULT FOR TYPE text USING vann AS
    OPERATOR 3 = (text, text);
COMMENT ON OPERATOR CLASS text_ops USING vann IS 'A key column that filters by equality: kept as a hash, looked at again in the row.';
COMMENT ON OPERATOR FAMILY text_ops USING vann IS 'Made with the operator class of this name.';
COMMENT ON OPERATOR FAMILY vector_l2_ops USING vann IS 'Made with the operator class of this name.';
COMMENT ON OPERATOR FAMILY vector_ip_ops USING vann IS 'Made with the operator class of this name.';
COMMENT ON OPERATOR FAMILY vector_cosine_ops USING vann IS 'Made with the operator class of this name.';
COMMENT ON OPERATOR FAMILY vector_l1_ops USING vann IS 'Made with the operator class of this name.';

CREATE OR REPLACE FUNCTION vann_calibration(index regclass, OUT recall real, OUT probes integer, OUT beam integer,
    OUT rerank integer, OUT measured_recall real) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'svec_vann_calibration' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION vann_calibration(regclass) IS 'What a vann index does to reach each recall, as it measured last: leaves (probes) and inner pages (beam) that a query reads on average, rows that it ranks by their details.';

CREATE OR REPLACE FUNCTION vann_calibrate(index regclass, OUT recall real, OUT probes integer, OUT beam integer,
    OUT rerank integer, OUT measured_recall real) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'svec_vann_calibrate' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION vann_calibrate(regclass) IS 'Measures now what a vann index has to search with to reach each recall, stores and returns it. For the index''s owner.';
