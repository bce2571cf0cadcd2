# Goal: ALTER EXTENSION … UPDATE under load. A session of the old version gets one clear error, or finishes on the old code
# what it had begun; new sessions, launcher, workers and the gateway move to the new library without a restart of the
# server; every append that was acknowledged meanwhile is stored once and processed once; and the updated database has
# the same functions as one that began with the new version.
#
# Method: the next version is this code with another number (NEXT_VERSION), installed beside it while the server runs.
# Clients append over HTTP all the time, every other one with an idempotency key. Records of model "m" carry the client's
# count as their key, so each acknowledged offset can be looked up; model "w" carries windows over from batch to batch,
# so a record processed twice or not at all would show beside a twin version that processes the whole log afterwards.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SoupGateway;
use Test::More;

my ($old, $new) = ($ENV{VERSION}, $ENV{NEXT_VERSION});
my $clients = 3;

my $node = PostgreSQL::Test::Cluster->new('update');
$node->init;
$node->append_conf('postgresql.conf', <<'CONF');
shared_preload_libraries = 'machinesoup'
soup.database = 'soup'
soup.max_processors = 2
max_connections = 60
CONF
$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE soup');
sub sql { return $node->safe_psql('soup', $_[0]) }
sql(<<"SQL");
CREATE EXTENSION machinesoup CASCADE;
SELECT soup.add_org('o'), soup.add_principal('o', 'p', 'producer', 'long enough 1'), soup.add_principal('o', 'c', 'consumer', 'long enough 2');
SELECT soup.add_model('o', 'm', 2), soup.add_model('o', 'w', 2);
SELECT soup.grant_right('p', 'o', NULL, '*', 'append'), soup.grant_right('c', 'o', NULL, '*', r) FROM unnest('{query,promote}'::text[]) r;
SELECT soup.add_version('o', 'm', 'v1', '{"runtime": "builtin", "entry": "passthrough", "input": {"content_type": "application/json", "key_field": "id"},
    "output": {"vector": 2}}');
CREATE FUNCTION add_windows(label text) RETURNS uuid LANGUAGE sql AS \$\$
    SELECT soup.add_version('o', 'w', label, '{"runtime": "builtin", "entry": "window_convolution",
        "input": {"content_type": "application/json", "channels": ["v"]},
        "parameters": {"window": 32, "stride": 4, "features": 84, "fit": {"first_windows": 20}},
        "output": {"vector": 8, "attributes": {"score": "real"}}}') \$\$;
SELECT add_windows('windows');
CREATE TABLE plain (id int, embedding vector(2));
INSERT INTO plain SELECT i, format('[%s,1]', i)::vector FROM generate_series(1, 500) i;
SQL
my ($producer, $consumer) = map { sql("SELECT token FROM soup_api.login($_)") } "'p', 'long enough 1'", "'c', 'long enough 2'";
sql("SELECT soup_api.promote('$consumer', 'm', 'v1')");
sql("SELECT soup_api.promote('$consumer', 'w', 'windows')");
is(sql("SELECT extversion FROM pg_extension WHERE extname = 'machinesoup'"), $old, "$old is installed");

# --- clients ----------------------------------------------------------------------------------------------------------
my $gateway = start_gateway($node);
my @auth = ("Authorization: Bearer $producer");
my $folder = PostgreSQL::Test::Utils::tempdir();

