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

-- Counts straight from the index's pages. Everybody may call them: they demand SELECT on the table, and refuse where
-- row-level security applies to the caller.

CREATE OR REPLACE FUNCTION vtree_count(index regclass, region vbox) RETURNS bigint
    AS 'MODULE_PATHNAME', 'svec_vtree_count_box' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION vtree_count(regclass, vbox) IS 'How many rows of the index lie in the box, as the statement''s snapshot sees them.';

CREATE OR REPLACE FUNCTION vtree_count(index regclass, region vball) RETURNS bigint
    AS 'MODULE_PATHNAME', 'svec_vtree_count_ball' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION vtree_count(regclass, vball) IS 'How many rows of the index lie in the ball, as the statement''s snapshot sees them.';

CREATE OR REPLACE FUNCTION vtree_grid(index regclass, region vbox, cells integer[], OUT cell integer[], OUT count bigint)
    RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'svec_vtree_grid' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 ROWS 1000;
COMMENT ON FUNCTION vtree_grid(regclass, vbox, integer[]) IS
    'Divides the box into cells[j] equal parts along dimension j and counts the rows in each cell that has any; cells are numbered from 1, a border belongs to the cell above it.';
