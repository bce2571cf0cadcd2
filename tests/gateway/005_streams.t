# Streamed results: whole or visibly cut, in constant memory, at the client's pace, beside other requests.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use SoupGateway;
use Test::More;

my $node = make_cluster('streams');
make_org($node, 'acme', 'pump');
my $gateway = start_gateway($node, streams => 4, 'pool-ms' => 1000, 'write-ms' => 60_000);
my $consumer = basic('acme-consumer', 'consumer of acme');
post($gateway, 'promote', { model => 'pump', label => 'v1' }, $consumer);

# Points by the hundred thousand, put where the processor would put them.
my $points = 100_000;
my $storage = $node->safe_psql('soup', 'SELECT storage FROM soup.version');
my $columns = $node->safe_psql('soup', "SELECT string_agg(quote_ident(attname), ',' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'soup_data.$storage'::regclass AND attnum > 0 AND NOT attisdropped");
note "columns of the storage table: $columns";
fill_storage();

sub fill_storage {
    my $producer = basic('acme-producer', 'producer of acme');
    my $body = '';
    for my $n (1 .. $points) {
        $body .= qq({"key":"p$n","vector":[$n,0.5],"grade":$n}\n);
        next if $n % 20_000;
        my $response = request($gateway, 'POST', '/v1/append?model=pump', [ $producer, 'Content-Type: application/x-ndjson' ], $body);
        is $response->{status}, 200, "appended up to $n";
        $body = '';
    }
    ok wait_for(sub { $node->safe_psql('soup', "SELECT count(*) FROM soup_data.$storage") == $points }, 'all points are there'),
        "$points points";
}

my @ask = ('nearest', { model => 'pump', query => [ 0, 0 ], k => $points }, $consumer, 'Accept: application/x-ndjson');

subtest 'a whole stream' => sub {
    my $before = memory_kb($gateway);
    my $response = post($gateway, @ask);
    is $response->{status}, 200, 'answered';
    ok $response->{whole}, 'the framing is whole';
    my @lines = split /\n/, $response->{body};
    is $lines[-1], qq({"end":true,"rows":$points}), 'the last line';
    is scalar @lines, $points + 1, 'every row';
    is eval { SoupGateway::json_of({ body => $lines[12344] })->{key} }, 'p12345', 'in order';
    cmp_ok memory_kb($gateway) - $before, '<', 8 * 1024, 'in constant memory';
};

# Asks, reads the head only, and stays silent.
sub start_slow {
    my $socket = connect_to($gateway);
    my ($function, $arguments, @headers) = @ask;
    my $body = encode($arguments);
    syswrite $socket, join "\r\n", "POST /v1/$function HTTP/1.1", 'Host: x', 'Content-Type: application/json', @headers,
        'Content-Length: ' . length $body, '', $body;
    sysread $socket, my $head, 4096;
    like $head, qr{^HTTP/1\.1 200 OK\r\n}, 'a stream began';
    return $socket;
}

subtest 'slow readers hold up nobody' => sub {
    my $before = memory_kb($gateway);
    my @slow = map { start_slow() } 1 .. 2;
    is post($gateway, 'nearest', { model => 'pump', query => [ 5, 0 ], k => 1 }, $consumer)->{status}, 200, 'a small query beside them';
    is_problem post($gateway, @ask), 503, 'BUSY', 'a third stream has no place: the others are not for this caller';
    cmp_ok memory_kb($gateway) - $before, '<', 8 * 1024, 'nothing piles up';
    is $node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'soup_gateway stream' AND state = 'active'"), 2,
        'their backends wait';
    close $_ for @slow;
    ok wait_for(sub { $node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'soup_gateway stream' AND state = 'active'") == 0 },
        'the backends end'), 'backends of clients that left end';
    is post($gateway, @ask)->{status}, 200, 'there is place again';
};

subtest 'a stream that breaks is visibly cut' => sub {
    my $socket = start_slow();
    $node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'soup_gateway stream' AND state = 'active'");
    my $bytes = '';
    1 while sysread $socket, $bytes, 1 << 20, length $bytes;
    unlike $bytes, qr/"end"/, 'no end line';
    unlike $bytes, qr/\r\n0\r\n\r\n\z/, 'no end of the framing';
    is post($gateway, @ask)->{status}, 200, 'the next one is whole';
};

subtest 'refusals before the first row are ordinary problems' => sub {
    is_problem post($gateway, 'nearest', { model => 'nosuch', query => [ 0, 0 ] }, $consumer, 'Accept: application/x-ndjson'), 404, 'NOT_FOUND', 'unknown model';
    is_problem post($gateway, 'nearest', { model => 'pump', query => [ 0, 0 ], page_size => 10 }, $consumer, 'Accept: application/x-ndjson'), 400, 'BAD_INPUT', 'pages of a stream';
    my $empty = post($gateway, 'nearest', { model => 'pump', query => [ 0, 0 ], k => 5, filter => { grade => { lt => 0 } } }, $consumer, 'Accept: application/x-ndjson');
    is $empty->{body}, qq({"end":true,"rows":0}\n), 'an empty result is one line';
};

stop_gateway($gateway);
done_testing;
