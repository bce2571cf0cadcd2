# Goal: on a hot standby everything that reads works with a token and gives the primary's answers; everything that writes
# is refused with 25006 PRIMARY_ONLY; and once the standby is promoted, no acknowledged append is missing, appends go on
# with dense offsets, and launcher and workers start by themselves.
#
# Method: real streaming replication, synchronous while the primary is killed. The functions that write are taken from the
# catalogue (VOLATILE), so that a new one is tried as well.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../gateway/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SoupGateway;
use Test::More;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->append_conf('postgresql.conf', <<'CONF');
shared_preload_libraries = 'machinesoup'
soup.database = 'soup'
soup.max_processors = 2
soup.poll_ms = 200
max_connections = 40
CONF
$primary->start;
$primary->safe_psql('postgres', 'CREATE DATABASE soup');
$primary->safe_psql('soup', <<'SQL');
CREATE EXTENSION machinesoup CASCADE;
SELECT soup.add_org('o'), soup.add_model('o', 'm'), soup.add_principal('o', 'p', 'producer', 'long enough 1'),
       soup.add_principal('o', 'c', 'consumer', 'long enough 2'), soup.add_principal(NULL, 's', 'data_scientist', 'long enough 3');
SELECT soup.grant_right('p', 'o', NULL, '*', 'append'), soup.grant_right('c', 'o', NULL, '*', 'query'), soup.grant_right('c', 'o', NULL, '*', 'promote');
SELECT soup.add_version('o', 'm', label, '{"runtime": "builtin", "entry": "passthrough", "input": {"content_type": "application/json", "key_field": "id"},
    "output": {"vector": 2, "position": {"type": "xyz", "fields": ["x", "y"]}}}') FROM unnest('{v1,v2}'::text[]) label;
SQL

sub token {
	my ($node, $name, $number) = @_;
	return $node->safe_psql('soup', "SELECT token FROM soup_api.login('$name', 'long enough $number')", extra_params => [ '-U', 'soup_gateway' ]);
}
my ($producer, $consumer, $scientist) = map { token($primary, @$_) } [ 'p', 1 ], [ 'c', 2 ], [ 's', 3 ];
$primary->safe_psql('soup', "SELECT soup_api.promote('$consumer', 'm', 'v1')");
sub append_statement {
	my ($n) = @_;
	return qq{SELECT first_offset FROM soup_api.append('$producer', 'm', ARRAY['{"id":"k$n","vector":[$n,1],"x":$n,"y":2}']::bytea[], content_type => 'application/json', idempotency_key => '$n');\n};
}
my $drained = 'SELECT coalesce(sum(lag_records), 0) = 0 FROM soup.lag';
$primary->safe_psql('soup', join '', map { append_statement($_) } 0 .. 99);
ok($primary->poll_query_until('soup', $drained), 'the primary has processed what it has');

$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;
$primary->wait_for_catchup($standby);
is($standby->safe_psql('soup', 'SELECT pg_is_in_recovery()'), 't', 'a hot standby');

# --- reading ------------------------------------------------------------------------------------------------------------
my %reads = (
	list_models => "SELECT soup_api.list_models('%s')",
	describe_model => "SELECT soup_api.describe_model('%s', 'm')",
	nearest => "SELECT soup_api.nearest('%s', 'm', query => '{5,1}', k => 7)",
	'nearest, like' => "SELECT soup_api.nearest('%s', 'm', \"like\" => 'k3', k => 7)",
	within_box => "SELECT soup_api.within_box('%s', 'm', '{10,0}', '{20,5}')",
	within_radius => "SELECT soup_api.within_radius('%s', 'm', '{10,2}', 3)",
	get_point => "SELECT soup_api.get_point('%s', 'm', 'k42')",
	'the catalogue' => 'SELECT soup_api.catalogue()',
);
sub answer { my ($node, $query, $token) = @_; return $node->safe_psql('soup', sprintf($query, $token), extra_params => [ '-U', 'soup_gateway' ]) }
for my $name (sort keys %reads) {
	my $expected = answer($primary, $reads{$name}, $consumer);
	isnt($expected, '', "$name has an answer");
	is(answer($standby, $reads{$name}, $consumer), $expected, "$name: the standby gives the primary's");
}
my $paged = "SELECT soup_api.nearest('%s', 'm', query => '{5,1}', k => 20, page_size => 5%s)";
my ($page) = answer($primary, sprintf($paged, '%s', ''), $consumer) =~ /,([\w-]{40,})\)/;
# Without the next page's token, which has the time in it.
my ($here, $there) = map { answer($_, sprintf($paged, '%s', ", page => '$page'"), $consumer) =~ s/,[\w-]{40,}\)/,)/r } $standby, $primary;
is(scalar(split /\n/, $there), 5, 'a second page');
is($here, $there, 'a page begun on the primary goes on on the standby');
my $own = token($standby, 'c', 2);
is(answer($_, $reads{get_point}, $own), answer($primary, $reads{get_point}, $consumer), 'a token of the standby\'s login works on ' . $_->name)
  for $standby, $primary;

