-- The access method vtree: exact boxes, balls and nearest neighbours of vectors of up to 16 dimensions.

CREATE OR REPLACE FUNCTION vtree_handler(internal) RETURNS index_am_handler
    AS 'MODULE_PATHNAME', 'svec_vtree_handler' LANGUAGE C;
COMMENT ON FUNCTION vtree_handler(internal) IS 'Handler of the access method vtree.';

CREATE ACCESS METHOD vtree TYPE INDEX HANDLER vtree_handler;
COMMENT ON ACCESS METHOD vtree IS 'Exact boxes, balls and nearest neighbours of vectors of up to 16 dimensions.';

CREATE OPERATOR CLASS vtree_ops DEFAULT FOR TYPE vector USING vtree AS
    OPERATOR 1 <@ (vector, vbox),
    OPERATOR 2 <@ (vector, vball),
    OPERATOR 3 <-> (vector, vector) FOR ORDER BY float_ops;
COMMENT ON OPERATOR CLASS vtree_ops USING vtree IS 'In a box, in a ball, order by Euclidean distance.';
