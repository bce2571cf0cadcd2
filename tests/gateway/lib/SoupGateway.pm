# What the gateway tests share: a cluster with machinesoup and one org, a gateway in front, raw HTTP.
#
# Requests go over plain sockets, byte for byte as the test writes them: a client library would repair what
# the tests want to break.
package SoupGateway;

use strict;
use warnings;
use Exporter 'import';
use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use MIME::Base64 ();
use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

our @EXPORT = qw(make_cluster make_org start_gateway stop_gateway connect_to request get post append_json
    basic json_of encode read_response is_problem wait_for send_blocked memory_kb raw_count);

my %running; # gateways by process id
my $json = JSON::PP->new->utf8->canonical->allow_nonref;
sub encode { return $json->encode($_[0]) }

sub make_cluster {
    my ($name) = @_;
    my $node = PostgreSQL::Test::Cluster->new($name);
    $node->init;
    $node->append_conf('postgresql.conf', <<CONF);
shared_preload_libraries = 'machinesoup'
soup.database = 'soup'
max_connections = 60
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
CONF
    $node->start;
    $node->safe_psql('postgres', 'CREATE DATABASE soup');
    $node->safe_psql('soup', 'CREATE EXTENSION soupvec; CREATE EXTENSION machinesoup');
    return $node;
}

my $manifest = <<'JSON';
{"runtime":"builtin","entry":"passthrough",
 "input":{"content_type":"application/json","key_field":"key"},
 "output":{"vector":2,"metric":"l2","position":null,"attributes":{"grade":"integer"}},
 "index":{}}
JSON

# An org with a model, a default version, and a producer and a consumer named <org>-producer, <org>-consumer.
sub make_org {
    my ($node, $org, $model) = @_;
    $node->safe_psql('soup', <<SQL);
SELECT soup.add_org('$org');
SELECT soup.add_model('$org', '$model');
SELECT soup.add_version('$org', '$model', 'v1', \$m\$$manifest\$m\$);
SELECT soup.add_principal('$org', '$org-producer', 'producer', 'producer of $org');
SELECT soup.add_principal('$org', '$org-consumer', 'consumer', 'consumer of $org');
SELECT soup.grant_right('$org-producer', '$org', '$model', '*', 'append');
SELECT soup.grant_right('$org-consumer', '$org', '$model', '*', 'query');
SELECT soup.grant_right('$org-consumer', '$org', '$model', '*', 'promote');
SQL
}

sub basic { return 'Authorization: Basic ' . MIME::Base64::encode_base64("$_[0]:$_[1]", '') }

# Returns { pid, port, log, stderr } of a gateway that is ready (or, with wait => 0, only listening). program => names another
# binary of the build folder, such as the one with sanitizers.
sub start_gateway {
    my ($node, %option) = @_;
    my $dir = PostgreSQL::Test::Utils::tempdir();
    my $wait = delete $option{wait} // 1;
    my $program = delete $option{program} // 'soup_gateway';
    my @args = ("$ENV{SOUP_BUILD}/$program", '--listen', (delete $option{host} // '127.0.0.1') . ':' . (delete $option{port} // 0),
        '--port-file', "$dir/port", '--log', "$dir/gateway.log",
        '--conninfo', 'host=' . $node->host . ' port=' . $node->port . ' dbname=soup user=soup_gateway');
    push @args, defined $option{$_} ? ("--$_", $option{$_}) : "--$_" for sort keys %option;
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        open STDOUT, '>', "$dir/stdout";
        open STDERR, '>', "$dir/stderr";
        exec @args or POSIX::_exit(127);
    }
    wait_for(sub { -s "$dir/port" || waitpid($pid, POSIX::WNOHANG()) == $pid }, 'the gateway listens');
    open my $in, '<', "$dir/port" or die "gateway did not start: " . PostgreSQL::Test::Utils::slurp_file("$dir/stderr");
    chomp(my $port = <$in>);
    $running{$pid} = 1;
    my $gateway = { pid => $pid, port => $port, log => "$dir/gateway.log", stderr => "$dir/stderr" };
    if ($wait) {
        my $ready = wait_for(sub { get($gateway, '/readyz')->{status} == 200 }, 'the gateway is ready');
        diag PostgreSQL::Test::Utils::slurp_file("$dir/gateway.log") unless $ready;
    }
    return $gateway;
}

END {
    # A test that dies must not leave a gateway behind.
    my $status = $?;
    kill 'KILL', keys %running;
    $? = $status;
}

sub stop_gateway {
    my ($gateway, $signal) = @_;
    kill $signal // 'TERM', $gateway->{pid};
    waitpid $gateway->{pid}, 0;
    delete $running{ $gateway->{pid} };
    return $?;
}

# Polls until true; false (and a diagnostic) when it takes longer than any healthy machine needs.
sub wait_for {
    my ($condition, $what) = @_;
    my $give_up = time + $PostgreSQL::Test::Utils::timeout_default;
    while (time < $give_up) {
        return 1 if $condition->();
        sleep 0.05;
    }
    diag "gave up waiting until $what";
    return 0;
}

# From another address of the loopback, if one is given.
sub connect_to {
    my ($gateway, $source) = @_;
    return IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $gateway->{port}, Proto => 'tcp',
        $source ? (LocalAddr => $source) : ())
        // die "cannot connect to the gateway: $!";
}

