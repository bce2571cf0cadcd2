# The HTTP message itself: framing that two readers could understand differently, sizes, slowness, methods,
# routes, origins. After a framing error the connection is closed and nothing behind it is read as a request.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Select;
use SoupGateway;
use Test::More;
use Time::HiRes qw(time);

my $node = make_cluster('strictness');
make_org($node, 'acme', 'pump');
# Short deadlines, so that their effect can be waited for.
my $gateway = start_gateway($node, 'header-ms' => 500, 'body-ms' => 500, 'idle-ms' => 1500, 'write-ms' => 700);
my $producer = basic('acme-producer', 'producer of acme');
my $json = 'Content-Type: application/json';
my $good = '{"model":"pump","records":[1]}';

# Writes bytes as they are; returns the responses until the connection ends.
sub exchange {
    my ($bytes) = @_;
    my $socket = connect_to($gateway);
    local $SIG{PIPE} = 'IGNORE';
    syswrite $socket, $bytes;
    my @responses;
    while (my $response = read_response($socket)) { push @responses, $response }
    return @responses;
}

# A legal append behind the ambiguous message: it must never be understood as a request.
my $smuggled = "POST /v1/append HTTP/1.1\r\nHost: x\r\n$producer\r\n$json\r\nContent-Length: " . length($good) . "\r\n\r\n$good";
my $post = "POST /v1/append HTTP/1.1\r\nHost: x\r\n$producer\r\n$json\r\n";
my %ambiguous = (
    'Content-Length and Transfer-Encoding' => "${post}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    'Transfer-Encoding and Content-Length' => "${post}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    'two lengths' => "${post}Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
    'the same length twice' => "${post}Content-Length: 5\r\nContent-Length: 5\r\n\r\n",
    'a list of lengths' => "${post}Content-Length: 5, 5\r\n\r\n",
    'a signed length' => "${post}Content-Length: +5\r\n\r\n",
    'a negative length' => "${post}Content-Length: -1\r\n\r\n",
    'a hexadecimal length' => "${post}Content-Length: 0x5\r\n\r\n",
    'a length beyond 64 bits' => "${post}Content-Length: 99999999999999999999999\r\n\r\n",
    'xchunked' => "${post}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    'gzip, chunked' => "${post}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    'chunked twice' => "${post}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    'chunked in HTTP/1.0' => "POST /v1/append HTTP/1.0\r\n$producer\r\n$json\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    'blank before the colon' => "${post}Content-Length : 5\r\n\r\n",
    'folded header' => "${post}X-A: b\r\n c\r\nContent-Length: 5\r\n\r\n",
    'bare line feed' => "POST /v1/append HTTP/1.1\nHost: x\n\n",
    'bare line feed in the header' => "${post}X-A: b\nX-B: c\r\n\r\n",
    'NUL in a header' => "${post}X-A: b\0c\r\n\r\n",
    'chunk extension' => "${post}Transfer-Encoding: chunked\r\n\r\n1;a=b\r\nx\r\n0\r\n\r\n",
    'negative chunk' => "${post}Transfer-Encoding: chunked\r\n\r\n-1\r\nx\r\n0\r\n\r\n",
    'overflowing chunk' => "${post}Transfer-Encoding: chunked\r\n\r\n10000000000000001\r\nx\r\n0\r\n\r\n",
    'chunk without its end' => "${post}Transfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n",
    'trailer' => "${post}Transfer-Encoding: chunked\r\n\r\n0\r\nX-A: b\r\n\r\n",
    'no Host' => "POST /v1/append HTTP/1.1\r\n$producer\r\n$json\r\nContent-Length: 0\r\n\r\n",
    'two Hosts' => "${post}Host: y\r\nContent-Length: 0\r\n\r\n",
    'two Authorizations' => "${post}$producer\r\nContent-Length: 0\r\n\r\n",
    'HTTP/2 preface' => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    'no HTTP at all' => "\x16\x03\x01\x02\0\x01\0",
);
subtest 'ambiguous framing' => sub {
    my $stored = raw_count($node);
    for my $name (sort keys %ambiguous) {
        my ($first, @more) = exchange($ambiguous{$name} . $smuggled);
        ok $first && $first->{status} =~ /^(?:400|505)$/, "$name: refused" or diag explain $first;
        is $first->{header}{connection}, 'close', "$name: closed";
        is scalar @more, 0, "$name: nothing behind it is read";
    }
    is raw_count($node), $stored, 'nothing was stored';
    my @twins = exchange($smuggled . $smuggled =~ s/Host: x/Host: x\r\nConnection: close/r);
    is_deeply [ map { $_->{status} } @twins ], [ 200, 200 ], 'the legal twin, twice on one connection';
    my @chunked = exchange("${post}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
            . join('', map { sprintf "%x\r\n%s\r\n", length, $_ } '{"model":"pu', 'mp","records":[1]}') . "0\r\n\r\n");
    is $chunked[0]{status}, 200, 'legal chunks';
};

