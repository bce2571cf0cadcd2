# A cluster with machinesoup installed, and the questions that the access tests ask: how is a statement refused, what
# token does a principal get, what would a token with other claims look like.
package AccessCluster;
use strict;
use warnings;
use File::Temp;
use IPC::Run;
use MIME::Base64 qw(encode_base64url decode_base64url);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

sub new {
	my ($class, $name, %options) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init;
	$node->append_conf('postgresql.conf', "shared_preload_libraries = 'machinesoup'\nsoup.database = 'soup'\n"
		  . "max_connections = 30\nsoup.max_processors = 0\n"
		  . ($options{conf} // ''));
	$node->start;
	$node->safe_psql('postgres', 'CREATE DATABASE soup');
	$node->safe_psql('soup', 'CREATE EXTENSION machinesoup CASCADE') unless $options{empty};
	return bless { node => $node }, $class;
}

sub node { return $_[0]{node}; }

# Sets a setting as the DBA would and waits until new sessions have it.
sub configure {
	my ($self, $name, $value) = @_;
	$self->{node}->safe_psql('soup', "ALTER SYSTEM SET $name = '$value'");
	$self->{node}->reload;
	$self->{node}->poll_query_until('soup', "SHOW $name", $value) or die "$name did not become $value";
}
sub sql { return $_[0]{node}->safe_psql('soup', $_[1]); }

# Runs statements, each on its own, as a role or superuser; returns what came out and what went wrong, verbosely.
sub run {
	my ($self, $statements, %options) = @_;
	my ($out, $err) = ('', '');
	my $database = $options{database} // 'soup';
	my @role = $options{role} ? (extra_params => [ '-U', $options{role} ]) : ();
	$self->{node}->psql($database, "\\set VERBOSITY verbose\n$statements", stdout => \$out, stderr => \$err,
		on_error_stop => 0, timeout => 120, @role);
	return ($out, $err);
}

# The refusals among the answers, as "SQLSTATE REASON" (reason empty where the server itself refuses).
sub refusals {
	my ($self, $statements, %options) = @_;
	my (undef, $err) = $self->run($statements, %options);
	my @refusals;
	for my $line (split /\n/, $err) {
		if ($line =~ /(?:ERROR|FATAL):  ([0-9A-Z]{5}):/) { push @refusals, $1; }
		elsif ($line =~ /^CONSTRAINT NAME:  ([A-Z_]+)$/) { $refusals[-1] .= " $1"; }
	}
	return @refusals;
}

# Asserts how statements are refused, in order.
sub refused {
	my ($self, $statements, $expected, $name, %options) = @_;
	my @got = $self->refusals($statements, %options);
	return is_deeply(\@got, ref $expected ? $expected : [$expected], $name);
}

# An org with one model and a principal of a kind with a right on everything in it; made if it is not there.
sub principal {
	my ($self, $org, $kind, $right) = @_;
	my $username = "$org-$kind";
	$self->sql(qq{
		SELECT soup.add_org('$org') WHERE NOT EXISTS (SELECT FROM soup.org WHERE name = '$org');
		SELECT soup.add_model('$org', 'pump') WHERE NOT EXISTS (SELECT FROM soup.model JOIN soup.org o USING (org) WHERE o.name = '$org');
		SELECT soup.add_principal(} . ($kind =~ /scientist|operator/ ? 'NULL' : "'$org'") . qq{, '$username', '$kind', 'correct horse');
		SELECT soup.grant_right('$username', '$org', NULL, '*', '$right');});
	return $username;
}

sub login {
	my ($self, $username) = @_;
	return $self->sql("SELECT token FROM soup_api.login('$username', 'correct horse')");
}

# The claims of a token as a hash. The layout is documented in extension/core/crypto/token.hpp.
my @fields = qw(version kind zero key_id system database epoch subject org token_id session issued not_before expires);
my $layout = 'C C v V Q< V V a16 a16 a16 a16 q< q< q<';

sub claims {
	my ($self, $token) = @_;
	my %claims;
	@claims{@fields} = unpack $layout, decode_base64url($token);
	return \%claims;
}

# Signs claims as the platform would, with a key of soup.signing_key or another seed, and another prefix if asked for.
sub seal {
	my ($self, $claims, %options) = @_;
	my $seed = $options{seed}
	  // pack('H*', $self->sql("SELECT encode(substr(secret_key, 1, 32), 'hex') FROM soup.signing_key WHERE key_id = $claims->{key_id}"));
	my $body = pack $layout, @$claims{@fields};
	my $dir = File::Temp->newdir;
	PostgreSQL::Test::Utils::append_to_file("$dir/key", pack('H*', '302e020100300506032b657004220420') . $seed);
	PostgreSQL::Test::Utils::append_to_file("$dir/text", ($options{prefix} // 'soup-access-1') . $body);
	my $said;
	IPC::Run::run([ 'openssl', 'pkeyutl', '-sign', '-rawin', '-keyform', 'DER', '-inkey', "$dir/key", '-in', "$dir/text",
			'-out', "$dir/signature" ], '>&', \$said)
	  or die "could not sign: $said";
	return encode_base64url($body . PostgreSQL::Test::Utils::slurp_file("$dir/signature"));
}

1;
