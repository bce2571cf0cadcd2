# Goal: whatever moment the server dies at, a vann index has every committed row, each once, and no damage; what a crash
# leaves unlinked is found by vacuum.
#
# Method: writers insert, update and delete, others vacuum and scan. After a random number of rows the server is stopped
# at once (immediate shutdown) or its postmaster killed with SIGKILL, and started again: soupvec_verify finds nothing, and
# a scan that goes through the whole index finds each row that the table has. Splits, page deletions and reuse happen all
# the time: the test looks that they did.
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use Test::More;
use TreeCluster;

TreeCluster::seed();
my $rounds = $ENV{SOUP_KILLS} // 4;

my $cluster = TreeCluster->new('vann_crash', index => 'vann (at, tag)');
my $node = $cluster->node;
for my $round (1 .. $rounds) {
	$cluster->begin_load;
	$cluster->await_rows(2000 + int(rand(4000)));
	if ($round % 2) {
		$node->stop('immediate');
		$node->start;
	}
	else {
		$cluster->kill9;
	}
	$cluster->end_load;
	$cluster->check("crash $round");
}

# A session that is killed makes the others start anew, too.
$cluster->begin_load;
$cluster->await_rows(1500);
my $victim = $node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE query LIKE 'INSERT%' LIMIT 1});
kill 'KILL', $victim if $victim;
$cluster->end_load;
$node->poll_query_until('postgres', 'SELECT true') or die 'the server does not come back';
$cluster->check('a killed session');

$node->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP on) point');
$node->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP on) point');
$cluster->check('after vacuum', unlinked => 1);

# Everything goes, pages are freed; what comes then, half as much, takes them again.
sub freed_pages {
	$node->safe_psql('postgres', 'CHECKPOINT');
	open my $file, '<:raw', $node->data_dir . '/' . $node->safe_psql('postgres', q{SELECT pg_relation_filepath('point_at')}) or die "$!";
	my $freed = 0;
	while (read $file, my $page, 8192) { ++$freed if unpack('S', substr $page, 8184, 2) == 6 }
	return $freed;
}
my $half = int($node->safe_psql('postgres', 'SELECT count(*) FROM point') / 2);
$node->safe_psql('postgres', 'DELETE FROM point');
$node->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP on) point') for 1 .. 2;
$cluster->check('empty', unlinked => 1);
my $freed = freed_pages();
$node->safe_psql('postgres', "INSERT INTO point (tag, at) SELECT i % 100, near(i) FROM generate_series(1, $half / 10) i") for 1 .. 10;
$cluster->check('filled again', unlinked => 1);
# Without reuse there would be more of them than before: splits free pages, too.
cmp_ok(freed_pages(), '<', 0.9 * $freed, "freed pages are reused for $half rows");

# A page whose content is noise is refused with a clear error, and verify finds it. Any page in use will do, but no chain:
# its noise may happen to be a list of addresses.
my $path = $node->data_dir . '/' . $node->safe_psql('postgres', q{SELECT pg_relation_filepath('point_at')});
$node->stop;
open my $file, '+<', $path or die "$path: $!";
binmode $file;
my ($block, $kind) = (0, 0);
while ($kind < 2 || $kind > 4) {
	$block = 1 + int(rand((-s $path) / 8192 - 1));
	seek $file, $block * 8192 + 8184, 0;
	read $file, my $bytes, 2;
	$kind = unpack 'S', $bytes;
}
seek $file, $block * 8192 + 24, 0;
print $file join '', map { chr(int(rand(256))) } 1 .. 8136;
close $file;
$node->start;
my ($status, $out, $err) = $node->psql('postgres', q{SELECT count(*) > 0 FROM soupvec_verify('point_at', true)});
is($out, 't', "verify finds block $block of kind $kind");
($status, $out, $err) = $node->psql('postgres', q{SET enable_seqscan = off; SELECT count(*) FROM (SELECT id FROM point ORDER BY at <-> (SELECT near(1))) s});
ok($status == 0 || $err =~ /index page is damaged|invalid page/, 'a scan ends with a clear error') or diag($err);
$node->safe_psql('postgres', 'REINDEX INDEX point_at');
$cluster->check('rebuilt', unlinked => 1);

# An index of a newer format is refused before anything else of it is read, and REINDEX makes it one of ours.
$path = $node->data_dir . '/' . $node->safe_psql('postgres', q{SELECT pg_relation_filepath('point_at')});
$node->stop;
open $file, '+<', $path or die "$path: $!";
seek $file, 28, 0;
print $file pack 'V', 2;
close $file;
$node->start;
for my $statement ('SELECT id FROM point ORDER BY at <-> (SELECT near(1)) LIMIT 1', 'INSERT INTO point (at) VALUES (near(1))', 'VACUUM (INDEX_CLEANUP on) point') {
	($status, $out, $err) = $node->psql('postgres', $statement);
	like($err, qr/index "point_at" has an incompatible format.*Rebuild the index with REINDEX/s, "another format: $statement");
}
$node->safe_psql('postgres', 'REINDEX INDEX point_at');
$cluster->check('rebuilt in this format', unlinked => 1);

done_testing();
