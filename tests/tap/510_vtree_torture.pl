# Goal: a vtree index has every committed row, each once, and answers as the table does, whatever moment the server dies
# at; its standby has the same pages, and goes on when it is promoted.
#
# Method: writers insert, update and delete, others vacuum and scan, while the server is stopped at once or killed.
# wal_consistency_checking compares every page that the standby replays. After each round, on both: soupvec_verify finds
# nothing, the whole index has each row once, and random boxes, balls, nearest rows and counts equal the table's.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TreeCluster;

TreeCluster::seed();
my $rounds = $ENV{SOUP_KILLS} // 4;
my $cluster = TreeCluster->new('vtree_primary', index => 'vtree (at)', dimensions => 3, conf => "wal_consistency_checking = 'generic'\nwal_keep_size = 4GB\n");
my $primary = $cluster->node;
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('vtree_standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

# What questions get, by the index or by the table alone.
sub answers {
	my ($node, $by_index, @questions) = @_;
	my $on = $by_index ? 'on' : 'off';
	my $off = $by_index ? 'off' : 'on';
	return $node->safe_psql('postgres', join "\n",
		"SET enable_seqscan = $off; SET enable_indexscan = $on; SET enable_indexonlyscan = $on; SET enable_bitmapscan = $on;", @questions);
}

sub check {
	my ($node, $when, %options) = @_;
	$cluster->check($when, node => $node, %options);
	my (@questions, @counts);
	for my $place (split /\n/, $node->safe_psql('postgres', 'SELECT at FROM point ORDER BY random() LIMIT 8')) {
		my $reach = rand(4);
		push @questions, "SELECT count(*), sum(id) FROM point WHERE at <@ vbox('$place'::vector, '$place'::vector + '[$reach,$reach,$reach]');",
		  "SELECT count(*), sum(id) FROM point WHERE at <@ vball('$place', $reach);",
		  "SELECT string_agg(d::text, ' ') FROM (SELECT at <-> '$place' AS d FROM point ORDER BY at <-> '$place' LIMIT 30) s;";
		push @counts, "SELECT vtree_count('point_at', vball('$place', $reach)) - (SELECT count(*) FROM point WHERE at <@ vball('$place', $reach));";
	}
	is(answers($node, 1, @questions), answers($node, 0, @questions), "$when: boxes, balls and neighbours are the table's");
	is(answers($node, 0, @counts), join("\n", (0) x @counts), "$when: counts are the table's");
	return;
}

for my $round (1 .. $rounds) {
	$cluster->begin_load;
	$cluster->await_rows(4000 + int(rand(6000)));
	if ($round % 2) {
		$primary->stop('immediate');
		$primary->start;
	}
	else {
		$cluster->kill9;
	}
	$cluster->end_load;
	check($primary, "crash $round");
	$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
	check($standby, "standby after crash $round");
}

# Whole leaves go, are freed, and used again; the index is built anew beside writers.
$primary->safe_psql('postgres', 'DELETE FROM point WHERE id % 10 > 0 OR at <@ vball(near(3), 4)');
$primary->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP on) point') for 1 .. 2;
check($primary, 'vacuumed', unlinked => 1);
$cluster->begin_load(writers => 2);
$cluster->await_rows(1000);
$primary->safe_psql('postgres', 'REINDEX INDEX CONCURRENTLY point_at');
$cluster->await_rows(1000);
$cluster->end_load;
check($primary, 'rebuilt at work');
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
check($standby, 'standby, rebuilt');

# The primary dies at work; the standby takes over.
$cluster->begin_load(writers => 2);
$cluster->await_rows(2000);
$primary->stop('immediate');
$cluster->end_load;
$standby->promote;
$standby->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()') or die 'no promotion';
check($standby, 'promoted');
$standby->safe_psql('postgres', 'INSERT INTO point (tag, at) SELECT i % 100, near(i) FROM generate_series(1, 5000) i');
$standby->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP on) point') for 1 .. 2;
check($standby, 'promoted and written to', unlinked => 1);
unlike(slurp_file($standby->logfile), qr/inconsistent page/, 'no page differed from the primary');

done_testing();
