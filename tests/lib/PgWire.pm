# The server's protocol by hand, for what no client library sends: portals that are executed for some rows at a time.
package PgWire;
use strict;
use warnings;
use IO::Socket::UNIX;
use Socket qw(SOCK_STREAM);

# A session without a password, ready for a query.
sub new {
	my ($class, $node, $user, $database) = @_;
	my $socket = IO::Socket::UNIX->new(Type => SOCK_STREAM, Peer => $node->host . '/.s.PGSQL.' . $node->port)
	  or die "could not connect: $!";
	my $self = bless { socket => $socket }, $class;
	my $startup = pack('N', 196608) . join("\0", 'user', $user, 'database', $database, '', '');
	$self->put(pack('N', 4 + length $startup) . $startup);
	$self->answers;
	return $self;
}

sub put { my ($self, $bytes) = @_; $self->{socket}->syswrite($bytes) == length $bytes or die "could not write: $!"; return; }

sub get {
	my ($self, $count) = @_;
	my $bytes = '';
	while (length $bytes < $count) {
		$self->{socket}->sysread($bytes, $count - length $bytes, length $bytes) or die "the server hung up: $!";
	}
	return $bytes;
}

sub message { my ($type, $body) = @_; return $type . pack('N', 4 + length $body) . $body; }

# What came until the server is ready again: a word for each message that says something.
sub answers {
	my ($self) = @_;
	my @answers;
	while (1) {
		my ($type, $length) = unpack 'a N', $self->get(5);
		my $body = $self->get($length - 4);
		last if $type eq 'Z';
		if ($type eq 'D') { push @answers, 'row'; }
		elsif ($type eq 's') { push @answers, 'suspended'; }
		elsif ($type eq 'C') { push @answers, 'complete'; }
		elsif ($type eq 'E') {
			my %field = map { /^(.)(.*)$/s ? ($1 => $2) : () } split /\0/, $body;
			push @answers, join ' ', grep { defined } @field{qw(C n)};
			last if $field{S} eq 'FATAL';
		}
	}
	return join ', ', @answers;
}

# A statement without rows worth counting.
sub query { my ($self, $sql) = @_; $self->put(message('Q', "$sql\0")); return $self->answers; }

# Opens a portal by name, and executes it for so many rows, 0 for all.
sub open_portal {
	my ($self, $name, $sql, $rows) = @_;
	$self->put(message('P', "\0$sql\0" . pack 'n', 0) . message('B', "$name\0\0" . pack 'n n n', 0, 0, 0)
		  . message('E', "$name\0" . pack 'N', $rows) . message('S', ''));
	return $self->answers;
}

sub execute_portal {
	my ($self, $name, $rows) = @_;
	$self->put(message('E', "$name\0" . pack 'N', $rows) . message('S', ''));
	return $self->answers;
}

1;
