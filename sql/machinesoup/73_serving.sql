-- Spatial questions: nearest, within_box, within_radius, get_point. All in C++ (extension/serving).
--
-- The first three are value-per-call functions: called in the select list they hand out each row as it is found, so a
-- large answer needs no room in the server. Positions are double precision[] rather than real[]: degrees as real would
-- be a metre off, and a real[] argument casts by itself.

CREATE TYPE soup_api.neighbour AS (key text, distance double precision, "time" timestamptz, attributes jsonb, next_page text);
COMMENT ON TYPE soup_api.neighbour IS 'A row of nearest. next_page is null but in the last row of a page that has a successor.';

CREATE TYPE soup_api.place AS (key text, "position" double precision[], "time" timestamptz, attributes jsonb, next_page text);
COMMENT ON TYPE soup_api.place IS 'A row of within_box. next_page is null but in the last row of a page that has a successor.';

CREATE TYPE soup_api.distant_place AS (key text, "position" double precision[], distance double precision, "time" timestamptz,
                                       attributes jsonb, next_page text);
COMMENT ON TYPE soup_api.distant_place IS 'A row of within_radius. next_page is null but in the last row of a page that has a successor.';

CREATE TYPE soup_api.point AS (key text, vector real[], "position" double precision[], "time" timestamptz, attributes jsonb, source jsonb);
COMMENT ON TYPE soup_api.point IS 'The answer of get_point; source is the partition and offset of the record that completed the point.';

CREATE FUNCTION soup_api.nearest(token text, model text, query real[] DEFAULT NULL, "like" text DEFAULT NULL, k integer DEFAULT 10,
                                 label text DEFAULT NULL, filter jsonb DEFAULT NULL, page_size integer DEFAULT 100, page text DEFAULT NULL)
    RETURNS SETOF soup_api.neighbour
    LANGUAGE c STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp ROWS 100 AS 'MODULE_PATHNAME', 'soup_api_nearest';
COMMENT ON FUNCTION soup_api.nearest IS
    'The k points nearest to a query vector, or to the point whose key is given as like: by distance, then key. k counts all pages together.';

CREATE FUNCTION soup_api.within_box(token text, model text, lo double precision[], hi double precision[], label text DEFAULT NULL,
                                    filter jsonb DEFAULT NULL, page_size integer DEFAULT 100, page text DEFAULT NULL)
    RETURNS SETOF soup_api.place
    LANGUAGE c STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp ROWS 100 AS 'MODULE_PATHNAME', 'soup_api_within_box';
COMMENT ON FUNCTION soup_api.within_box IS
    'The points whose position lies in a box, borders included. Of latlon versions: [latitude, longitude] in degrees; lo''s longitude above hi''s means across 180 degrees.';

CREATE FUNCTION soup_api.within_radius(token text, model text, center double precision[], radius double precision, label text DEFAULT NULL,
                                       filter jsonb DEFAULT NULL, page_size integer DEFAULT 100, page text DEFAULT NULL)
    RETURNS SETOF soup_api.distant_place
    LANGUAGE c STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp ROWS 100 AS 'MODULE_PATHNAME', 'soup_api_within_radius';
COMMENT ON FUNCTION soup_api.within_radius IS
    'The points whose position is at most radius away from center, nearest first. Of latlon versions: chord metres, exact to about 0.5 m.';

CREATE FUNCTION soup_api.get_point(token text, model text, key text, label text DEFAULT NULL) RETURNS soup_api.point
    LANGUAGE c STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'soup_api_get_point';
COMMENT ON FUNCTION soup_api.get_point IS 'One point by its key, with vector, position, attributes and the address of the record that completed it.';

INSERT INTO soup.api_function (name, exposure, kinds, paged) VALUES
    ('nearest', 'public', '{consumer,data_scientist,org_admin}', true),
    ('within_box', 'public', '{consumer,data_scientist,org_admin}', true),
    ('within_radius', 'public', '{consumer,data_scientist,org_admin}', true),
    ('get_point', 'public', '{consumer,data_scientist,org_admin}', false);
