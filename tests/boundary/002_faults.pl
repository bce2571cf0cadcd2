# Goal: whichever step fails, the error is clear and nothing is left behind. Method: the n-th call() raises, or the
# n-th allocation fails, for n = 1, 2, … until the scenario passes untouched; after each fault the session is looked at.
# Memory is measured over 10,000 errors.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('faults');
$node->init;
$node->append_conf('postgresql.conf', "max_connections = 10\nfsync = off\n");
$node->start;
$node->safe_psql('postgres', slurp_file("$ENV{TESTDIR}/tests/boundary/module/soup_test.sql"));

# All steps in one session: what an earlier fault broke would show in a later one.
sub drive {
	my ($name, $arguments, $expected, $least) = @_;
	my ($out, $err) = ('', '');
	my $script = "\\set VERBOSITY sqlstate\n";
	for my $n (1 .. 80) {
		my $armed = sprintf $arguments, $n;
		$script .= "BEGIN; SELECT soup_test_arm($armed); SELECT soup_test_scenario(); ROLLBACK;\n"
		  . "SELECT soup_test_arm(0, 0);\n"
		  . "SELECT '$n ' || soup_test_counters() || ' rows ' || count(*) FROM soup_test_rows;\n";
	}
	$script .= "SET statement_timeout = 20; SELECT pg_sleep(60);\n";
	$node->psql('postgres', $script, stdout => \$out, stderr => \$err, on_error_stop => 0, timeout => 120);
	my @faults = $err =~ /^psql:<stdin>:\d+: ERROR:  (\w+)$/mg;
	is(pop @faults, '57014', "$name: the session can still be cancelled");
	cmp_ok(scalar @faults, '>=', $least, "$name: " . scalar(@faults) . ' steps failed');
	cmp_ok(scalar @faults, '<', 80, "$name: then the scenario passed");
	is_deeply([ grep { $_ ne $expected } @faults ], [], "$name: every fault is $expected");
	my @states = $out =~ /^\d+ (.* rows \d+)$/mg;
	is(scalar @states, 80, "$name: the session was asked after each step");
	is_deeply([ grep { $_ ne '0 0 0 0 0 rows 0' } @states ], [], "$name: nothing is left behind");
}
drive('n-th call raises', '%d, 0', '58000', 20);
drive('n-th allocation fails', '0, %d', '53200', 5);

# Memory: after a warm-up, 10,000 further errors of a kind add nothing but what the server's own caches take (some
# 16 KiB were seen, whatever the kind). One lost record per error would be megabytes.
my @kinds = ('refusal', 'server', 'nested', 'nested call', 'standard', 'bad_alloc', 'no memory', 'locked');
for my $kind (@kinds) {
	my $growth = $node->safe_psql(
		'postgres', qq{
CREATE FUNCTION pg_temp.errors(kind text, n int) RETURNS void LANGUAGE plpgsql AS \$\$
BEGIN
  FOR i IN 1 .. n LOOP
    BEGIN PERFORM soup_test_throw(kind); EXCEPTION WHEN OTHERS THEN NULL; END;
  END LOOP;
END \$\$;
SELECT pg_temp.errors('$kind', 10000) \\g /dev/null
SELECT soup_test_malloc_bytes() AS warm \\gset
SELECT pg_temp.errors('$kind', 10000) \\g /dev/null
SELECT soup_test_malloc_bytes() - :warm;
});
	cmp_ok($growth, '<', 65536, "10,000 times '$kind' in a subtransaction: memory grew by $growth bytes");
}

# The same at top level, where each error aborts a transaction.
{
	my $out = '';
	my $script = "SELECT soup_test_throw('server');\n" x 1000;
	$node->psql('postgres', "$script SELECT soup_test_malloc_bytes() AS warm \\gset\n" . $script x 10
		  . "SELECT soup_test_malloc_bytes() - :warm;", stdout => \$out, on_error_stop => 0, timeout => 120);
	cmp_ok($out, '<', 65536, "10,000 errors at top level: memory grew by $out bytes");
}

$node->stop;
done_testing();
