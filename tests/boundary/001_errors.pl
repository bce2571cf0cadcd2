# Goal: an error of any kind passes the boundary with everything it carries, and leaves nothing behind: counters at 0,
# every C++ object destroyed, cancelling still possible. Method: a test module throws each kind through entry() and
# call() in every nesting; psql shows the error's fields.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('errors');
$node->init;
$node->append_conf('postgresql.conf', "max_connections = 10\nfsync = off\n");
$node->start;
$node->safe_psql('postgres', slurp_file("$ENV{TESTDIR}/tests/boundary/module/soup_test.sql"));

my $quiet = '0 0 0 0 0';

# Runs one statement that fails, then looks whether the same session is as it was, and whether it can be cancelled.
sub session {
	my ($statement) = @_;
	my ($out, $err) = ('', '');
	$node->psql(
		'postgres', qq{
\\set VERBOSITY verbose
$statement;
SELECT 'counters ' || soup_test_counters();
SET statement_timeout = 20;
\\set VERBOSITY sqlstate
SELECT pg_sleep(60);
}, stdout => \$out, stderr => \$err, on_error_stop => 0, timeout => 60);
	return ($out, $err);
}

sub fails_with {
	my ($statement, $name, @patterns) = @_;
	my ($out, $err) = session($statement);
	like($err, $_, "$name: $_") for @patterns;
	like($out, qr/^\n?counters $quiet$/, "$name: nothing is left behind");
	like($err, qr/57014\s*\z/, "$name: a statement can still be cancelled");
}

sub throws { fails_with("SELECT soup_test_throw('$_[0]')", @_) }

my @refusal = (qr/ERROR:  22023: a refusal\n/, qr/DETAIL:  A detail\.\n/, qr/HINT:  A hint\.\n/,
	qr/SCHEMA NAME:  soup\n/, qr/CONSTRAINT NAME:  BAD_INPUT\n/);
my @server = (
	qr/ERROR:  23505: a server message\n/, qr/DETAIL:  A detail\.\n/, qr/HINT:  A hint\.\n/,
	qr/CONTEXT:  a context\n/, qr/SCHEMA NAME:  a_schema\n/, qr/TABLE NAME:  a_table\n/,
	qr/COLUMN NAME:  a_column\n/, qr/DATATYPE NAME:  a_type\n/, qr/CONSTRAINT NAME:  a_constraint\n/);

throws('refusal', @refusal);
throws('nested', @refusal);
throws('refusal in call', @refusal);
throws('locked refusal', @refusal);
throws('server', @server);
throws('nested call', @server);
throws('rethrown', @server);
throws('locked', @server);
throws('no reason', qr/ERROR:  22P02: a plain refusal\n(?!.*SCHEMA NAME)/s);
throws('long', qr/ERROR:  22023: (?:x{1000}){100}\n/);
throws('bad_alloc', qr/ERROR:  53200: out of memory\n/);
throws('standard', qr/ERROR:  XX000: a broken promise\n/);
throws('unknown', qr/ERROR:  XX000: unknown C\+\+ exception\n/);
throws('invalid size', qr/ERROR:  XX000: invalid memory alloc request size/);
throws('no memory', qr/ERROR:  53200: out of memory\n/, qr/DETAIL:  Failed on request of size/);
throws('server, no memory for it', qr/ERROR:  23505: a server message\n/);
throws('contained', qr/WARNING:  22023: a tidy-up failed: a refusal\n/);
fails_with("SET statement_timeout = 20; SELECT soup_test_throw('sleep')",
	'cancel inside call', qr/ERROR:  57014: canceling statement due to statement timeout\n/);
fails_with('SELECT soup_test_allocate(1::bigint << 62)',
	'over-large request of the allocator', qr/ERROR:  XX000: |ERROR:  53200: out of memory\n/);
fails_with('SELECT soup_test_allocate(1::bigint << 44)',
	'allocator without memory', qr/ERROR:  53200: out of memory\n/);

# Context that outer frames add is collected once, not once per layer.
{
	my ($out, $err) = session(q{DO $$ BEGIN PERFORM soup_test_throw('server'); END $$});
	my @lines = $err =~ /(PL\/pgSQL function inline_code_block line \d+ at PERFORM)/g;
	is(scalar @lines, 1, 'context is there once');
}

# What a subtransaction may swallow, and what it must not.
is($node->safe_psql('postgres', "SELECT soup_test_survive('refusal')"), '22023 BAD_INPUT', 'a refusal ends there');
is($node->safe_psql('postgres', "SELECT soup_test_survive('server')"), '23505 ', 'a server error ends there');
is($node->safe_psql('postgres', "SELECT soup_test_survive('locked')"), '23505 ', 'a held lock is released by the rollback');
is($node->safe_psql('postgres', "SELECT soup_test_survive('contained')"), 'none', 'no error, no refusal');
fails_with("SET statement_timeout = 20; SELECT soup_test_survive('sleep')",
	'cancel inside a subtransaction', qr/ERROR:  57014:/);
fails_with("SELECT soup_test_survive('bad_alloc')", 'out of memory inside a subtransaction', qr/ERROR:  53200:/);
is( $node->safe_psql('postgres', "SELECT soup_test_survive('locked') || ' ' || soup_test_counters()"),
	"23505  $quiet", 'nothing is left behind by what was swallowed');

# A FATAL ends the session and nothing else.
{
	my ($out, $err) = session(q{SELECT soup_test_throw('fatal')});
	like($err, qr/FATAL: .*a fatal end/, 'FATAL inside call');
	is($node->safe_psql('postgres', 'SELECT 1'), '1', 'the server lives on');
	unlike(slurp_file($node->logfile), qr/terminated by signal/, 'no process crashed');
}

$node->stop;
done_testing();
