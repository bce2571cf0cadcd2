# Goal: the gateway's role, with all the SQL it wants, gets no further than the functions of soup_api (threats a01 to a04,
# b01 to b05, b09, b10, b12, b20 to b32, b35, b38, b43). Method: attacks as soup_gateway, each followed by what it must not
# have changed; at the end a legal call on the same connection.
use strict;
use warnings;
use AccessCluster;
use Test::More;

my $cluster = AccessCluster->new('roles');
my $user = $cluster->principal('A', 'consumer', 'query');
my $token = $cluster->login($user);
my $call = "SELECT count(*) FROM soup_api.list_models('$token');";
my @gateway = (role => 'soup_gateway');
$cluster->sql('CREATE ROLE monitor LOGIN IN ROLE pg_monitor; CREATE ROLE dba LOGIN IN ROLE soup_dba; CREATE ROLE anybody LOGIN');

sub catalogue_digest {
	return $cluster->sql(q{SELECT md5(string_agg(t, ',' ORDER BY t)) FROM (
		SELECT p.oid::text || p.proname || coalesce(p.proacl::text, '') FROM pg_proc p
		UNION ALL SELECT c.oid::text || c.relname || coalesce(c.relacl::text, '') FROM pg_class c
		UNION ALL SELECT a.rolname || a.rolsuper || a.rolcanlogin || coalesce(a.rolpassword, '') FROM pg_authid a
		UNION ALL SELECT s::text FROM pg_db_role_setting s
		UNION ALL SELECT l.oid::text FROM pg_largeobject_metadata l) AS all_of_it(t)});
}
my $before = catalogue_digest();
sub refused { my ($statements, $expected, $name) = @_; return $cluster->refused($statements, $expected, $name, @gateway); }

# a01: identity from a setting.
refused("SET soup.org = 'B'; SELECT set_config('soup.principal', 'root', false); SET soup.database = 'x';",
	[ '42602', '42501', '55P02' ], 'a01_guc_forge');
# a02: the same at connection start and in the catalogue.
{
	local $ENV{PGOPTIONS} = '-c soup.org=B';
	refused('SELECT 1', [], 'a02_guc_startup: no answer') if 0;
	my (undef, $err) = $cluster->run('SELECT 1', @gateway);
	like($err, qr/FATAL:  invalid configuration parameter name "soup.org"|invalid configuration parameter name/, 'a02_guc_startup');
}
# Nor can it leave its library out.
{
	local $ENV{PGOPTIONS} = '-c session_preload_libraries=';
	my (undef, $err) = $cluster->run('SELECT 1', @gateway);
	like($err, qr/FATAL:  permission denied to set parameter "session_preload_libraries"/, 'a02 session_preload_libraries');
}
$cluster->refused("ALTER ROLE soup_gateway SET soup.org = 'B'", '42602', 'a02 ALTER ROLE SET, by a superuser');
$cluster->refused("ALTER DATABASE soup SET soup.org = 'B'", '42602', 'a02 ALTER DATABASE SET, by a superuser');
# a03: another role.
refused('SET ROLE soup_owner; SET SESSION AUTHORIZATION soup_owner; SET LOCAL ROLE soup_dba;',
	[ ('42501 FORBIDDEN_STMT') x 3 ], 'a03_set_role');
# a04: what PostgreSQL lets a role do to itself.
refused("ALTER ROLE soup_gateway PASSWORD 'x'; ALTER ROLE soup_gateway SET search_path = 'pg_temp';"
	  . 'ALTER ROLE soup_gateway SET default_transaction_read_only = on; ALTER ROLE soup_gateway RESET ALL;',
	[ ('42501 FORBIDDEN_STMT') x 4 ], 'a04_self_alter_role');