sub refusals {
	my ($node, $statements, @role) = @_;
	my ($out, $err) = ('', '');
	$node->psql('soup', "\\set VERBOSITY verbose\n$statements", stdout => \$out, stderr => \$err, on_error_stop => 0, @role ? (extra_params => [ '-U', @role ]) : ());
	my @refusals;
	for (split /\n/, $err) {
		if (/ERROR:  ([0-9A-Z]{5}):/) { push @refusals, $1 }
		elsif (/^CONSTRAINT NAME:  ([A-Z_]+)$/) { $refusals[-1] .= " $1" }
	}
	return @refusals;
}
is_deeply([ refusals($standby, "SELECT soup_api.list_models('$scientist')", 'soup_gateway') ], ['25006 PRIMARY_ONLY'],
	'data scientists are served by the primary only');
is_deeply([ refusals($standby, "SELECT soup_api.list_models('x$consumer')", 'soup_gateway') ], ['28000 TOKEN_BAD'], 'a bad token is refused as everywhere');

# What is taken away on the primary is taken away on the standby, in an open session too.
my $open = $standby->background_psql('soup', on_error_stop => 0);
my $list = "SELECT count(*) FROM soup_api.list_models('$consumer')";
is($open->query($list), '1', 'an open session on the standby');
$primary->safe_psql('soup', "SELECT soup.revoke_right('c', 'o', NULL, '*', r) FROM unnest('{query,promote}'::text[]) r");
$primary->wait_for_catchup($standby);
is($open->query($list), '0', 'sees a right go');
$primary->safe_psql('soup', "SELECT soup.grant_right('c', 'o', NULL, '*', r) FROM unnest('{query,promote}'::text[]) r");
$primary->wait_for_catchup($standby);
is($open->query($list), '1', 'and come back');

# --- writing ------------------------------------------------------------------------------------------------------------
my $tables = q{SELECT string_agg(format('%s %s', c.oid::regclass, (xpath('/row/n/text()', query_to_xml('SELECT count(*) AS n FROM ' || c.oid::regclass, false, true, '')))[1]), ', ' ORDER BY c.oid::regclass::text)
	FROM pg_class c WHERE c.relnamespace IN ('soup'::regnamespace, 'soup_data'::regnamespace) AND c.relkind IN ('r', 'p')};
my $before = $primary->safe_psql('soup', $tables);
is_deeply([ refusals($standby, append_statement(1000), 'soup_gateway') ], ['25006 PRIMARY_ONLY'], 'append is refused');
is_deeply(
	[ refusals($standby, "SELECT soup_api.append_many(ARRAY['$producer'], '{m}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{1}', '{x}', '{NULL}')", 'soup_gateway') ],
	['25006 PRIMARY_ONLY'], 'append_many is refused');
is_deeply([ refusals($standby, "SELECT soup_api.promote('$consumer', 'm', 'v2')", 'soup_gateway') ], ['25006 PRIMARY_ONLY'], 'promote is refused');
my @writing = split /\n/, $primary->safe_psql('soup', q{
	SELECT p.oid::regprocedure || '|' || format('SELECT %s.%I(%s)', p.pronamespace::regnamespace, p.proname,
	           (SELECT string_agg(format('NULL::%s', a::regtype), ', ') FROM unnest(p.proargtypes) a))
	  FROM pg_proc p
	 WHERE p.provolatile = 'v' AND (p.prosrc = 'soup_dba_call' OR (p.pronamespace = 'soup_api'::regnamespace AND p.prosrc = 'soup_api_call'))
	 ORDER BY 1});