# Sends a call that a lock of another transaction holds up. Returns its connection when a session of the gateway's
# pool (append, write) waits for that lock.
sub send_blocked {
    my ($node, $gateway, $pool, $function, $auth, $arguments) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $socket = connect_to($gateway);
    my $body = encode($arguments);
    syswrite $socket, join "\r\n", "POST /v1/$function HTTP/1.1", 'Host: x', $auth, 'Content-Type: application/json',
        'Content-Length: ' . length $body, '', $body;
    my $waiting = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'soup_gateway $pool' AND wait_event_type = 'Lock'";
    ok wait_for(sub { $node->safe_psql('postgres', $waiting) > 0 }, "$function waits"), "$function is under way";
    return $socket;
}

# Reads one response; leftover bytes stay in ${*$socket}{soup_rest}. Body of a chunked response is joined;
# {whole} says whether the framing came to its end. undef when the connection ended before a status line.
sub read_response {
    my ($socket) = @_;
    my $buffer = delete(${*$socket}{soup_rest}) // '';
    my $more = sub {
        IO::Select->new($socket)->can_read($PostgreSQL::Test::Utils::timeout_default) or return 0;
        my $read = sysread $socket, $buffer, 1 << 20, length $buffer;
        return $read;
    };
    until ($buffer =~ /\r\n\r\n/) { $more->() or return undef }
    my ($head, $rest) = split /\r\n\r\n/, $buffer, 2;
    $buffer = $rest;
    my ($line, @fields) = split /\r\n/, $head;
    my %header = map { /^([^:]+): ?(.*)$/ ? (lc $1 => $2) : () } @fields;
    my ($status) = $line =~ m{^HTTP/1\.1 (\d{3}) };
    my $response = { status => $status, header => \%header, body => '', whole => 1 };
    if (($header{'transfer-encoding'} // '') eq 'chunked') {
        while (1) {
            my $digits;
            until (($digits) = $buffer =~ /^([0-9a-f]+)\r\n/) { $more->() or do { $response->{whole} = 0; return $response } }
            my ($size, $skip) = (hex $digits, length($digits) + 2);
            while (length $buffer < $skip + $size + 2) { $more->() or do { $response->{whole} = 0; return $response } }
            $response->{body} .= substr $buffer, $skip, $size;
            $buffer = substr $buffer, $skip + $size + 2;
            last if $size == 0;
        }
    } elsif (defined $header{'content-length'}) {
        while (length $buffer < $header{'content-length'}) { $more->() or do { $response->{whole} = 0; last } }
        $response->{body} = substr $buffer, 0, $header{'content-length'}, '';
    }
    ${*$socket}{soup_rest} = $buffer if length $buffer;
    return $response;
}

# One request on a fresh connection: request($gateway, 'POST', '/v1/append', [header lines], body).
sub request {
    my ($gateway, $method, $target, $headers, $body) = @_;
    my $socket = ref $gateway eq 'HASH' ? connect_to($gateway) : $gateway;
    my $message = join "\r\n", "$method $target HTTP/1.1", 'Host: test', @{ $headers // [] };
    $message .= "\r\nContent-Length: " . length $body if defined $body;
    $message .= "\r\n\r\n" . ($body // '');
    local $SIG{PIPE} = 'IGNORE';
    my $sent = 0;
    while ($sent < length $message) {
        my $count = syswrite $socket, $message, length($message) - $sent, $sent;
        last unless defined $count;
        $sent += $count;
    }
    return read_response($socket);
}

sub get { return request($_[0], 'GET', $_[1], $_[2]) }

sub post {
    my ($gateway, $function, $arguments, @headers) = @_;
    my $body = ref $arguments ? encode($arguments) : $arguments;
    return request($gateway, 'POST', "/v1/$function", [ 'Content-Type: application/json', @headers ], $body);
}

sub append_json {
    my ($gateway, $auth, $model, $records, %more) = @_;
    return post($gateway, 'append', { model => $model, records => $records, %more }, $auth);
}

sub json_of { return $json->decode($_[0]->{body}) }

# One assertion for a refusal: status, code, form, request id, nothing of the inside.
sub is_problem {
    my ($response, $status, $code, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    subtest $name => sub {
        ok $response, 'answered' or return;
        is $response->{status}, $status, 'status';
        is $response->{header}{'content-type'}, 'application/problem+json', 'content type';
        my $problem = eval { json_of($response) } // {};
        is $problem->{code}, $code, 'code';
        is $problem->{status}, $status, 'status in the document';
        is $problem->{request_id}, $response->{header}{'x-request-id'}, 'request id';
        unlike $response->{body}, qr/SELECT|soup_api\.|pg_|\.cpp|\/home|\/tmp/, 'nothing of the inside';
    } or diag explain $response;
}

sub memory_kb {
    my ($gateway) = @_;
    open my $in, '<', "/proc/$gateway->{pid}/statm" or return undef;
    return (split ' ', <$in>)[1] * POSIX::sysconf(POSIX::_SC_PAGESIZE()) / 1024;
}

# Records in the raw log, over all batches.
sub raw_count {
    my ($node) = @_;
    return $node->safe_psql('soup', 'SELECT coalesce(sum(record_count), 0) FROM soup.raw_batch');
}

1;
