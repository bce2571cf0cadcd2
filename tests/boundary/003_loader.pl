# Goal: the loaders define settings, shared memory, hooks and workers once; a session holds one version of a library and
# says so clearly; the launcher waits quietly for database and extension and follows the installed version. Method: real
# loaders with small test libraries in versions 9.1 and 9.2 (tests/boundary/library).
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

sub refused {
	my ($node, $database, $statement, $patterns, $name, %options) = @_;
	my ($out, $err) = ('', '');
	$node->psql($database, "\\set VERBOSITY verbose\n$statement", stdout => \$out, stderr => \$err,
		on_error_stop => 0, %options);
	like($err, $_, "$name: $_") for @$patterns;
	return $out;
}

# --- without preload ------------------------------------------------------------------------------------------------
my $bare = PostgreSQL::Test::Cluster->new('bare');
$bare->init;
$bare->append_conf('postgresql.conf', "max_connections = 10\nfsync = off\n");
$bare->start;
my @must_preload = (qr/ERROR:  55000: machinesoup must be loaded at server start/, qr/HINT:  Add machinesoup to/);
refused($bare, 'postgres', 'CREATE EXTENSION machinesoup CASCADE', \@must_preload, 'machinesoup without preload');
refused($bare, 'postgres', "LOAD 'machinesoup'", \@must_preload, 'late load');
is($bare->safe_psql('postgres', 'SELECT count(*) FROM pg_extension WHERE extname LIKE $$%soup%$$'),
	'0', 'nothing half done');