subtest 'sizes' => sub {
    is_problem request($gateway, 'GET', '/' . 'a' x 65536), 414, 'HTTP_URI_TOO_LONG', 'URL of 64 KiB';
    is_problem request($gateway, 'GET', '/healthz', [ 'X-A: ' . 'a' x 1_000_000 ]), 431, 'HTTP_HEADER_TOO_BIG', 'header of 1 MB';
    is_problem request($gateway, 'GET', '/healthz', [ map { "X-$_: a" } 1 .. 10_000 ]), 431, 'HTTP_HEADER_TOO_BIG', '10,000 headers';
    is_problem request($gateway, 'GET', '/healthz', [ map { "X-$_: a" } 1 .. 200 ]), 431, 'HTTP_HEADER_TOO_BIG', '200 small headers';
    my ($huge) = exchange("${post}Content-Length: 10000000000\r\n\r\n");
    is_problem $huge, 413, 'TOO_BIG', '10 GB announced: refused before a byte of it';
    my ($chunk) = exchange("${post}Transfer-Encoding: chunked\r\n\r\nfffffffff\r\n");
    is_problem $chunk, 413, 'TOO_BIG', 'a chunk of 64 GB announced';
    my ($lying) = exchange("${post}Content-Length: 100\r\n\r\n$good");
    is_problem $lying, 408, 'HTTP_TIMEOUT', 'a body that never comes';
    my ($bomb) = exchange("${post}Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nabcde");
    is_problem $bomb, 415, 'HTTP_MEDIA_TYPE', 'compressed bodies are not taken';
    cmp_ok memory_kb($gateway), '<', 200 * 1024, 'memory stays bounded';
};

subtest 'expectations' => sub {
    my $socket = connect_to($gateway);
    syswrite $socket, "${post}Expect: 100-continue\r\nContent-Length: " . length($good) . "\r\n\r\n";
    is read_response($socket)->{status}, 100, 'told to go on';
    syswrite $socket, $good;
    is read_response($socket)->{status}, 200, 'then answered';
    my ($refused) = exchange("${post}Expect: 100-continue\r\nContent-Length: 10000000000\r\n\r\n");
    is_problem $refused, 413, 'TOO_BIG', 'refused without a 100';
    my ($other) = exchange("${post}Expect: magic\r\nContent-Length: 0\r\n\r\n");
    is_problem $other, 417, 'HTTP_EXPECT', 'another expectation';
};

subtest 'routes and methods' => sub {
    for my $target ('/', '//v1/list_models', '/v1', '/v1/', '/v2/list_models', '/v1/list_models/', '/v1/list_models;x', '/v1/LIST_MODELS',
        '/v1/list%5fmodels', '/v1%2flist_models', '/v1/../v1/list_models', '/v1/list_models.', '/v1/append_many', '/v1/catalogue', '/v1/pg_sleep',
        '/v1/list_models%00', '*', 'http://test/v1/list_models') {
        is_problem request($gateway, 'POST', $target, [ $producer, $json ], '{}'), 404, 'HTTP_NO_ROUTE', "POST $target";
    }
    for my $method (qw(HEAD TRACE OPTIONS PUT DELETE PATCH QWERTY)) {
        my $socket = connect_to($gateway);
        syswrite $socket, "$method /v1/append HTTP/1.1\r\nHost: x\r\n$producer\r\n\r\n";
        my $response = read_response($socket);
        is $response->{status}, 405, "$method is not allowed";
        is $response->{header}{allow}, 'POST', "$method: says what is";
    }
    is_problem request($gateway, 'GET', '/v1/promote', [$producer]), 405, 'HTTP_METHOD', 'GET of what changes things';
    is_problem request($gateway, 'POST', '/healthz', [$json], '{}'), 405, 'HTTP_METHOD', 'POST to a page';
};