# b01, b03, b04, b25, b26: objects of one's own.
refused('CREATE TEMP TABLE org (name text); CREATE TABLE public.t (a int); CREATE TYPE pg_temp.t AS (a int);'
	  . q{CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1';} . 'CREATE SCHEMA s; CREATE TABLE soup_data.v (a int);'
	  . 'CREATE TEMP TABLE c AS SELECT 1; SELECT 1 INTO TEMP d; CREATE VIEW public.v AS SELECT 1; CREATE EXTENSION dblink;',
	[ ('42501 FORBIDDEN_STMT') x 10 ], 'b01 b03 b25 b30 no objects');
refused('DO $$ BEGIN NULL; END $$;', '42501', 'b04_do_block');
is( $cluster->sql(q{SELECT has_language_privilege('soup_gateway', 'sql', 'USAGE') OR has_language_privilege('soup_gateway', 'plpgsql', 'USAGE')
	OR has_database_privilege('soup_gateway', 'soup', 'TEMP') OR has_database_privilege('soup_gateway', 'soup', 'CREATE')
	OR has_schema_privilege('soup_gateway', 'public', 'CREATE')}),
	'f', 'b01 b03: nor would privileges allow it');

# b05, b15: every table, sequence and view of the platform, in every way.
my @relations = split /\n/, $cluster->sql(q{SELECT oid::regclass FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'S')
	AND relnamespace IN ('soup'::regnamespace, 'soup_api'::regnamespace, 'soup_data'::regnamespace) ORDER BY 1});
cmp_ok(scalar @relations, '>', 20, 'b05 relations to try');
my @tried = map { ("SELECT * FROM $_;", "DELETE FROM $_;") } @relations;
refused(join('', @tried), [ ('42501') x @tried ], 'b05_direct_table');
refused(join('', map { "TRUNCATE $_; LOCK TABLE $_; COPY $_ TO STDOUT;" } @relations),
	[ ('42501 FORBIDDEN_STMT') x (3 * @relations) ], 'b05 b15 b22 utility statements on tables');
