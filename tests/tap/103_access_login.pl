# Goal: login gives a token for the right passphrase and one uniform refusal for everything else, and hashing takes at
# most soup.argon_slots backends at a time (threats a16 without its clock, a17, a19, a20). Method: answers compared byte
# for byte; a backend stopped in the middle of a hash holds the only slot.
use strict;
use warnings;
use AccessCluster;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

my $cluster = AccessCluster->new('login', conf => "soup.argon_slots = 1\n");
my $user = $cluster->principal('A', 'consumer', 'query');
$cluster->sql(q{SELECT soup.add_principal('A', 'disabled', 'consumer', 'correct horse'), soup.add_principal('A', 'without', 'producer', 'correct horse'),
	soup.add_principal(NULL, 'scientist', 'data_scientist', 'correct horse'), soup.add_principal('A', 'umlaut', 'consumer', E'p\u00e4ssw\u00f6rter');
	UPDATE soup.principal SET disabled = true WHERE username = 'disabled';
	DELETE FROM soup.credential USING soup.principal p WHERE p.principal = credential.principal AND p.username = 'without'});
my $rows = $cluster->sql('SELECT count(*) FROM soup.principal, soup.credential');

sub answer {
	my ($username, $passphrase) = @_;
	my ($out, $err) = $cluster->run("SELECT token IS NOT NULL, org IS NOT NULL, kind FROM soup_api.login($username, $passphrase)",
		role => 'soup_gateway');
	$err =~ s/^psql:<stdin>:\d+: //mg;
	$err =~ s/^LOCATION:.*\n?//mg;
	return $out . $err;
}

is(answer("'$user'", "'correct horse'"), 't|t|consumer', 'the right passphrase');
is(answer("'scientist'", "'correct horse'"), 't|f|data_scientist', 'a data scientist has no org');

# One answer for every way to be wrong.
my $refusal = answer("'nobody'", "'correct horse'");
like($refusal, qr/^ERROR:  28P01: .*^CONSTRAINT NAME:  LOGIN_FAILED$/ms, 'an unknown user');
is(answer("'$user'", "'incorrect horse'"), $refusal, 'a wrong passphrase: the same bytes');
is(answer("'disabled'", "'correct horse'"), $refusal, 'a disabled user: the same bytes');
is(answer("'without'", "'correct horse'"), $refusal, 'a user without passphrase: the same bytes');
is(answer("'$user '", "'correct horse'"), $refusal, 'a name with a blank is another name');
is(answer("upper('$user')", "'correct horse'"), $refusal, 'a name in other letters is another name');

# a20: bytes are taken as they are.
is(answer("'umlaut'", q{E'p\u00e4ssw\u00f6rter'}), 't|t|consumer', 'a20 composed letters');
is(answer("'umlaut'", q{E'pa\u0308sswo\u0308rter'}), $refusal, 'a20 the same letters, decomposed, are another passphrase');
is(answer("'$user'", "'correct horse '"), $refusal, 'a20 a blank more');
$cluster->sql(q{SELECT soup.add_principal('A', 'long', 'consumer', repeat('x', 72) || 'tail one')});
is(answer("'long'", "repeat('x', 72) || 'tail two'"), $refusal, 'a20 equal in the first 72 bytes');
is(answer("'long'", "repeat('x', 72) || 'tail one'"), 't|t|consumer', 'a20 twin: all bytes equal');
for (
	[ 'NULL', "'correct horse'" ], [ "'$user'", 'NULL' ], [ "''", "'correct horse'" ], [ "'$user'", "''" ],
	[ "'$user'", "repeat('x', 1025)" ], [ "'$user'", "repeat('x', 1000000)" ], [ "repeat('x', 1000000)", "'correct horse'" ])
{
	like(answer(@$_), qr/^ERROR:  22023: .*^CONSTRAINT NAME:  BAD_INPUT$/ms, "a20 login(@$_)");
}

# Two passphrases while one is changed; one that has expired is none.
$cluster->sql(qq{INSERT INTO soup.credential (principal, slot, passphrase_hash)
	SELECT principal, 2, soup.hash_passphrase('second horse') FROM soup.principal WHERE username = '$user'});
