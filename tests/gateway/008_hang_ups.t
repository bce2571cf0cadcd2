# Clients that go while their append is under way. A joined call refers to the bodies of its requests, so those must
# live until it has ended, whatever their connections do: tried on a gateway compiled with the address sanitizer.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Socket qw(SOL_SOCKET SO_LINGER);
use SoupGateway;
use Test::More;

my $node = make_cluster('hang_ups');
make_org($node, 'acme', 'pump');
my $producer = basic('acme-producer', 'producer of acme');
my $gateway = start_gateway($node, program => 'sanitized/soup_gateway', 'drain-ms' => 300);
is append_json($gateway, $producer, 'pump', [0])->{status}, 200, 'logged in';

# Bodies of each type that are longer than a string holds in itself and than a socket's buffer takes at once.
my $rows = 2000;
my %body = (
    'application/json' => encode({ model => 'pump', records => [ map { 'j' x 200 } 1 .. $rows ] }),
    'application/x-ndjson' => join('', map { '"' . 'n' x 200 . qq("\n) } 1 .. $rows),
    'application/octet-stream' => 'o' x 400_000,
    # FORMAT.md: a column of bytes.
    'application/vnd.soup.columns' => pack('a4 C C v V C C a x V*', 'SCOL', 1, 0, 1, $rows, 8, 1, 'r', (200) x $rows) . 'c' x (200 * $rows));
my %records = map { $_ => $_ eq 'application/octet-stream' ? 1 : $rows } keys %body;
my @types = sort keys %body;

sub send_append {
    my ($type, @headers) = @_;
    my $socket = connect_to($gateway);
    my $target = '/v1/append' . ($type eq 'application/json' ? '' : '?model=pump');
    my $message = join "\r\n", "POST $target HTTP/1.1", 'Host: x', $producer, "Content-Type: $type", @headers,
        'Content-Length: ' . length $body{$type}, '', $body{$type};
    my $sent = 0;
    while ($sent < length $message) { $sent += syswrite $socket, $message, length($message) - $sent, $sent }
    return $socket;
}

sub hang_up {
    my ($socket, $how) = @_;
    setsockopt $socket, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0) or die "setsockopt: $!" if $how eq 'reset';
    close $socket;
}

# Runs $while as long as no partition's row can be had, hence as long as an append's call waits in the server.
sub while_appends_wait {
    my ($while) = @_;
    my $lock = $node->background_psql('soup');
    $lock->query_safe('BEGIN; SELECT count(*) FROM (SELECT FROM soup.partition FOR UPDATE) p;');
    $while->();
    $lock->query_safe('COMMIT;');
    $lock->quit;
}
sub calls_wait {
    my ($count) = @_;
    my $waiting = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'soup_gateway append' AND wait_event_type = 'Lock'";
    my $do_wait = wait_for(sub { $node->safe_psql('postgres', $waiting) >= $count }, "$count calls wait");
    diag PostgreSQL::Test::Utils::slurp_file($gateway->{stderr}) unless $do_wait;
    return $do_wait;
}
# Bytes on their way to the gateway: a reset destroys what has not been read.
sub bytes_unread {
    my ($port, $bytes) = (sprintf(':%04X', $gateway->{port}), 0);
    for (split /\n/, PostgreSQL::Test::Utils::slurp_file('/proc/net/tcp')) {
        my (undef, $local, $remote, undef, $queues) = split ' ';
        $bytes += hex $_ for "$local $remote" =~ /$port\b/ ? split(/:/, $queues) : ();
    }
    return $bytes;
}
sub connections { return get($gateway, '/metrics')->{body} =~ /^soup_gateway_connections (\d+)$/m ? $1 : die 'no metrics' }
sub is_whole {
    my ($expected, $what) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    ok wait_for(sub { raw_count($node) == $expected }, "$expected records are stored"), "$what: all are stored, once"
        or diag raw_count($node);
    is $node->safe_psql('soup', "SELECT count(*) FROM soup.verify_raw('acme', 'pump')"), 0, "$what: whole";
}

for my $how (qw(close reset)) {
    my $expected = raw_count($node);
    while_appends_wait(sub {
        # The first ones' calls are under way, those of the others wait in line.
        my @sockets = map { send_append($_) } @types, @types;
        ok calls_wait(2) && wait_for(sub { bytes_unread() == 0 }, 'all is read'), "$how: calls are under way";
        $expected += 2 * $records{$_} for @types;
        hang_up($_, $how) for @sockets;
        # Others come meanwhile, and take the memory of what was let go.
        is get($gateway, '/readyz')->{status}, 200, "$how: others are served" for 1 .. 20;
    });
    is_whole($expected, $how);
}

subtest 'a backend dies under the append of a client that has gone' => sub {
    my $expected = raw_count($node);
    while_appends_wait(sub {
        my @sockets = map { send_append($_, "Idempotency-Key: gone-$_") } @types;
        ok calls_wait(2) && wait_for(sub { bytes_unread() == 0 }, 'all is read'), 'calls are under way';
        hang_up($_, 'reset') for @sockets;
        $node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'soup_gateway append'");
        ok calls_wait(2), 'they are sent again, from the same bodies';
    });
    $expected += $records{$_} for @types;
    is_whole($expected, 'sent again');
};

subtest 'half a body' => sub {
    my $expected = raw_count($node);
    for my $how (qw(close reset)) {
        my $socket = connect_to($gateway);
        syswrite $socket, join "\r\n", 'POST /v1/append?model=pump HTTP/1.1', 'Host: x', $producer,
            'Content-Type: application/vnd.soup.columns', 'Content-Length: ' . length $body{'application/vnd.soup.columns'}, '',
            substr $body{'application/vnd.soup.columns'}, 0, 100_000;
        hang_up($socket, $how);
    }
    ok wait_for(sub { connections() <= 1 }, 'the connections have ended'), 'all but the one that asks have ended';
    is_whole($expected, 'nothing was added');
};

subtest 'the gateway ends under them' => sub {
    while_appends_wait(sub {
        my @sockets = map { send_append($_) } @types, @types;
        ok calls_wait(2), 'calls are under way';
        hang_up($_, 'reset') for @sockets[ 0 .. $#types ];
        is stop_gateway($gateway), 0, 'ended';
    });
};
is PostgreSQL::Test::Utils::slurp_file($gateway->{stderr}), '', 'the sanitizers had nothing to say';

done_testing;