cmp_ok(scalar @writing, '>=', 11, 'functions that write: ' . scalar @writing);
for (@writing) {
	my ($name, $call) = split /\|/;
	# A function of the API looks at its token first.
	$call =~ s/\(NULL::text/('$consumer'/ if $name =~ /^soup_api\./;
	is_deeply([ refusals($standby, $call) ], ['25006 PRIMARY_ONLY'], "$name is refused");
}
is($primary->safe_psql('soup', $tables), $before, 'nothing was stored');
is($standby->safe_psql('soup', $tables), $before, 'nor on the standby');
is($standby->safe_psql('soup', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'machinesoup%'}), '0', 'neither launcher nor workers run there');
is($standby->safe_psql('soup', q{SELECT string_agg(problem, ', ') FROM soup.doctor() WHERE subject NOT LIKE 'setting %'}), '', 'doctor() has nothing to say');

# --- a gateway in front of the standby ----------------------------------------------------------------------------------
my $gateway = start_gateway($standby);
my $response = post($gateway, 'nearest', { model => 'm', query => [ 5, 1 ], k => 3 }, "Authorization: Bearer $consumer");
is($response->{status}, 200, 'a gateway answers from the standby') or diag $response->{body};
is(scalar @{ json_of($response)->{rows} }, 3, 'with the rows');
is_problem append_json($gateway, "Authorization: Bearer $producer", 'm', [1]), 503, 'PRIMARY_ONLY', 'an append over HTTP';
is_problem post($gateway, 'promote', { model => 'm', label => 'v2' }, "Authorization: Bearer $consumer"), 503, 'PRIMARY_ONLY', 'a promotion over HTTP';

# --- the primary dies, the standby is promoted --------------------------------------------------------------------------
$primary->safe_psql('postgres', q{ALTER SYSTEM SET synchronous_standby_names = '*'});
$primary->reload;
ok($primary->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync'}), 'replication is synchronous');
my @acknowledged = split /\n/, $primary->safe_psql('soup', join '', map { append_statement($_) } 100 .. 199);
$primary->kill9;
$standby->promote;
ok($standby->poll_query_until('soup', 'SELECT NOT pg_is_in_recovery()'), 'the standby is promoted');
is("@acknowledged", join(' ', 100 .. 199), 'a hundred appends were acknowledged');
is($standby->safe_psql('soup', 'SELECT sum(record_count), max(first_offset) FROM soup.raw_batch'), '200|199', 'and none is lost');
is($standby->safe_psql('soup', append_statement(150), extra_params => [ '-U', 'soup_gateway' ]), '150', 'one that is repeated is recognised');
is($standby->safe_psql('soup', append_statement($_), extra_params => [ '-U', 'soup_gateway' ]), $_, "appends go on at offset $_") for 200 .. 202;
is($standby->safe_psql('soup', q{SELECT * FROM soup.verify_raw('o', 'm')}), '', 'offsets are dense');
ok($standby->poll_query_until('soup', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'machinesoup launcher'}), 'a launcher starts');
ok($standby->poll_query_until('soup', $drained), 'and workers process what is left');
my $points = 'soup_data.' . $standby->safe_psql('soup', q{SELECT storage FROM soup.version WHERE label = 'v1'});
is($standby->safe_psql('soup', "SELECT count(*), count(DISTINCT source_offset) FROM $points"), '203|203', 'every record is a point');

is($open->query($list), '1', 'the session that was open on the standby goes on');
$standby->safe_psql('soup', q{SELECT soup.revoke_right('c', 'o', NULL, '*', r) FROM unnest('{query,promote}'::text[]) r});
is($open->query($list), '0', 'and sees what changes now');
$open->quit;
$standby->safe_psql('soup', q{SELECT soup.grant_right('c', 'o', NULL, '*', r) FROM unnest('{query,promote}'::text[]) r});
is($standby->safe_psql('soup', "SELECT (soup_api.promote('$consumer', 'm', 'v2')).previous", extra_params => [ '-U', 'soup_gateway' ]), 'v1', 'promote works');
is(answer($standby, "SELECT count(*) FROM soup_api.list_models('%s')", $scientist), '0', 'data scientists are served');
is(append_json($gateway, "Authorization: Bearer $producer", 'm', [ { id => 'http', vector => [ 1, 1 ], x => 1, y => 1 } ])->{status}, 200,
	'the gateway that stood before the standby appends');
stop_gateway($gateway);
$standby->stop;
done_testing();