is(answer("'$user'", "'correct horse'"), 't|t|consumer', 'the first of two passphrases');
is(answer("'$user'", "'second horse'"), 't|t|consumer', 'the second of two passphrases');
is(answer("'$user'", "'third horse'"), $refusal, 'neither of two passphrases');
$cluster->sql(qq{UPDATE soup.credential c SET expires_at = clock_timestamp() FROM soup.principal p
	WHERE p.principal = c.principal AND p.username = '$user' AND slot = 1});
is(answer("'$user'", "'correct horse'"), $refusal, 'an expired passphrase');
is(answer("'$user'", "'second horse'"), 't|t|consumer', 'the other one');

# The lives of tokens are set by kind. Each answer: hours that the token lives.
{
	my %default = (producer => 12, consumer => 8, data_scientist => 8, org_admin => 8, operator => 8);
	$cluster->sql("SELECT soup.add_principal(" . ($_ =~ /scientist|operator/ ? 'NULL' : "'A'") . ", 'life-$_', '$_', 'correct horse')")
	  for sort keys %default;
	my $hours = sub {
		return $cluster->sql("SELECT round(extract(epoch FROM expires_at - clock_timestamp()) / 3600) FROM soup_api.login('life-$_[0]', 'correct horse')");
	};
	for my $kind (sort keys %default) {
		is($hours->($kind), $default{$kind}, "a $kind\'s token lives as long as the default says");
		$cluster->configure("soup.token_life_${kind}_s", '3h');
		is($hours->($kind), 3, "a $kind\'s token lives as long as the setting says");
	}
}

# A key that is replaced verifies as long as the longest life.
{
	my $ends = q{SELECT round(extract(epoch FROM max(valid_to) - clock_timestamp()) / 3600) FROM soup.signing_key WHERE valid_to < 'infinity'};
	$cluster->sql('SELECT soup.rotate_signing_key()');
	is($cluster->sql($ends), 3, 'an old key verifies as long as the longest life that is set');
	$cluster->configure('soup.token_life_operator_s', '7d');
	$cluster->sql('SELECT soup.rotate_signing_key()');
	is($cluster->sql($ends), 7 * 24, 'one kind is enough');
}

# a19: the slot is held by a backend that is stopped in the middle of its hash.
my $busy = qr/^ERROR:  53300: .*^CONSTRAINT NAME:  BUSY$/ms;
my $script = $cluster->node->basedir . '/logins.sql';
append_to_file($script, "SELECT soup_api.login('nobody', 'correct horse');\n" x 2000);
my $said = '';
my $hasher = IPC::Run::start([ 'psql', '-XAtq', '-d', $cluster->node->connstr('soup') . ' application_name=hasher', '-f', $script ],
	'>&', \$said);
ok($cluster->node->poll_query_until('soup', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'hasher' AND query ~ 'login'}),
	'a19 somebody hashes');
my $pid = $cluster->sql(q{SELECT pid FROM pg_stat_activity WHERE application_name = 'hasher'});
my $got = '';
for my $try (1 .. 20)
{
	kill 'STOP', $pid;
	last if ($got = answer("'$user'", "'second horse'")) =~ $busy;
	kill 'CONT', $pid;
}
like($got, $busy, 'a19 the only slot is held: BUSY');
is($cluster->sql('SELECT 1'), '1', 'a19 other work goes on');
kill 'TERM', $pid;
kill 'CONT', $pid;
$hasher->finish;
is(answer("'$user'", "'second horse'"), 't|t|consumer', 'a19 twin: the slot of a session that was ended is free');

# a15: nothing of it in the server's log but what a DBA's own literals put there.
my $log = slurp_file($cluster->node->logfile);
unlike($log, qr/argon2id\$v=19/, 'a15 no hash in the log');
is($cluster->sql('SELECT count(*) FROM soup.principal, soup.credential') - $rows > 0, 1, 'only what was added here was added');

$cluster->node->stop;
done_testing();
