-- Goal: what goes out by COPY, text or binary, comes back the same, and the binary form is pgvector's byte for byte.
CREATE TABLE source (id integer, val vector);
INSERT INTO source VALUES (1, '[0,0,0]'), (2, '[1,2,3]'), (3, '[1.5,-1e-45,3.4028235e38]'), (4, NULL), (5, '[-0]');
INSERT INTO source SELECT n, soupvec_test.whole(n, 1) FROM generate_series(100, 800, 50) n;
INSERT INTO source VALUES (16000, array_fill(0.1, ARRAY[16000])::vector);
CREATE TABLE copied (LIKE source);
SELECT current_setting('data_directory') || '/soupvec_copy' AS file \gset
COPY source TO :'file' WITH (FORMAT binary);
COPY copied FROM :'file' WITH (FORMAT binary);
SELECT count(*), count(*) FILTER (WHERE s.val::text IS DISTINCT FROM c.val::text) AS changed FROM source s JOIN copied c USING (id);
TRUNCATE copied;
COPY source TO :'file';
COPY copied FROM :'file';
SELECT count(*), count(*) FILTER (WHERE s.val::text IS DISTINCT FROM c.val::text) AS changed FROM source s JOIN copied c USING (id);
SELECT vector_send('[1,-2,0.5]'), length(vector_send(val)) FROM source WHERE id = 16000;
DROP TABLE source, copied;
