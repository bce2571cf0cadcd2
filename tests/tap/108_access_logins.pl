# Goal: the platform's roles log in where they are meant to and nowhere else: soup_gateway in soup.database, soup_worker
# never. Method: each role in each database that PUBLIC may connect to, what could be done there, and that every other role
# goes on as before, another library's hook included.
use strict;
use warnings;
use AccessCluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $cluster = AccessCluster->new('logins', conf => <<'CONF');
shared_preload_libraries = 'auth_delay, machinesoup'
auth_delay.milliseconds = 1500
CONF
my $node = $cluster->node;
$cluster->sql("CREATE DATABASE customers; CREATE ROLE anybody LOGIN; CREATE ROLE guessed LOGIN PASSWORD 'right'");
my $settings = q{SELECT count(*) FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole WHERE r.rolname = 'soup_gateway'};
my $before = $cluster->sql($settings);

for my $database ('postgres', 'template1', 'customers') {
	is($cluster->sql("SELECT has_database_privilege('soup_gateway', '$database', 'CONNECT')"), 't', "PUBLIC may connect to $database");
	my ($out, $err) = $cluster->run(q{ALTER ROLE soup_gateway SET default_transaction_isolation = 'serializable'; SELECT 'in';},
		database => $database, role => 'soup_gateway');
	is($out, '', "soup_gateway does not get into $database");
	like($err, qr/FATAL:  permission denied for database "$database"/, 'and is told so');
	like($err, qr/DETAIL:  Role "soup_gateway" may connect only to the database that soup.database names, which is "soup"/, 'and why');
	$cluster->refused('SELECT 1', [], "twin: an ordinary role connects to $database", database => $database, role => 'anybody');
	$cluster->refused('SELECT 1', [], "twin: a superuser connects to $database", database => $database);
}
is($cluster->sql($settings), $before, 'its settings are as they were');
like($node->config_data('--version'), qr/PostgreSQL/, 'the server is there');
like(slurp_file($node->logfile), qr/FATAL:  permission denied for database "customers"/, 'the log has it');

$cluster->refused('SELECT 1', [], 'twin: soup_gateway connects to soup', role => 'soup_gateway');
for my $database ('soup', 'postgres') {
	my ($out, $err) = $cluster->run(q{SELECT 'in';}, database => $database, role => 'soup_worker');
	is($out, '', "no client is soup_worker in $database");
	like($err, qr/FATAL:  role "soup_worker" is not for clients/, 'and is told so');
}
is($cluster->sql(q{SET ROLE soup_worker; SELECT current_user}), 'soup_worker', 'twin: a superuser may become it');

# Whoever was there first is asked first, also of what fails.
my $hba = $node->data_dir . '/pg_hba.conf';
my $others = slurp_file($hba);
unlink $hba;
append_to_file($hba, "local all guessed scram-sha-256\n$others");
$node->reload;
local $ENV{PGPASSWORD} = 'right';
$cluster->refused('SELECT 1', [], 'a right password', role => 'guessed');
$ENV{PGPASSWORD} = 'wrong';
my $begin = time;
my (undef, $err) = $cluster->run('SELECT 1', role => 'guessed');
like($err, qr/password authentication failed/, 'a wrong one');
cmp_ok(time - $begin, '>=', 1.5, 'is slowed down by the other library');

$node->stop;
done_testing();
