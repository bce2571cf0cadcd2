# Goal: a dump restores: the same rows, leaves and storage tables, the same protection, and a login of the same users;
# only signing keys are new (b44). Dropping the extension and making it again works too. Method: digests of all tables.
use strict;
use warnings;
use AccessCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $cluster = AccessCluster->new('dump');
my $node = $cluster->node;
my $producer = $cluster->principal('A', 'producer', 'append');
my $consumer = $cluster->principal('A', 'consumer', 'query');
$cluster->principal('B', 'consumer', 'query');
$cluster->sql(qq{SELECT soup.grant_right('$consumer', 'A', 'pump', 'prod-*', 'promote');
	SELECT soup.add_version('A', 'pump', 'prod-1', '{"runtime": "builtin", "entry": "passthrough",
		"input": {"content_type": "application/json"}, "output": {"vector": 2}}')});
my ($in, $out) = map { $cluster->login($_) } $producer, $consumer;
$cluster->sql(q{UPDATE soup.model m SET default_version = v.version FROM soup.version v WHERE (v.org, v.model) = (m.org, m.model);
	UPDATE soup.partition p SET default_version = v.version FROM soup.version v WHERE (v.org, v.model) = (p.org, p.model)});
$cluster->sql("SELECT soup_api.append('$in', 'pump', ARRAY['[1,2]', '[3,4]']::bytea[], idempotency_key => 'k$_')") for 1 .. 3;

# Long texts: what differs, and no more, if anything does.
sub same_lines {
	my ($got, $expected, $name) = @_;
	my %expected = map { $_ => 1 } split /\n/, $expected;
	my @surplus = grep { !delete $expected{$_} } split /\n/, $got;
	return is(join("\n", @surplus, '--', sort keys %expected), '--', $name);
}

# Every table's rows, every table's protection.
my $tables = q{SELECT format('%s %s', c.oid::regclass, md5(string_agg(r.row::text, E'\n' ORDER BY r.row::text)))
	FROM pg_class c, LATERAL (SELECT unnest(xpath('//row', query_to_xml(format('SELECT t::text FROM %s t', c.oid::regclass), true, false, ''))) AS row) r
	WHERE c.relkind = 'r' AND c.relnamespace IN ('soup'::regnamespace, 'soup_data'::regnamespace)
	AND c.relname NOT IN ('signing_key') GROUP BY c.oid ORDER BY 1};
my $protection = q{SELECT format('%s %s %s %s %s', c.oid::regclass, r.rolname, c.relrowsecurity, c.relforcerowsecurity, coalesce(c.relacl, acldefault('r', c.relowner)))
	|| coalesce((SELECT string_agg(concat_ws(' ', p.polname, p.polpermissive, pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)), ' | ' ORDER BY p.polname)
		FROM pg_policy p WHERE p.polrelid = c.oid), '')
	|| coalesce((SELECT string_agg(pg_get_triggerdef(t.oid), ' | ' ORDER BY t.tgname) FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal), '')
	FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner
	WHERE c.relkind IN ('r', 'p', 'v') AND c.relnamespace IN ('soup'::regnamespace, 'soup_data'::regnamespace) ORDER BY 1};
my $functions = q{SELECT format('%s %s %s', p.oid::regprocedure, r.rolname, p.proacl) FROM pg_proc p JOIN pg_roles r ON r.oid = p.proowner
	WHERE p.pronamespace IN ('soup'::regnamespace, 'soup_api'::regnamespace)
	   OR p.oid IN ('pg_advisory_lock(bigint)'::regprocedure, 'lo_create(oid)'::regprocedure) ORDER BY 1};

$node->command_ok([ 'pg_dump', '-Fc', '-f', $node->basedir . '/soup.dump', $node->connstr('soup') ], 'pg_dump');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('restored'), $node->basedir . '/soup.dump' ], 'pg_restore');

is($node->safe_psql('restored', $tables), $cluster->sql($tables), 'the same rows in every table');
like($cluster->sql($tables), qr/^soup_data\.r_[0-9a-f]{32}_\d{6} /m, 'leaves of the raw log among them');
same_lines($node->safe_psql('restored', $protection), $cluster->sql($protection), 'the same owners, privileges, policies and triggers');
is($node->safe_psql('restored', $functions), $cluster->sql($functions), 'the same functions');
isnt( $node->safe_psql('restored', 'SELECT secret_key FROM soup.signing_key'),
	$cluster->sql('SELECT secret_key FROM soup.signing_key'), 'another signing key');
{
	my ($stdout, $stderr) = run_command([ 'pg_restore', '--list', $node->basedir . '/soup.dump' ]);
	like($stdout, qr/TABLE DATA soup principal /, 'principals are in the dump');
	unlike($stdout, qr/TABLE DATA soup (signing_key|api_function) /, 'keys are not');
}
$cluster->refused("SELECT soup_api.list_models('$out')", '28000 TOKEN_BAD', 'an old token is for the old database', database => 'restored');
my $token = $node->safe_psql('restored', "SELECT token FROM soup_api.login('$consumer', 'correct horse')");
is($node->safe_psql('restored', "SELECT soup_api.list_models('$token')"), '(pump,prod-1,{prod-1})', 'the same users log in');
is($node->safe_psql('restored', q{SELECT problem FROM soup.doctor() WHERE severity = 'error' AND subject !~ '^(setting|processing)'}), '',
	'the doctor is content');
my $fresh = $node->safe_psql('restored', "SELECT token FROM soup_api.login('$producer', 'correct horse')");
is($node->safe_psql('restored', "SELECT (a).first_offset, (a).label FROM soup_api.append('$fresh', 'pump', ARRAY['[5,6]']::bytea[]) a"),
	'6|prod-1', 'and appends go on where they were');

# b44: who may not read may not dump, and the error is an error.
my %says = (soup_gateway => qr/permission denied|statement is not allowed/, soup_worker => qr/is not for clients/);
for my $role (sort keys %says) {
	my ($result, $stdout, $stderr) = run_pg_dump($role);
	isnt($result, 0, "b44 pg_dump as $role fails");
	like($stderr, $says{$role}, "b44 and says why, as $role");
}
sub run_pg_dump {
	my ($role) = @_;
	my ($stdout, $stderr) = ('', '');
	IPC::Run::run([ 'pg_dump', '-U', $role, $node->connstr('soup') ], '>', \$stdout, '2>', \$stderr);
	return ($? >> 8, $stdout, $stderr);
}

# Away and back.
$node->safe_psql('restored', 'DROP EXTENSION machinesoup CASCADE');
is($node->safe_psql('restored', q{SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'soup%'}), '0', 'dropped without a trace in the schemas');
$node->safe_psql('restored', 'CREATE EXTENSION machinesoup');
is($node->safe_psql('restored', 'SELECT count(*) FROM soup.org'), '0', 'made again, empty');
is($node->safe_psql('restored', $functions), $cluster->sql($functions), 'made again, the same');

# b49: nothing that stands there before is adopted.
$node->safe_psql('postgres', 'CREATE DATABASE planted');
$node->safe_psql('planted', 'CREATE SCHEMA soup; CREATE TABLE soup.org (name text)');
$cluster->refused('CREATE EXTENSION machinesoup CASCADE', '42P06', 'b49 a schema that is there already', database => 'planted');
is($node->safe_psql('planted', q{SELECT count(*) FROM pg_extension WHERE extname LIKE '%soup%'}), '0', 'b49 nothing half done');

$node->stop;
done_testing();