is( $cluster->sql(q{SELECT count(*) FROM pg_class c WHERE c.relnamespace IN ('soup'::regnamespace, 'soup_data'::regnamespace)
	AND has_table_privilege('soup_gateway', c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER') AND relkind IN ('r', 'p', 'v')}),
	'0', 'b05 no privilege on any');

# b09, b10, b12: the owner without a bound principal, table by table, partitions included.
my @tables = split /\n/, $cluster->sql(q{SELECT oid::regclass FROM pg_class WHERE relkind IN ('r', 'p')
	AND relnamespace IN ('soup'::regnamespace, 'soup_data'::regnamespace) ORDER BY 1});
cmp_ok(scalar(grep { /^soup_data\./ } @tables), '>=', 2, 'b12 there are leaves');
$cluster->sql(qq{INSERT INTO soup.idempotency SELECT org, org, 'k', decode(repeat('00', 32), 'hex'), model, 0, 0, 1, NULL, now() FROM soup.model});
for my $table (@tables) {
	# An empty table has no row to ask about, so the policy is asked through a row that is offered.
	my @got = $cluster->refusals("SET ROLE soup_owner; SELECT soup.scope_allows(NULL, NULL, NULL) FROM $table LIMIT 1; SELECT soup.platform_allows('dba');");
	is($got[-1], '28000 NOT_BOUND', "b10_owner_unbound $table");
	is($cluster->sql("SELECT relrowsecurity AND relforcerowsecurity FROM pg_class WHERE oid = '$table'::regclass"), 't', "b10 forced on $table");
}
for my $table (qw(soup.org soup.principal soup.credential soup."grant" soup.model soup.partition soup.idempotency soup.signing_key)) {
	$cluster->refused("SET ROLE soup_owner; SELECT * FROM $table; UPDATE $table SET org = org;"
		  =~ s/UPDATE soup\.(credential|signing_key) SET org = org;/DELETE FROM soup.$1;/r,
		[ ('28000 NOT_BOUND') x 2 ], "b10 rows of $table");
	$cluster->refused("SET ROLE soup_owner; SET row_security = off; SELECT * FROM $table;", '42501', "b09_row_security_off $table");
}

# b02: one's own names in front cannot be made; the functions do not look at the caller's path anyway.
is( $cluster->sql(q{SELECT count(*) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
	WHERE n.nspname = 'soup_api' AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (p.proconfig), false)}),
	'0', 'b02 every published function has a fixed path');

# b08, b23, b27, b28, b29, b31, b32, b35, b38, b42, b43.
refused(q{CREATE FUNCTION public.f() RETURNS int LANGUAGE internal LEAKPROOF AS 'now';} . "LISTEN a; NOTIFY a, 'x'; EXPLAIN SELECT 1; "
	  . 'CREATE PUBLICATION p FOR ALL TABLES; SET debug_print_plan = on; VACUUM; CHECKPOINT; REINDEX DATABASE soup;'
	  . q{SECURITY LABEL ON ROLE soup_gateway IS 'x'; COMMENT ON SCHEMA soup IS 'x'; LOAD 'machinesoup';},
	[ ('42501 FORBIDDEN_STMT') x 12 ], 'b08 b27 b32 b36 b42 statements outside the list');
# A setting outside the list, by the function behind SET and by the view that calls it.
refused(q{SELECT set_config('debug_print_plan', 'on', false); UPDATE pg_settings SET setting = 'on' WHERE name = 'debug_print_plan';},
	[ ('42501') x 2 ], 'b27 set_config');
is($cluster->sql(q{SELECT string_agg(r.rolname, ' ' ORDER BY r.rolname) FROM pg_roles r
	WHERE r.rolname LIKE 'soup\_%' AND has_function_privilege(r.oid, 'set_config(text, text, boolean)', 'EXECUTE')}),
	'soup_dba soup_owner', 'b27 twin: set_config is the platform\'s');
# Rows of a cursor could be fetched after the principal that they were read under has lost its rights.
refused("BEGIN; $call DECLARE c CURSOR WITH HOLD FOR SELECT 1; ROLLBACK; BEGIN; $call DECLARE c CURSOR FOR SELECT 1; ROLLBACK;"
	  . 'FETCH c; MOVE c; CLOSE c; CLOSE ALL;', [ ('42501 FORBIDDEN_STMT') x 6 ], 'b23 no cursors');
# Whether a serializable transaction commits depends on what other orgs' do.
refused("BEGIN ISOLATION LEVEL SERIALIZABLE; $call ROLLBACK; SET default_transaction_isolation = serializable; $call",
	[ ('42501 FORBIDDEN_STMT') x 2 ], 'no call in a serializable transaction');
{
	my $producer = $cluster->login($cluster->principal('A', 'producer', 'append'));
	my $append = "soup_api.append('$producer', 'pump', ARRAY['{}']::bytea[])";
	my $many = "soup_api.append_many(ARRAY['$producer'], ARRAY['pump'], ARRAY[NULL], ARRAY[NULL], ARRAY[NULL], ARRAY[NULL], ARRAY[1], ARRAY['{}']::bytea[], NULL)";
	for my $level ('serializable', 'repeatable read') {
		my ($out, $err) = $cluster->run("BEGIN ISOLATION LEVEL $level; SELECT code FROM $many; SELECT count(*) FROM $append; ROLLBACK;", @gateway);
		$level eq 'serializable' ? is($out, 'FORBIDDEN_STMT', 'append_many neither') : is($out, "\n1", 'twin: appends in repeatable read');
	}
}
for (
	q{lo_from_bytea(0, 'x')}, 'lo_create(0)', q{lo_import('/etc/passwd')}, q{query_to_xml('SELECT 1', true, true, '')},
	q{database_to_xml(true, true, '')}, q{ts_stat('SELECT 1')}, q{pg_notify('a', 'b')}, 'pg_advisory_lock(1)',
	'pg_try_advisory_xact_lock(1)', 'pg_export_snapshot()', q{pg_logical_emit_message(true, 'a', 'b')},
	'pg_current_wal_lsn()', 'pg_terminate_backend(pg_backend_pid())', 'pg_cancel_backend(1)', q{pg_relation_size('pg_class')},
	q{pg_total_relation_size('pg_class')}, q{pg_database_size('soup')}, q{pg_create_logical_replication_slot('a', 'test_decoding')},
	q{pg_read_file('PG_VERSION')}, 'soup_api.catalogue_of()', 'soup.bound_principal()', 'soup.doctor()', q{soup.add_org('x')})
{
	my @got = $cluster->refusals("SELECT $_;", @gateway);
	like($got[0] // 'accepted', qr/^42501|^42883/, "refused: $_");
}
# What others' tables hold and do, by whichever view: the views run their functions as whoever reads.
my @views = split /\n/, $cluster->sql(q{SELECT c.oid::regclass FROM pg_class c WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind = 'v'
	AND (c.relname ~ '^pg_stat(io)?_' OR c.relname IN ('pg_locks', 'pg_prepared_xacts', 'pg_replication_slots'))
	AND c.relname NOT IN ('pg_stats_ext', 'pg_stats_ext_exprs') ORDER BY 1});
cmp_ok(scalar @views, '>', 40, 'b31 views to try');
refused(join('', map { "SELECT * FROM $_;" } @views), [ ('42501') x @views ], 'b31_size_stats: no view of statistics');
refused(q{SELECT pg_stat_get_tuples_inserted('soup.org'::regclass); SELECT pg_stat_get_live_tuples(1); SELECT pg_lock_status();},
	[ ('42501') x 3 ], 'b31 nor the functions behind them');
$cluster->refused(join('', map { "SELECT * FROM $_;" } @views) . q{SELECT pg_database_size('soup');}, [], "b31 twin: a $_ sees them", role => $_)
	for qw(monitor dba);
$cluster->refused('SELECT * FROM pg_stat_all_tables;', '42501', 'b31 an ordinary role does not', role => 'anybody');
# The server keeps these from everybody, and whoever gives other functions to the DBA's role must not give these.
is($cluster->sql(q{SELECT string_agg(format('%s %s', r.rolname, p.oid::regprocedure), ', ') FROM pg_proc p, pg_roles r
	WHERE p.proname IN ('lo_import', 'lo_export') AND NOT r.rolsuper AND has_function_privilege(r.oid, p.oid, 'EXECUTE')}),
	'', 'b28 nobody but a superuser reaches the server\'s files by large objects');
$cluster->refused(q{SELECT lo_import('/etc/passwd'); SELECT lo_export(1, '/tmp/x');}, [ ('42501') x 2 ], 'b28 not the DBA\'s role either', role => 'dba');

refused(q{COPY (SELECT 1) TO STDOUT; COPY (SELECT 1) TO '/tmp/x'; COPY (SELECT 1) TO PROGRAM 'id';},
	[ ('42501 FORBIDDEN_STMT') x 3 ], 'b22_copy_out');

# a25: a bound transaction cannot be prepared.
$cluster->node->append_conf('postgresql.conf', 'max_prepared_transactions = 5');
$cluster->node->restart;
refused("BEGIN; $call PREPARE TRANSACTION 'g';", '0A000', 'a25_bind_residue_2pc');
$cluster->refused("BEGIN; UPDATE soup.principal SET disabled = disabled; PREPARE TRANSACTION 'g';", '0A000',
	'a25 nor one that changes what every backend caches');
is($cluster->sql('SELECT count(*) FROM pg_prepared_xacts'), '0', 'a25 nothing is prepared');

# What the gateway needs goes on: its statements, its functions, its catalogue.
$cluster->refused("SET statement_timeout = '5s'; BEGIN READ ONLY; $call COMMIT; PREPARE p AS SELECT 1; EXECUTE p; DEALLOCATE p; SHOW statement_timeout; DISCARD ALL;",
	[], 'the gateway\'s own statements', @gateway);
like(($cluster->run($call, @gateway))[0], qr/^1$/, 'the legal twin');
my $functions = ($cluster->run("SELECT string_agg(name, ' ' ORDER BY name COLLATE \"C\") FROM soup_api.catalogue()", @gateway))[0];
is( $functions,
	$cluster->sql(q{SELECT string_agg(p.proname, ' ' ORDER BY p.proname COLLATE "C") FROM pg_proc p
		WHERE p.pronamespace = 'soup_api'::regnamespace AND has_function_privilege('soup_gateway', p.oid, 'EXECUTE') AND p.proname <> 'catalogue'}),
	'the catalogue lists exactly what the gateway may execute');
like($functions, qr/\blogin\b.*\bnearest\b/, 'and that is the API');
$cluster->refused('SET ROLE soup_dba; SELECT soup_api.catalogue()', '42501', 'the catalogue is the gateway\'s');

is(catalogue_digest(), $before, 'nothing was made, changed or granted');
$cluster->node->stop;
done_testing();
