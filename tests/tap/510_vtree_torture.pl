# Goal: a vtree index has every committed row, each once, and answers as the table does, whatever moment the server dies
# at; its standby has the same pages, and goes on when it takes over.
#
# Method: TreeTorture's rounds. The questions' regions begin and end at rows, so that rows lie on every border: boxes, flat
# ones and ones of a single point, balls, nearest rows, rows of the index alone, counts.
use strict;
use warnings;
use Test::More;
use TreeTorture;

my $questions = <<'SQL';
WITH place AS MATERIALIZED (
    SELECT a[1] AS a, a[2] AS b, (a[1] <-> a[2]) / (1 + floor(3 * random())) AS reach FROM generate_series(1, rounds) i,
        LATERAL (SELECT array_agg(at) FROM (SELECT at FROM point WHERE id % 50 = (SELECT floor(50 * random()) + 0 * i) LIMIT 2) s) p (a)
    WHERE cardinality(a) = 2),
region AS (
    SELECT a, format('%L::vbox', vbox(a, b)) AS region FROM place
    UNION ALL SELECT a, format('%L::vbox', vbox(a, a)) FROM place
    UNION ALL SELECT a, format('%L::vbox', vbox(a, subvector(b, 1, 1) || subvector(a, 2, vector_dims(a) - 1))) FROM place
    UNION ALL SELECT a, format('%L::vball', vball(a, reach)) FROM place
    UNION ALL SELECT a, format('%L::vball', vball(a, 0)) FROM place)
SELECT question, question FROM region, LATERAL (VALUES
    (format('SELECT count(*) || '' '' || coalesce(sum(id), 0) FROM point WHERE at <@ %s', region)),
    (format('SELECT md5(string_agg(at::text, '' '' ORDER BY at)) FROM point WHERE at <@ %s', region)),
    (format('SELECT string_agg(d::text, '' '') FROM (SELECT at <-> %L AS d FROM point WHERE at <@ %s ORDER BY at <-> %1$L LIMIT 30) s', a, region))) q (question)
UNION ALL SELECT question, question FROM place,
    LATERAL format('SELECT string_agg(d::text, '' '') FROM (SELECT at <-> %L AS d FROM point ORDER BY at <-> %1$L LIMIT 50) s', a) question
UNION ALL SELECT format('SELECT vtree_count(''point_at'', %s)::text', region), format('SELECT count(*)::text FROM point WHERE at <@ %s', region) FROM region
SQL
my $scans = <<'SQL';
    format('SELECT id FROM point ORDER BY at <-> %L', near(1)),
    format('SELECT id FROM point WHERE at <@ %L::vbox', vbox(array_fill(-9, ARRAY[vector_dims(near(1))])::vector, array_fill(99, ARRAY[vector_dims(near(1))])::vector))
SQL

# With 16 dimensions a page holds so few that inner pages split, too.
TreeCluster::seed();
my $seconds = $ENV{TORTURE_SECONDS};
for my $dimensions ($seconds ? (3, 16) : (3, 16)[ rand 2 ]) {
	my $torture = TreeTorture->new("vtree$dimensions", index => 'vtree (at)', dimensions => $dimensions, questions => $questions, scans => $scans);
	$torture->run(($seconds // 0) / 2);
}

done_testing();