# Appends until the file "stop" is there, and writes down every answer: status, model, key, partition, offset.
sub run_client {
	my ($c) = @_;
	open my $answers, '>>', "$folder/client_$c" or POSIX::_exit(1);
	$answers->autoflush(1);
	for (my $n = 1; !-e "$folder/stop"; $n++) {
		my ($model, $record) = $n % 2 ? ('m', { id => "$c-$n", vector => [ $c, $n ] }) : ('w', { v => sin($n / 5) + 0.3 * sin($n * $n / 97) });
		my @key = $n % 4 < 2 ? ("Idempotency-Key: $c-$n") : ();
		my $response = eval { post($gateway, 'append', { model => $model, stream => "s$c", records => [$record] }, @auth, @key) };
		my $answer = $response ? json_of($response) : {};
		print $answers join(' ', $response ? $response->{status} : 0, $model, "$c-$n", $answer->{partition} // -1, $answer->{first_offset} // -1,
			$answer->{code} // '-', $answer->{detail} // '-'), "\n";
	}
	POSIX::_exit(0);
}
my ($test, @pids) = ($$);
END {
	# A test that dies must not leave clients behind.
	my $status = $?;
	kill 'KILL', @pids if $$ == $test;
	$? = $status;
}
for my $c (1 .. $clients) {
	append_to_file("$folder/client_$c", '');
	my $pid = fork // die "fork: $!";
	run_client($c) if $pid == 0;
	push @pids, $pid;
}
sub answers { return map { [ split / /, $_, 7 ] } map { split /\n/, slurp_file("$folder/client_$_") } 1 .. $clients }
# Waits until so many more appends have been acknowledged.
sub more_appends {
	my ($count, $name) = @_;
	my $wanted = $count + grep { $_->[0] == 200 } answers();
	return ok(wait_for(sub { $wanted <= grep { $_->[0] == 200 } answers() }, $name), $name);
}
more_appends(300, 'clients append through the old version');

# --- sessions of the old version ----------------------------------------------------------------------------------------
sub session {
	my ($name) = @_;
	my $session = $node->background_psql('soup', on_error_stop => 0);
	$session->query_safe("SET application_name = '$name'; \\set VERBOSITY verbose");
	return $session;
}
sub refusal {
	my ($session, $query) = @_;
	$session->{stderr} = '';
	$session->query($query);
	my $err = $session->{stderr};
	$session->{stderr} = '';
	return $err;
}
my $list = "SELECT soup_api.list_models('$consumer')";
my $queried = session('queried');
is($queried->query($list . ' LIMIT 1'), '(m,v1,{v1})', 'a session that has queried');
my $cursor = session('cursor');
$cursor->query_safe("BEGIN; DECLARE distances CURSOR FOR SELECT id, embedding <-> '[0,1]' FROM plain ORDER BY id; DECLARE vectors CURSOR FOR SELECT embedding FROM plain ORDER BY id;");
is($cursor->query('FETCH distances; FETCH vectors'), "1|1\n[1,1]", 'a session that holds cursors');
my $prepared = session('prepared');
$prepared->query_safe("PREPARE p AS SELECT count(*) FROM plain WHERE embedding <-> '[0,1]' < 10");
is($prepared->query('EXECUTE p'), '9', 'a session with a prepared statement');
my $gateway_role = $node->background_psql('soup', on_error_stop => 0, extra_params => [ '-U', 'soup_gateway' ]);
is($gateway_role->query("SELECT count(*) FROM soup_api.list_models('$consumer')"), '2', 'a session of the gateway\'s role');
my $idle = session('idle');
my @pooled = split /\n/, sql("SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'soup_gateway %'");
cmp_ok(scalar @pooled, '>=', 4, 'the gateway has sessions');
sub processes { return split /\n/, sql("SELECT pid FROM pg_stat_activity WHERE backend_type LIKE 'machinesoup $_[0]' ORDER BY pid") }
ok(wait_for(sub { processes('launcher') && processes('processor') }, 'launcher and worker'), 'launcher and worker run');
my ($launcher, @workers) = (processes('launcher'), processes('processor'));

# Which of the versioned libraries a process has mapped.
sub mapped {
	my ($pid) = @_;
	open my $maps, '<', "/proc/$pid/maps" or return '';
	my %seen = map { m{/((?:soupvec|machinesoup)-[\d.]+)\.so} ? ($1 => 1) : () } <$maps>;
	return join ' ', sort keys %seen;
}
like(mapped($launcher), qr/^machinesoup-\Q$old\E( soupvec-\Q$old\E)?$/, 'the launcher runs the old library');

# --- the update ---------------------------------------------------------------------------------------------------------
system("$ENV{SOUP_BUILD}/../tests/upgrade/install", $ENV{SOUP_PRIVATE}, $new, "$ENV{SOUP_BUILD}/upgrade") == 0 or die 'install failed';
more_appends(30, 'installing the new version changes nothing for a database of the old one');
is(sql("$list LIMIT 1"), '(m,v1,{v1})', 'nor for its new sessions');

like(refusal($queried, 'ALTER EXTENSION machinesoup UPDATE'), qr/ERROR:  55000: session holds machinesoup \Q$old\E, but \Q$new\E is installed\nHINT:  Reconnect\./,
	'a session that holds the old code cannot update');
is(sql("SELECT extversion FROM pg_extension WHERE extname = 'machinesoup'"), $old, 'and has changed nothing');
is($queried->query($list . ' LIMIT 1'), '(m,v1,{v1})', 'and works on');

# soupvec first, and for itself: its users may update it alone.
sql('ALTER EXTENSION soupvec UPDATE');
more_appends(100, 'appends go on with soupvec updated alone');
ok(wait_for(sub { my @now = processes('processor'); @now && !grep { mapped($_) =~ /soupvec-\Q$old\E( |$)/ } @now }, 'workers with the new soupvec'),
	'workers move to the new soupvec');
ok(wait_for(sub { sql('SELECT coalesce(sum(lag_records), 0) < 50 FROM soup.lag') eq 't' }, 'processing'), 'and keep up');
sql('ALTER EXTENSION machinesoup UPDATE');
is(sql(q{SELECT string_agg(extname || ' ' || extversion, ', ' ORDER BY extname) FROM pg_extension WHERE extname LIKE '%soup%'}),
	"machinesoup $new, soupvec $new", 'both extensions are updated');
is(sql("SELECT count(*) FROM pg_proc WHERE probin ~ '(soupvec|machinesoup)-' AND probin !~ '-\Q$new\E\$'"), '0', 'no function names another library');

# --- old sessions -------------------------------------------------------------------------------------------------------
my $reconnect = qr/ERROR:  55000: session holds machinesoup \Q$old\E, but \Q$new\E is installed\nHINT:  Reconnect\./;
my $reconnect_vector = qr/ERROR:  55000: session holds soupvec \Q$old\E, but \Q$new\E is installed\nHINT:  Reconnect\./;
like(refusal($queried, $list), $reconnect, 'the session that had queried is told to reconnect') for 1 .. 2;
like(refusal($queried, "SELECT soup_api.append('$producer', 'm', ARRAY['{}']::bytea[])"), $reconnect, 'an append too, and stores nothing');
is($queried->query('SELECT 1'), '1', 'and does everything else');
is($cursor->query('FETCH distances'), '2|2', 'an open cursor goes on with the old code');
is($cursor->query('FETCH vectors'), '[2,1]', 'its rows\' output too');
is($cursor->query('COMMIT; SELECT count(*) FROM plain'), '500', 'and its transaction can be committed');
like(refusal($cursor, 'SELECT embedding FROM plain'), $reconnect_vector, 'after that the session is told to reconnect');
like(refusal($prepared, 'EXECUTE p'), $reconnect_vector, 'a prepared statement is told to reconnect');
$gateway_role->{stderr} = '';
like(refusal($gateway_role, "\\set VERBOSITY verbose\n$list"), $reconnect, 'a session of the gateway\'s role is told so');

is($idle->query("$list LIMIT 1; SELECT embedding FROM plain WHERE id = 7"), "(m,v1,{v1})\n[7,1]", 'a session that had called nothing takes the new code');

# --- new sessions, launcher, workers, gateway ---------------------------------------------------------------------------
is(sql("$list LIMIT 1; SELECT embedding FROM plain WHERE id = 7"),
	"(m,v1,{v1})\n[7,1]", 'a new session works');
is($node->safe_psql('soup', "SELECT count(*) FROM soup_api.list_models('$consumer')", extra_params => [ '-U', 'soup_gateway' ]), '2',
	'a new session of the gateway\'s role works');
more_appends(300, 'the gateway goes on to append');
for my $ask ([ 'list_models', {} ], [ 'nearest', { model => 'm', query => [ 1, 1 ], k => 3 } ], [ 'promote', { model => 'm', label => 'v1' } ],
	[ 'login', { username => 'c', passphrase => 'long enough 2' } ])
{
	my $response = post($gateway, @$ask, $ask->[0] eq 'login' ? () : "Authorization: Bearer $consumer");
	is($response->{status}, 200, "the gateway answers $ask->[0]") or diag $response->{body};
}
my $stream = post($gateway, 'nearest', { model => 'm', query => [ 1, 1 ], k => 50 }, "Authorization: Bearer $consumer", 'Accept: application/x-ndjson');
like($stream->{body}, qr/"end":true,"rows":50/, 'and streams');
ok(wait_for(sub { my ($now) = processes('launcher'); defined $now && $now != $launcher && mapped($now) =~ /machinesoup-\Q$new\E/ }, 'a new launcher'),
	'the launcher runs the new library');
ok(wait_for(sub { my @now = processes('processor'); @now && !grep { mapped($_) !~ /machinesoup-\Q$new\E/ } @now }, 'new workers'),
	'the workers run the new library');
more_appends(100, 'appends go on');

# --- afterwards ---------------------------------------------------------------------------------------------------------
append_to_file("$folder/stop", '');
waitpid $_, 0 for @pids;
my @answers = answers();
my @refused = grep { $_->[0] != 200 } @answers;
is(scalar @refused, 0, 'no append through the gateway failed during the update') or diag explain [ @refused[ 0 .. ($#refused < 4 ? $#refused : 4) ] ];
my @unknown = grep { $_->[6] =~ /unknown whether/ } @refused;
ok(wait_for(sub { sql('SELECT coalesce(sum(lag_records), 0) FROM soup.lag') eq '0' }, 'everything is processed'), 'everything is processed');

my @stored = grep { $_->[0] == 200 } @answers;
is(sql('SELECT sum(record_count) FROM soup.raw_batch'), scalar @stored, 'as many records are stored as were acknowledged') unless @unknown;
is(sql("SELECT count(*) FROM soup.verify_raw('o', 'm')") + sql("SELECT count(*) FROM soup.verify_raw('o', 'w')"), 0, 'offsets are dense');
my $table = 'soup_data.' . sql("SELECT storage FROM soup.version WHERE label = 'v1'");
my %point = map { /^(\S+)\|(.*)$/ ? ($1 => $2) : () } split /\n/, sql("SELECT key, source_partition || ' ' || source_offset FROM $table");
my @lost = grep { $_->[1] eq 'm' && ($point{ $_->[2] } // 'nowhere') ne "$_->[3] $_->[4]" } @stored;
is(scalar @lost, 0, 'every acknowledged record is the point of its offset') or diag explain [ @lost[ 0 .. ($#lost < 4 ? $#lost : 4) ] ];
is(scalar(keys %point), scalar(grep { $_->[1] eq 'm' } @stored), 'and there is no other point') unless @unknown;

sql("SELECT add_windows('twin'); SELECT soup_api.promote('$consumer', 'w', 'twin')");
ok(wait_for(sub { sql('SELECT coalesce(sum(lag_records), 0) FROM soup.lag') eq '0' }, 'the twin is processed'), 'the twin has processed the whole log');
my ($disturbed, $undisturbed) = map { 'soup_data.' . sql("SELECT storage FROM soup.version WHERE label = '$_'") } 'windows', 'twin';
cmp_ok(sql("SELECT count(*) FROM $disturbed"), '>', 30, 'windows were made');
is(sql("SELECT count(*) FROM ((TABLE $disturbed EXCEPT TABLE $undisturbed) UNION ALL (TABLE $undisturbed EXCEPT TABLE $disturbed)) x"), '0',
	'and they are those of an undisturbed run');
is(sql('SELECT (SELECT count(*) FROM soup.quarantine) + (SELECT count(*) FROM soup.failure)'), '0', 'nothing was set aside, no failure was counted');
is(sql("SELECT count(*) FROM soup.cursor WHERE attempts > 0 OR failures > 0 OR retry_at > '-infinity'"), '0', 'no lane was set back');
is(sql("SELECT count(*) FROM soup.version WHERE state = 'suspended'"), '0', 'no version was suspended');

# --- no crash, no process left behind -----------------------------------------------------------------------------------
my $log = slurp_file($node->logfile);
unlike($log, qr/WARNING:|could not process/, 'nothing was reported that is no fault');
unlike($log, qr/PANIC|was terminated by signal|server process .* exited with exit code|XX\d\d\d/, 'nothing crashed');
is(scalar(grep { /^\s*Z/ } split /\n/, `ps -o stat= --ppid $node->{_pid}`), 0, 'no zombie');
$_->quit for $idle, $queried, $cursor, $prepared, $gateway_role;
my @behind = grep { mapped($_) =~ /-\Q$old\E( |$)/ } split /\n/, sql('SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()');
is(scalar @behind, 0, 'no process holds the old library once its session has ended') or diag sql('SELECT pid, backend_type, application_name FROM pg_stat_activity');
is(sql("SELECT * FROM soup.doctor() WHERE subject NOT LIKE 'setting %'"), '', 'doctor() finds nothing');
is(stop_gateway($gateway), 0, 'the gateway ends in peace');

# --- as if installed afresh -----------------------------------------------------------------------------------------------
$node->safe_psql('postgres', 'CREATE DATABASE fresh');
$node->safe_psql('fresh', 'CREATE EXTENSION machinesoup CASCADE');
my $functions = q{SELECT p.oid::regprocedure, p.prosrc, p.probin, p.proowner::regrole, p.proacl, p.proconfig, p.prosecdef, p.provolatile, p.proparallel,
	p.proisstrict, p.prosqlbody IS NULL, pg_get_function_result(p.oid), obj_description(p.oid, 'pg_proc')
	FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e' ORDER BY p.oid::regprocedure::text};
my $settings = q{SELECT r.rolname, s.setconfig FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole
	JOIN pg_database d ON d.oid = s.setdatabase AND d.datname = current_database()};
for ([ 'functions', $functions ], [ 'settings of roles', $settings ]) {
	my ($what, $query) = @$_;
	my $fresh = $node->safe_psql('fresh', $query);
	isnt($fresh, '', "$what of a fresh $new");
	is(sql($query), $fresh, "$what of the updated database are the same");
}
$node->stop;
done_testing();
