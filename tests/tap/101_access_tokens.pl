# Goal: nothing but an unaltered, live token of this database, signed for this purpose by a valid key, is taken for one
# (threats a05 to a08, a11 to a13, a32). Method: tokens sealed here with the platform's own key and other claims; every
# refusal has a legal twin made the same way.
use strict;
use warnings;
use AccessCluster;
use MIME::Base64 qw(encode_base64url decode_base64url);
use Test::More;

my $cluster = AccessCluster->new('tokens');
my $user = $cluster->principal('A', 'consumer', 'query');
my $token = $cluster->login($user);
my $claims = $cluster->claims($token);
my $second = 1_000_000;

sub call { return "SELECT count(*) FROM soup_api.list_models('$_[0]');"; }
sub accepted { my ($text, $name) = @_; return $cluster->refused(call($text), [], $name, role => 'soup_gateway'); }
sub with { my %changes = @_; return $cluster->seal({ %$claims, %changes }); }
sub rejected {
	my ($text, $reason, $name) = @_;
	return $cluster->refused(call($text), "28000 $reason", $name, role => 'soup_gateway');
}
my $now = $cluster->sql('SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint');

accepted($token, 'the token of login');
accepted(with(), 'the same claims, sealed here');

# a06: times. The kind's life of 8 hours is the most.
rejected(with(expires => $now - $second), 'TOKEN_EXPIRED', 'a06 expired a second ago');
rejected(with(expires => $now), 'TOKEN_EXPIRED', 'a06 expires now');
rejected(with(not_before => $now + 3600 * $second), 'TOKEN_EXPIRED', 'a06 not valid yet');
rejected(with(expires => $claims->{issued} + 9 * 3600 * $second), 'TOKEN_EXPIRED', 'a06 lives longer than its kind may');
accepted(with(expires => $now + 600 * $second), 'a06 twin: expires in ten minutes');

# a06: the setting is asked at every check, so a shorter life ends tokens that were given out for longer.
{
	my $brief = with(expires => $claims->{issued} + 1800 * $second);
	$cluster->configure('soup.token_life_consumer_s', '1h');
	rejected($token, 'TOKEN_EXPIRED', 'a06 a life that was shortened');
	accepted($brief, 'a06 twin: a token within the shorter life');
	$cluster->configure('soup.token_life_consumer_s', '8h');
	accepted($token, 'a06 and back');
}

# a06: bound while it was valid, used again after its time in the same transaction.
{
	my $brief = with(expires => $cluster->sql('SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint') + 8 * $second);
	$cluster->refused('BEGIN;' . call($brief) . 'SELECT pg_sleep(8.2);' . call($brief) . 'ROLLBACK;' . call($token),
		['28000 TOKEN_EXPIRED'], 'a06 expires inside a transaction', role => 'soup_gateway');
}

# a05: the same length, other bytes; every bit of every byte is tried in the unit tests of core/crypto.
for my $place (0, 1, 8, 20, 30, 60, 100, 150, 200, 234) {
	my $altered = $token;
	substr($altered, $place, 1) = substr($token, $place, 1) eq 'A' ? 'B' : 'A';
	rejected($altered, 'TOKEN_BAD', "a05 character $place altered");
}
rejected($_->[0], 'TOKEN_BAD', "a05 $_->[1]")
  for [ substr($token, 0, -1), 'truncated' ], [ $token . 'A', 'appended' ], [ $token . '=', 'padded' ], [ $token =~ tr/_-/+\//r . '==', 'other alphabet' ],
  [ "$token ", 'blank after' ], [ "\n$token", 'line before' ], [ '', 'empty' ];

# a07, a08: another purpose, another key, another algorithm's shape.
rejected($cluster->seal($claims, prefix => $_), 'TOKEN_BAD', "a07 signed as $_")
  for 'soup-page-1', 'soup-lease-1', 'soup-receipt-1', '';
rejected($cluster->seal($claims, seed => "\x01" x 32), 'TOKEN_BAD', 'a08 a key of somebody else');
rejected($cluster->seal({ %$claims, key_id => $_ }, seed => "\x01" x 32), 'TOKEN_BAD', "a08 key number $_") for 0, 2, 4294967295;
rejected(encode_base64url('{"alg":"none"}') . '.' . encode_base64url('{"sub":"root"}') . '.', 'TOKEN_BAD', 'a08 alg none');
rejected(encode_base64url(substr(decode_base64url($token), 0, 112) . "\0" x 64), 'TOKEN_BAD', 'a08 zero signature');
{
	# S + L verifies under lax rules.
	my $bytes = decode_base64url($token);
	my @s = unpack 'C32', substr($bytes, 144);
	my @order = unpack 'C32', pack('H*', 'edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010');
	my $carry = 0;
	for my $i (0 .. 31) { $carry += $s[$i] + $order[$i]; $s[$i] = $carry & 255; $carry >>= 8; }
	substr($bytes, 144) = pack 'C32', @s;
	rejected(encode_base64url($bytes), 'TOKEN_BAD', 'a08 S + L');
}

# Claims that the table does not confirm.
rejected(with(kind => 5), 'TOKEN_BAD', 'another kind than the principal has');
rejected(with(org => "\x07" x 16), 'TOKEN_BAD', 'another org than the principal has');
rejected(with(subject => "\x07" x 16), 'TOKEN_BAD', 'nobody');
rejected(with(epoch => $claims->{epoch} + 1), 'TOKEN_BAD', 'an epoch to come');

# a11: for another database, another cluster, and in another database of this cluster.
rejected(with(database => $claims->{database} + 1), 'TOKEN_BAD', 'a11 another database');
rejected(with(system => $claims->{system} + 1), 'TOKEN_BAD', 'a11 another cluster');
$cluster->node->safe_psql('postgres', 'ALTER DATABASE soup ALLOW_CONNECTIONS false');
$cluster->node->safe_psql('postgres', q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'soup'});
$cluster->node->safe_psql('postgres', 'CREATE DATABASE copy TEMPLATE soup');
$cluster->node->safe_psql('postgres', 'ALTER DATABASE soup ALLOW_CONNECTIONS true');
$cluster->refused(call($token), '28000 TOKEN_BAD', 'a11 in a copy of the database', database => 'copy');
like($cluster->node->safe_psql('copy', "SELECT kind FROM soup_api.login('$user', 'correct horse')"), qr/consumer/,
	'a11 twin: who logs in there is served there');

