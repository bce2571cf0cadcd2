# Goal: an idempotency key is answered for as long as it is kept, also when the server has forgotten how its transaction
# ended.
#
# Method: pg_resetwal takes the counter of transactions a segment of pg_xact further, all is frozen, and the server drops
# the segment of the first append.
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use ProcessingCluster;
use Test::More;

my $cluster = ProcessingCluster->new('rawlog_old_keys', conf => "autovacuum = off\nsoup.max_processors = 0\n");
my $node = $cluster->node;
my $token = $cluster->producer;
my $append = "SELECT first_offset, count FROM soup_api.append('$token', 'm', ARRAY['once'::bytea], idempotency_key => 'key')";
is($cluster->sql($append), '0|1', 'the first answer');

my $segments = $node->data_dir . '/pg_xact';
my $segment_transactions = 32 * 8192 * 4;
$node->stop;
# Such a segment is made when its first transaction begins, which is stepped over here.
append_to_file("$segments/0001", "\0" x (32 * 8192));
command_ok([ 'pg_resetwal', '-x', $segment_transactions + 1000, '-D', $node->data_dir ], 'a million transactions go by');
$node->start;
$node->safe_psql('postgres', 'ALTER DATABASE template0 ALLOW_CONNECTIONS true');
$node->safe_psql($_, 'VACUUM (FREEZE)') for qw(template0 template1 postgres soup);
ok(!-e "$segments/0000", 'the first append\'s segment is gone');
is($cluster->sql($append), '0|1', 'the repetition gets the first answer');
is($cluster->sql("SELECT * FROM soup.verify_raw('o', 'm')"), '', 'verify_raw finds nothing');

$node->stop;
done_testing();