subtest 'content types and origins' => sub {
    for my $type ('text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/json; charset=utf-16', 'text/json') {
        is_problem request($gateway, 'POST', '/v1/append', [ $producer, "Content-Type: $type" ], $good), 415, 'HTTP_MEDIA_TYPE', $type;
    }
    is_problem request($gateway, 'POST', '/v1/append', [$producer], $good), 415, 'HTTP_MEDIA_TYPE', 'none';
    is_problem request($gateway, 'POST', '/v1/append', [ $producer, $json, "Origin: $_" ], $good), 403, 'HTTP_ORIGIN', "from $_"
        for 'http://evil.example', 'null', 'http://test.evil.example';
    is request($gateway, 'POST', '/v1/append', [ $producer, $json, 'Origin: http://test' ], $good)->{status}, 200, 'from itself';
    is request($gateway, 'POST', '/v1/append', [ $producer, 'Content-Type: Application/JSON; charset="utf-8"' ], $good)->{status}, 200, 'spelt otherwise';
    is_problem request($gateway, 'POST', '/v1/list_models', [ $producer, $json, 'Accept: text/html' ], '{}'), 406, 'HTTP_NOT_ACCEPTABLE', 'HTML wanted';
    is request($gateway, 'POST', '/v1/list_models', [ $producer, $json, 'Accept: text/html, */*;q=0.1' ], '{}')->{status}, 200, 'anything taken';
};

subtest 'pipelining keeps the order' => sub {
    my $socket = connect_to($gateway);
    my $batch = '';
    for my $n (1 .. 50) {
        my $body = $n % 3 ? qq({"model":"pump","records":[$n]}) : '{"model":"nosuch","records":[1]}';
        $batch .= "${post}Content-Length: " . length($body) . "\r\n\r\n$body";
    }
    syswrite $socket, $batch;
    my @responses = map { read_response($socket) } 1 .. 50;
    is_deeply [ map { $_->{status} } @responses ], [ map { $_ % 3 ? 200 : 404 } 1 .. 50 ], 'answers in order';
    my @offsets = map { json_of($_)->{first_offset} } grep { $_->{status} == 200 } @responses;
    is_deeply \@offsets, [ sort { $a <=> $b } @offsets ], 'records in order';
};

subtest 'slow clients' => sub {
    my @slow = map { connect_to($gateway) } 1 .. 200;
    syswrite $_, 'GET /healthz HTTP/1.1' for @slow[ 0 .. 99 ];
    syswrite $_, "${post}Content-Length: 100\r\n\r\n{" for @slow[ 100 .. 198 ];
    is get($gateway, '/healthz')->{status}, 200, 'a normal client is answered';
    is_problem read_response($slow[0]), 408, 'HTTP_TIMEOUT', 'slow header';
    is_problem read_response($slow[150]), 408, 'HTTP_TIMEOUT', 'slow body';
    is read_response($slow[199]), undef, 'a silent connection is closed without a word';

    # One byte at a time does not renew the deadline.
    my $drip = connect_to($gateway);
    my $since = time;
    local $SIG{PIPE} = 'IGNORE';
    for my $byte (split //, "GET /healthz HTTP/1.1\r\nHost: x\r\n" . "X-A: b\r\n" x 100) {
        defined syswrite($drip, $byte) or last;
        last if IO::Select->new($drip)->can_read(0.05);
    }
    my $response = read_response($drip);
    ok !$response || $response->{status} == 408, 'a dripping client is cut';
};

stop_gateway($gateway);
done_testing;