# a12: what was true when the token was made, changed since; also between two calls of one transaction.
for (
	[ 'disabled', "UPDATE soup.principal SET disabled = %s WHERE username = '$user'", 'true', 'false' ],
	[ 'tokens revoked', "UPDATE soup.principal SET epoch = %s WHERE username = '$user'", 2, 1 ])
{
	my ($name, $change, $on, $off) = @$_;
	$cluster->sql(sprintf $change, $on);
	rejected($token, 'TOKEN_BAD', "a12 $name");
	$cluster->sql(sprintf $change, $off);
	accepted($token, "a12 twin: not $name");
}
{
	my $elsewhere = join ' ', 'psql', '-XAtq', '-d', "'" . $cluster->node->connstr('soup') . "'";
	my ($out) = $cluster->run("BEGIN;\n" . call($token) . "\n\\! $elsewhere -c 'DELETE FROM soup.\"grant\"'\n" . call($token) . "\nROLLBACK;",
		role => 'soup_gateway');
	is($out, "1\n0", 'a12 grants taken away count at the next call of the transaction');
	$cluster->sql(qq{DELETE FROM soup."grant"});
	is(($cluster->run(call($token), role => 'soup_gateway'))[0], '0', 'a12 no grants: nothing there');
	$cluster->sql("SELECT soup.grant_right('$user', 'A', NULL, '*', 'query')");
	is(($cluster->run(call($token), role => 'soup_gateway'))[0], '1', 'a12 twin: granted again');
}

# a13: keys. A new one signs, the old one goes on verifying until its time is over; one to come verifies nothing.
is($cluster->sql('SELECT soup.rotate_signing_key()'), '2', 'a13 a second key');
accepted($token, 'a13 twin: a token of the first key in the overlap');
my $newer = $cluster->login($user);
is($cluster->claims($newer)->{key_id}, 2, 'a13 the second key signs');
$cluster->sql('UPDATE soup.signing_key SET valid_to = clock_timestamp() WHERE key_id = 1');
rejected($token, 'TOKEN_BAD', 'a13 after the overlap');
accepted($newer, 'a13 twin: the newer token');
$cluster->sql(q{INSERT INTO soup.signing_key SELECT 3, public_key, secret_key, mac_key, now() + interval '1 hour' FROM soup.new_key()});
rejected($cluster->seal({ %$claims, key_id => 3 }), 'TOKEN_BAD', 'a13 a key not yet valid');
is($cluster->claims($cluster->login($user))->{key_id}, 2, 'a13 twin: it does not sign either');
$cluster->sql('DELETE FROM soup.signing_key');
rejected($newer, 'TOKEN_BAD', 'a13 all keys removed');
$cluster->refused("SELECT soup_api.login('$user', 'correct horse')", '55000', 'a13 no key, no login', role => 'soup_gateway');
$cluster->sql('SELECT soup.rotate_signing_key()');
accepted($cluster->login($user), 'a13 twin: a first key again');

# a32: the server's timeouts are switched off; the session still ends, five seconds after its identity.
{
	my $fresh = $cluster->claims($cluster->login($user));
	my $brief = $cluster->seal({ %$fresh,
			expires => $cluster->sql('SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint') + 2 * $second });
	my (undef, $err) = $cluster->run(
		'SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; BEGIN;' . call($brief) . 'SELECT pg_sleep(60);',
		role => 'soup_gateway');
	like($err, qr/terminating connection|server closed the connection/, 'a32 the deadline ends the session');
}

$cluster->node->stop;
done_testing();