$bare->safe_psql('postgres', 'CREATE EXTENSION soupvec; CREATE ROLE guest');
is($bare->safe_psql('postgres', 'SELECT soupvec_version()'), '9.1 isa 0', 'soupvec loads its loader');
is( $bare->safe_psql('postgres', "SET soupvec.isa = 'ssse3'; SELECT soupvec_version(); SET soupvec.isa = auto;
	SELECT soupvec_version()"), "9.1 isa 2\n9.1 isa 0", 'the library is told of the setting');
refused($bare, 'postgres', "SELECT soupvec_version(); SET soupvec.isa = 'avx512'",
	[ qr/ERROR:  22023: /, qr/DETAIL:  This machine's processor lacks the instruction set/ ], 'set that is not there');
refused($bare, 'postgres', "SELECT soupvec_version(); SET soupvec.isa = 'neon'", [qr/ERROR:  22023: /], 'unknown set');
refused($bare, 'postgres', "SELECT soupvec_version(); SET ROLE guest; SET soupvec.isa = 'scalar'",
	[qr/ERROR:  42501: /], 'the setting is restricted');
refused($bare, 'postgres', "SELECT soupvec_version(); SET soupvec.nonsense = 1", [qr/ERROR:  42602: /],
	'the prefix is reserved');
is( refused($bare, 'postgres', "SET soupvec.isa = 'avx512'; SELECT soupvec_version()",
		[qr/WARNING:  0A000: setting soupvec.isa names an instruction set/], 'setting made before the library'),
	'9.1 isa 0', 'falls back');

# --- two versions, old sessions -------------------------------------------------------------------------------------
sub old_session_meets_update {
	my ($node, $database, $extension, $function) = @_;
	my $psql = join ' ', 'psql', '-XAtq', '-d', "'" . $node->connstr($database) . "'";
	my $out = refused(
		$node, $database, qq{
SELECT $function();
\\! $psql -c "ALTER EXTENSION $extension UPDATE TO '9.2'"
SELECT $function();
SELECT $function();
SELECT 'still usable';
\\! $psql -c "SELECT 'new session: ' || $function()"
},
		[ qr/ERROR:  55000: session holds $extension 9\.1, but 9\.2 is installed.*HINT:  Reconnect\..*ERROR:  55000: session holds/s ],
		"$extension: old session");
	like($out, qr/^9\.1.*\nstill usable\nnew session: 9\.2/, "$extension: old session stays usable, new one has the new code");
}
old_session_meets_update($bare, 'postgres', 'soupvec', 'soupvec_version');
$bare->stop;

# --- preloaded: settings and shared memory ------------------------------------------------------------------------------
my $node = PostgreSQL::Test::Cluster->new('loaded');
$node->init;
$node->append_conf('postgresql.conf', "max_connections = 10\nfsync = off\nshared_preload_libraries = 'machinesoup'
restart_after_crash = on\n");
$node->start;
is( $node->safe_psql('postgres', q{SELECT string_agg(name || '=' || setting, ' ' ORDER BY name) FROM pg_settings
	WHERE name LIKE 'soup.%' AND name <> 'soup.max_processors'}),
	'soup.argon_slots=2 soup.database=soup soup.idempotency_window_s=86400 soup.poll_ms=5000 soup.processor_linger_ms=5000 '
	  . 'soup.token_life_consumer_s=28800 soup.token_life_data_scientist_s=28800 soup.token_life_operator_s=28800 '
	  . 'soup.token_life_org_admin_s=28800 soup.token_life_producer_s=43200', 'settings and defaults');
for my $case (
	[ 'idempotency_window_s', 59, '31d' ], [ 'token_life_producer_s', 0, '8d' ], [ 'token_life_consumer_s', -1, 604801 ],
	[ 'token_life_data_scientist_s', 59, '8d' ], [ 'token_life_org_admin_s', 59, '8d' ], [ 'token_life_operator_s', 'soon', '8d' ])
{
	my ($name, @wrong) = @$case;
	refused($node, 'postgres', "ALTER SYSTEM SET soup.$name = '$_'", [qr/ERROR:  22023: .*"soup\.$name"/], "soup.$name = $_") for @wrong;
	refused($node, 'postgres', "SET soup.$name = 3600", [qr/ERROR:  55P02: parameter "soup\.$name" cannot be changed now/],
		"soup.$name is the DBA's");
}
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_file_settings WHERE name LIKE 'soup.%' AND name <> 'soup.database'}), '0',
	'what was refused is not stored');
is($node->safe_psql('postgres', 'SELECT setting::int BETWEEN 1 AND 64 FROM pg_settings WHERE name = $$soup.max_processors$$'),
	't', 'as many processors as cores');
for my $forged ("SET soup.org = 'B'", "SELECT set_config('soup.principal', 'root', false)",
	"ALTER ROLE CURRENT_USER SET soup.org = 'B'", "ALTER DATABASE postgres SET soup.org = 'B'",
	"CREATE FUNCTION f() RETURNS int LANGUAGE sql SET soup.org = 'B' AS 'SELECT 1'")
{
	refused($node, 'postgres', $forged, [qr/ERROR:  42602: /], $forged);
}
refused($node, 'postgres', 'SELECT 1', [qr/FATAL:  .*soup\.org/], 'forged at connection start',
	connstr => $node->connstr('postgres') . " options='-c soup.org=B'");
is($node->safe_psql('postgres', 'SELECT count(*) FROM pg_db_role_setting'), '0', 'nothing was stored');

# --- the launcher -------------------------------------------------------------------------------------------------------
sub launcher_lines {
	my $log = slurp_file($node->logfile);
	my @lines = grep { (/machinesoup launcher/ || /FATAL/) && !/statement:|soup\.org/ } split /\n/, $log;
	return @lines;
}
# What only the log tells; waits as poll_query_until does.
sub log_says {
	my ($pattern) = @_;
	for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default) {
		return 1 if slurp_file($node->logfile) =~ $pattern;
		select undef, undef, undef, 0.1;
	}
	return 0;
}
sub launcher_waits_for {
	my ($what) = @_;
	ok( $node->poll_query_until('postgres',
			"SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'machinesoup launcher' AND query LIKE 'waiting for $what%'"),
		"launcher waits for $what");
}
launcher_waits_for('the database');
is(scalar launcher_lines(), 0, 'and says nothing about it in the log');
$node->safe_psql('postgres', 'CREATE DATABASE soup');
launcher_waits_for('CREATE EXTENSION');
$node->safe_psql('soup', 'CREATE TABLE launches(version text, pid int); CREATE TABLE works(version text, argument int);
	CREATE EXTENSION machinesoup VERSION "9.1" CASCADE');
ok($node->poll_query_until('soup', q{SELECT string_agg(version, ' ') = '9.1' FROM launches}), 'launcher runs the installed version');
is($node->safe_psql('soup', 'SELECT soup_shared()'), 't', 'shared memory is as its header says');

is($node->safe_psql('soup', 'SELECT soup_start_worker(7)'), 't', 'a dynamic worker starts');
ok($node->poll_query_until('soup', q{SELECT string_agg(version || ' ' || argument, ',') = '9.1 7' FROM works}),
	'and runs the installed version with its argument');
refused($node, 'soup', 'SELECT soup_version(); LISTEN x',
	[ qr/ERROR:  42501: statement is not allowed/, qr/CONSTRAINT NAME:  FORBIDDEN_STMT/ ], 'the library guards utility statements');

# --- statement depth ------------------------------------------------------------------------------------------------------
$node->safe_psql(
	'soup', q{
CREATE TABLE depths(depth int);
CREATE TABLE watched(id int);
CREATE FUNCTION by_expression() RETURNS int LANGUAGE plpgsql AS 'DECLARE d int; BEGIN d := soup_depth(); RETURN d; END';
CREATE FUNCTION by_query() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT soup_depth() FROM pg_class LIMIT 1); END';
CREATE FUNCTION by_execute() RETURNS int LANGUAGE plpgsql AS 'DECLARE d int; BEGIN EXECUTE $$SELECT soup_depth()$$ INTO d; RETURN d; END';
CREATE FUNCTION secure() RETURNS int LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS 'BEGIN RETURN soup_depth(); END';
CREATE FUNCTION by_trigger() RETURNS trigger LANGUAGE plpgsql AS 'DECLARE d int := soup_depth(); BEGIN INSERT INTO depths VALUES (d); RETURN NULL; END';
CREATE FUNCTION failing() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1 / (soup_depth() - soup_depth()); END';
CREATE FUNCTION caught() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN failing(); EXCEPTION WHEN division_by_zero THEN RETURN soup_depth(); END';
CREATE PROCEDURE calls(INOUT d int) LANGUAGE plpgsql AS 'BEGIN d := soup_depth(); END';
CREATE FUNCTION definer() RETURNS int AS '$libdir/machinesoup-9.1', 'soup_depth' LANGUAGE C SECURITY DEFINER;
});
my @depths = (
	[ 'top level', 'SELECT soup_depth()', qr/^1$/ ],
	[ 'security definer in C', 'SELECT definer()', qr/^1$/ ],
	[ 'expression of a function', 'SELECT by_expression()', qr/^[2-9]$/ ],
	[ 'query of a function', 'SELECT by_query()', qr/^[2-9]$/ ],
	[ 'EXECUTE of a function', 'SELECT by_execute()', qr/^[2-9]$/ ],
	[ 'security definer function', 'SELECT secure()', qr/^[2-9]$/ ],
	[ 'CALL', 'CALL calls(0)', qr/^[2-9]$/ ],
	[ 'argument of CALL', 'CREATE PROCEDURE shows(INOUT d int) LANGUAGE plpgsql AS $$BEGIN END$$; CALL shows(soup_depth())', qr/^[2-9]$/ ],
	[ 'EXECUTE', 'PREPARE p AS SELECT soup_depth(); EXECUTE p', qr/^[2-9]$/ ],
	[ 'cursor', 'BEGIN; DECLARE c CURSOR FOR SELECT soup_depth(); FETCH c; COMMIT', qr/^[2-9]$/ ],
	[ 'DO, expression', 'DO $$DECLARE d int; BEGIN d := soup_depth(); INSERT INTO depths VALUES (d); END$$; DELETE FROM depths RETURNING depth', qr/^[2-9]$/ ],
	[ 'CREATE TABLE AS', 'CREATE TEMP TABLE t AS SELECT soup_depth() AS d; SELECT d FROM t', qr/^[2-9]$/ ],
	[ 'trigger', 'CREATE TRIGGER w AFTER INSERT ON watched FOR EACH ROW EXECUTE FUNCTION by_trigger(); INSERT INTO watched VALUES (1); DELETE FROM depths RETURNING depth', qr/^[2-9]$/ ],
	[ 'deferred trigger', 'DROP TRIGGER w ON watched; CREATE CONSTRAINT TRIGGER w AFTER INSERT ON watched DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION by_trigger(); BEGIN; INSERT INTO watched VALUES (1); COMMIT; DELETE FROM depths RETURNING depth', qr/^[2-9]$/ ],
	[ 'after a caught error', 'SELECT caught() = by_expression(); SELECT soup_depth()', qr/^t\n1$/ ],
	[ 'subtransaction rolled back', 'BEGIN; SAVEPOINT s; SELECT by_execute() \g /dev/null
ROLLBACK TO s; SELECT soup_depth(); COMMIT', qr/^1$/ ],);
for my $case (@depths) {
	my ($name, $statement, $expected) = @$case;
	like($node->safe_psql('soup', $statement), $expected, "depth: $name");
}
is(refused($node, 'soup', 'SELECT failing(); SELECT soup_depth()', [qr/ERROR:  22012/], 'depth: an error'), '1', 'depth: after an error');

# --- update, crash, removal ---------------------------------------------------------------------------------------------
$node->safe_psql('soup', 'DROP FUNCTION definer()');
old_session_meets_update($node, 'soup', 'machinesoup', 'soup_version');
$node->safe_psql('soup', 'SELECT soup_wake()');
ok($node->poll_query_until('soup', q{SELECT string_agg(version, ' ' ORDER BY version) = '9.1 9.2' FROM launches}),
	'the launcher follows the update');

my $victim = $node->safe_psql('soup', "SELECT pid FROM launches WHERE version = '9.2'");
kill 'KILL', $victim;
ok($node->poll_query_until('soup', q{SELECT count(*) = 2 FROM launches WHERE version = '9.2'}), 'and comes back after kill -9');
is($node->safe_psql('soup', 'SELECT soup_shared()'), 't', 'shared memory is laid out anew');

$node->safe_psql('soup', 'DROP EXTENSION machinesoup');
# The one that waits here must not be the one that is about to end, whose lines would be counted below.
launcher_waits_for('CREATE EXTENSION');
$victim = $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE backend_type = 'machinesoup launcher'");
$node->safe_psql('postgres', "SELECT pg_terminate_backend($victim)");
ok($node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $victim"), 'the old launcher has gone');
launcher_waits_for('CREATE EXTENSION');
my $before = scalar launcher_lines();
$node->safe_psql('postgres', 'DROP DATABASE soup WITH (FORCE)');
launcher_waits_for('the database');
cmp_ok(scalar launcher_lines() - $before, '<=', 2, 'one end is told, nothing is repeated');

# What an interrupted DROP DATABASE leaves lets nobody connect. The launcher has looked at it once it shows its state anew.
$before = scalar launcher_lines();
$node->safe_psql('postgres', 'CREATE DATABASE half_dropped');
my $since = $node->safe_psql('postgres', q{UPDATE pg_database SET datname = 'soup', datconnlimit = -2 WHERE datname = 'half_dropped' RETURNING clock_timestamp()});
ok($node->poll_query_until('postgres',
		"SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'machinesoup launcher' AND query LIKE 'waiting for the database%'
		 AND state_change > '$since'::timestamptz + interval '1 s'"), 'half a database is waited for');
is(scalar launcher_lines(), $before, 'in silence');
$node->safe_psql('postgres', 'DROP DATABASE soup');

# A library that is not there is told with growing pauses, not in a crash loop.
$node->safe_psql('postgres', 'CREATE DATABASE soup');
$node->safe_psql('soup', 'CREATE TABLE launches(version text, pid int); CREATE EXTENSION machinesoup VERSION "9.1" CASCADE;
	UPDATE pg_extension SET extversion = $$../9.3$$ WHERE extname = $$machinesoup$$');
ok(log_says(qr/extension version "\.\.\/9\.3" is not a library's version/), 'a version that is no file name');
$node->safe_psql('soup', 'UPDATE pg_extension SET extversion = $$9.1$$ WHERE extname = $$machinesoup$$');
ok($node->poll_query_until('soup', 'SELECT count(*) = 1 FROM launches'), 'and recovers by itself');

$node->stop;
done_testing();
