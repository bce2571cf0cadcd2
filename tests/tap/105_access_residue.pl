# Goal: an identity ends with its transaction and its process, whichever way they end (threats a24, a30). Method: a
# bound transaction ended in every way, then a query that must find nothing bound; sessions ended from outside, and new
# ones that take their places.
use strict;
use warnings;
use AccessCluster;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Recovery;
use Test::More;

my $cluster = AccessCluster->new('residue', conf => "restart_after_crash = on\n");
my $node = $cluster->node;
my $token = $cluster->login($cluster->principal('A', 'consumer', 'query'));
my $bind = "SELECT count(*) FROM soup_api.list_models('$token')";
# soup_owner may read the tables, as far as row-level security lets it.
my $query = 'SELECT count(*) FROM soup.model';
my $owner = 'SET ROLE soup_owner;';
$cluster->sql(q{CREATE PROCEDURE public.commits() LANGUAGE plpgsql AS $$ BEGIN COMMIT; END $$;
	CREATE PROCEDURE public.rolls_back() LANGUAGE plpgsql AS $$ BEGIN ROLLBACK; END $$;
	CREATE TABLE public.bound_in_commit (n int);
	CREATE FUNCTION public.at_commit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE division_by_zero; END';
	CREATE CONSTRAINT TRIGGER late AFTER INSERT ON public.bound_in_commit INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.at_commit();
	GRANT INSERT ON public.bound_in_commit TO soup_owner});

for (
	[ 'COMMIT', 'COMMIT;' ], [ 'ROLLBACK', 'ROLLBACK;' ], [ 'an error', 'SELECT 1/0; ROLLBACK;' ],
	[ 'COMMIT AND CHAIN', 'COMMIT AND CHAIN;' ], [ 'ROLLBACK AND CHAIN', 'ROLLBACK AND CHAIN;' ],
	[ 'an error in COMMIT', 'INSERT INTO public.bound_in_commit VALUES (1); COMMIT;' ],
	[ 'a cancelled statement', q{SET LOCAL statement_timeout = 1; SELECT pg_sleep(10); ROLLBACK;} ])
{
	my ($name, $end) = @$_;
	my @got = $cluster->refusals("$owner BEGIN; $bind; $query; $end $query;");
	is($got[-1], '28000 NOT_BOUND', "a24 after $name");
	cmp_ok(scalar(grep { /NOT_BOUND/ } @got), '==', 1, "a24 and not before $name");
}
# In one message of the simple protocol, and with the transaction ended inside a procedure.
for (
	[ 'COMMIT in the same message', "BEGIN\\; $bind\\; COMMIT\\; $query;" ],
	[ 'an implicit transaction', "$bind\\; $query; $query;" ],
	[ 'COMMIT inside CALL', "$bind; CALL public.commits(); $query;" ],
	[ 'ROLLBACK inside CALL', "$bind; CALL public.rolls_back(); $query;" ])
{
	my @got = $cluster->refusals("$owner $_->[1]");
	is_deeply([ $got[-1], scalar @got ], [ '28000 NOT_BOUND', 1 ], "a24 $_->[0]");
}

# a30: a bound session, in a transaction and waiting, ended from outside. Its place in the server's tables is the first
# that a new session takes.
sub bound_session {
	my $pipe = '';
	my $said = '';
	my $session = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('soup') . ' application_name=bound' ], '<', \$pipe, '>&', \$said);
	$pipe .= "$owner BEGIN; $bind; $query;\n";
	$session->pump until $said =~ /^1\n1\n/m || $said =~ /ERROR/;
	like($said, qr/^1\n1\n/m, 'a30 bound');
	return ($session, $cluster->sql(q{SELECT pid FROM pg_stat_activity WHERE application_name = 'bound'}));
}
for my $signal ('TERM', 'INT then closed', 'KILL')
{
	my ($session, $pid) = bound_session();
	if ($signal eq 'INT then closed') { $session->kill_kill; }
	else { kill $signal, $pid; $session->kill_kill; }
	if ($signal eq 'KILL') {
		# The server resets all of its shared memory.
		ok(Recovery::await_recovery($node), 'a30 the server is up again');
	}
	else {
		$node->poll_query_until('soup', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $pid");
	}
	is_deeply([ $cluster->refusals("$owner $query;") ], ['28000 NOT_BOUND'], "a30 a session after $signal") for 1 .. 5;
	$cluster->refused("$owner BEGIN; $bind; $query; COMMIT;", [], "a30 twin after $signal");
}

# Tokens outlive a restart; nothing bound does.
$node->restart;
$cluster->refused("$owner BEGIN; $bind; $query; COMMIT;", [], 'a token is good after a restart');
$cluster->refused("$owner $query", '28000 NOT_BOUND', 'nothing is bound after a restart');

$node->stop;
done_testing();
