# Goal: a vann scan fetches its rows' pages by itself, ahead of the executor, and leaves undone nothing that the
# server's own way does: pages are pruned, and buffers in use are counted as used.
#
# Method: pageinspect shows line pointers before and after a scan, pg_buffercache the counts of a server that has just
# been started.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('vann_heap');
$node->init;
$node->append_conf('postgresql.conf', <<'CONF');
autovacuum = off
jit = off
CONF
$node->start;

sub sql { return $node->safe_psql('postgres', join("\n", @_)); }

sql(<<'SQL');
CREATE EXTENSION soupvec;
CREATE EXTENSION pageinspect;
CREATE EXTENSION pg_buffercache;
CREATE TABLE point (id integer, changed integer, at vector(4)) WITH (fillfactor = 40);
INSERT INTO point SELECT i, 0, ARRAY[i, i % 7, i % 11, i % 13]::vector FROM generate_series(1, 500) i;
CREATE INDEX point_at ON point USING vann (at vector_l2_ops);
UPDATE point SET changed = 1;
SQL

my $order    = "SET enable_seqscan = off; SELECT id FROM point ORDER BY at <-> '[100,1,1,1]'";
my $redirect = "SELECT count(*) FROM generate_series(0, pg_relation_size('point') / 8192 - 1) page, heap_page_items(get_raw_page('point', page::integer)) WHERE lp_flags = 2";
like(sql("SET enable_seqscan = off; EXPLAIN SELECT id FROM point ORDER BY at <-> '[100,1,1,1]'"), qr/Index Scan using point_at/, 'the index gives the order');
is(sql($redirect), 0, 'no page was pruned');
is(scalar(split /\n/, sql($order)), 500, 'every row comes');
cmp_ok(sql($redirect), '>', 0, 'pages that a scan fetches from are pruned');
is(scalar(split /\n/, sql($order)), 500, 'every row comes once more');
is(sql("SELECT * FROM soupvec_verify('point_at')"), '', 'nothing for verify to find');

# Buffers that a session finds again by itself.
$node->restart;
sql((("$order LIMIT 10;") x 8));
my $counts = sql(<<'SQL');
SELECT relfilenode = pg_relation_filenode('point_at'), max(usagecount) FROM pg_buffercache
WHERE reldatabase = (SELECT oid FROM pg_database WHERE datname = 'postgres') AND relforknumber = 0
  AND relfilenode IN (pg_relation_filenode('point'), pg_relation_filenode('point_at')) GROUP BY 1 ORDER BY 1
SQL
is($counts, "f|5\nt|5", 'pages of table and index in use are counted as used');

done_testing();
