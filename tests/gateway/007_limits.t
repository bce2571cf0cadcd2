# Limits that protect one client from another: rate, connections, the pool, forged identity headers.
use strict;
use warnings;
use feature 'state';
use FindBin;
use IO::Select;
use lib "$FindBin::Bin/lib";
use SoupGateway;
use Test::More;

my $node = make_cluster('limits');
make_org($node, 'acme', 'pump');
my $producer = basic('acme-producer', 'producer of acme');
my $consumer = basic('acme-consumer', 'consumer of acme');

subtest 'rate' => sub {
    my $gateway = start_gateway($node, rate => 0.0001, 'rate-burst' => 3);
    my @statuses = map { post($gateway, 'list_models', {}, $consumer, "X-Forwarded-For: 10.0.0.$_")->{status} } 1 .. 5;
    is_deeply \@statuses, [ 200, 200, 200, 429, 429 ], 'three at once, then refused; X-Forwarded-For changes nothing';
    my $refused = post($gateway, 'list_models', {}, $consumer);
    is_problem $refused, 429, 'RATE', 'refused';
    ok $refused->{header}{'retry-after'}, 'with a hint when to come back';
    is append_json($gateway, $producer, 'pump', [1])->{status}, 200, 'another principal is not touched';
    is get($gateway, '/readyz')->{status}, 200, 'pages are not limited';
    stop_gateway($gateway);
};

subtest 'the rate is of a principal, whatever it comes with' => sub {
    my $token = sub { 'Authorization: Bearer ' . $node->safe_psql('soup', "SELECT token FROM soup_api.login('acme-$_[0]', '$_[0] of acme')") };
    my @tokens = map { $token->('consumer') } 1 .. 4;
    my $gateway = start_gateway($node, rate => 0.0001, 'rate-burst' => 4);
    for my $place (1 .. 20) {
        my $forged = $tokens[0] =~ s/.(?=.{$place}$)/$& eq 'A' ? 'B' : 'A'/er;
        is_problem post($gateway, 'list_models', {}, $forged), 401, 'TOKEN_BAD', 'a token with another signature';
    }
    # Whatever it is that the server has done for them counts.
    is post($gateway, 'list_models', {}, $tokens[0])->{status}, 200, 'these took nothing from the principal that they name: a token of it';
    is_problem append_json($gateway, $tokens[1], 'pump', [1]), 403, 'SCOPE', 'another token of the same';
    is post($gateway, 'nearest', { model => 'nosuch', query => [1] }, $tokens[2], 'Accept: application/x-ndjson')->{status}, 404, 'a third, in a stream';
    is post($gateway, 'list_models', {}, $consumer)->{status}, 200, 'and its passphrase: that was the burst';
    is_problem post($gateway, 'list_models', {}, $_), 429, 'RATE', 'all of them wait now' for @tokens, $consumer;
    is append_json($gateway, $token->('producer'), 'pump', [1])->{status}, 200, 'another principal does not';
    stop_gateway($gateway);
};

subtest 'a login counts for its source and for the user that it names' => sub {
    my $gateway = start_gateway($node, rate => 0.0001, 'rate-burst' => 4);
    my $guess = sub { # a wrong passphrase, another one each time
        my ($user, $source) = @_;
        state $count = 0;
        return post(connect_to($gateway, $source), 'list_models', {}, basic($user, 'guess ' . ++$count))->{status};
    };
    is post($gateway, 'list_models', {}, $consumer)->{status}, 200, 'one good login';
    is_deeply [ map { $guess->("nobody $_") } 1 .. 5 ], [ 401, 401, 401, 429, 429 ], 'three guesses of the same source, whomever they name';
    is_problem append_json($gateway, $producer, 'pump', [1]), 429, 'RATE', 'a login for an append, too';
    is_problem post($gateway, 'login', { username => 'acme-producer', passphrase => 'x' }), 429, 'RATE', 'and one by POST';
    is post($gateway, 'list_models', {}, $consumer)->{status}, 200, 'who has logged in before is served';
    for my $user ('acme-producer', 'nobody') {
        my $net = $user eq 'nobody' ? '127.0.3' : '127.0.2';
        is_deeply [ map { $guess->($user, "$net.$_") } 1 .. 6 ], [ (401) x 4, 429, 429 ], "$user: four guesses, from whatever sources";
        my $source = sub { connect_to($gateway, "$net.10") };
        is_problem post($source->(), 'login', { username => $user, passphrase => 'x' }), 429, 'RATE', "$user: nor by POST";
        is $guess->('somebody else', "$net.11"), 401, "$user: another name from such a source";
    }
    my @logins = map { post(connect_to($gateway, "127.0.4.$_"), 'login', { username => 'carl', passphrase => "guess $_" })->{status} } 1 .. 5;
    is_deeply \@logins, [ (401) x 4, 429 ], 'those by POST count for the name as well';
    is $guess->('carl', '127.0.4.9'), 429, 'and together with the others';
    stop_gateway($gateway);
};

subtest 'records' => sub {
    my $gateway = start_gateway($node, records => 2);
    my $columns = sub { pack 'a4 C C v V C C a x V*', 'SCOL', 1, 0, 1, $_[0], 4, 1, 'n', 1 .. $_[0] }; # FORMAT.md: i4
    my %body = (
        'application/json' => sub { encode({ records => [ 1 .. $_[0] ] }) },
        'application/x-ndjson' => sub { join '', map { "$_\n" } 1 .. $_[0] },
        'application/vnd.soup.columns' => $columns);
    for my $type (sort keys %body) {
        my $send = sub {
            my $body = $body{$type}->($_[0]);
            my $target = $type eq 'application/json' ? '' : '?model=pump';
            $body =~ s/^\{/{"model":"pump",/ if !$target;
            return request($gateway, 'POST', "/v1/append$target", [ $producer, "Content-Type: $type" ], $body);
        };
        is json_of($send->(2))->{count}, 2, "$type: as many as are allowed";
        is_problem $send->(3), 413, 'TOO_BIG', "$type: one more";
    }
    like get($gateway, '/metrics')->{body}, qr/^soup_gateway_records_appended_total 6$/m, 'records are counted, not bodies';
    isnt system("$ENV{SOUP_BUILD}/soup_gateway --records 100001 >/dev/null 2>&1"), 0, 'more than the server takes cannot be set';
    stop_gateway($gateway);
};

# Sends an append's header and only this much of its body.
my $begin_append = sub {
    my ($gateway, $announced, $body, @headers) = @_;
    my $socket = connect_to($gateway);
    my $message = join "\r\n", 'POST /v1/append HTTP/1.1', 'Host: x', $producer, 'Content-Type: application/json', @headers,
        "Content-Length: $announced", '', $body;
    local $SIG{PIPE} = 'IGNORE';
    while (length $message) {
        my $sent = syswrite($socket, $message) // last; # refused already
        substr $message, 0, $sent, '';
    }
    return $socket;
};

subtest 'room for bodies' => sub {
    my $gateway = start_gateway($node, 'bodies-bytes' => 1 << 20);
    my $big = [ 'x' x 500_000 ];
    my @announcing = map { $begin_append->($gateway, 1_000_000, '{') } 1 .. 16;
    is append_json($gateway, $producer, 'pump', $big)->{status}, 200, 'who only announces bodies takes room from nobody';
    # While its bytes are on their way it may be the other one that finds no room: then once more.
    my ($holding, $refused);
    ok wait_for(sub {
        $holding = $begin_append->($gateway, 1_000_000, '{' . ' ' x 900_000);
        return ($refused = append_json($gateway, $producer, 'pump', $big))->{status} == 503;
    }, 'the bytes have come'), 'bytes that have come do take it';
    is_problem $refused, 503, 'BUSY', 'the next big body';
    is append_json($gateway, $producer, 'pump', [1])->{status}, 200, 'a small one has room';
    close $holding;
    ok wait_for(sub { append_json($gateway, $producer, 'pump', $big)->{status} == 200 }, 'room again'), 'the room comes back';
    stop_gateway($gateway);
};

subtest 'pace of bodies' => sub {
    my $gateway = start_gateway($node, 'body-ms' => 500);
    my $length = 64 << 20; # at 64 KiB/s a matter of 17 minutes
    is_problem read_response($begin_append->($gateway, $length, '{')), 408, 'HTTP_TIMEOUT', 'silence after one byte of 64 MiB';
    is_problem read_response($begin_append->($gateway, $length, ' ' x 4_000_000)), 408, 'HTTP_TIMEOUT', 'silence after megabytes';
    my $trickle = $begin_append->($gateway, $length, '{');
    my $chunks = connect_to($gateway);
    syswrite $chunks, "POST /v1/append HTTP/1.1\r\nHost: x\r\n$producer\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    local $SIG{PIPE} = 'IGNORE';
    for ([ $trickle, ' ' ], [ $chunks, "1\r\n \r\n" ]) {
        my ($socket, $piece) = @$_;
        my $is_answered = wait_for(sub { IO::Select->new($socket)->can_read(0) || !syswrite $socket, $piece }, 'a trickle ends');
        is_problem $is_answered && read_response($socket), 408, 'HTTP_TIMEOUT', 'a byte now and then';
    }
    stop_gateway($gateway);
};

subtest 'size of calls' => sub {
    my $begin = sub { # what the answer is to a header alone
        my ($gateway, $function, $announced) = @_;
        my $socket = connect_to($gateway);
        syswrite $socket, "POST /v1/$function HTTP/1.1\r\nHost: x\r\n$consumer\r\nContent-Type: application/json\r\n"
            . "Expect: 100-continue\r\nContent-Length: $announced\r\n\r\n";
        return read_response($socket);
    };
    my $gateway = start_gateway($node);
    is $begin->($gateway, 'append', 64 << 20)->{status}, 100, 'an append may have 64 MiB';
    for my $function (qw(nearest within_box login list_models)) {
        is $begin->($gateway, $function, 1 << 20)->{status}, 100, "$function: 1 MiB";
        is_problem $begin->($gateway, $function, (1 << 20) + 1), 413, 'TOO_BIG', "$function: a byte more is refused before it is sent";
    }
    stop_gateway($gateway);
    $gateway = start_gateway($node, 'call-bytes' => 2048);
    is $begin->($gateway, 'nearest', 2048)->{status}, 100, '--call-bytes';
    is_problem $begin->($gateway, 'nearest', 2049), 413, 'TOO_BIG', 'a byte more';
    is append_json($gateway, $producer, 'pump', [ 'x' x 4096 ])->{status}, 200, 'it is not for appends';
    stop_gateway($gateway);
};

subtest 'connections' => sub {
    my $gateway = start_gateway($node, 'connections-per-source' => 5);
    # The polls of start_gateway may still be on their way out.
    my @open;
    ok wait_for(sub { @open = map { connect_to($gateway) } 1 .. 5; 5 == grep { my $r = request($_, 'GET', '/healthz'); $r && $r->{status} == 200 } @open },
        'five connections'), 'five are served';
    my $sixth = request(connect_to($gateway), 'GET', '/healthz');
    is $sixth->{status}, 503, 'the sixth is turned away';
    close $open[0];
    ok wait_for(sub { my $r = request(connect_to($gateway), 'GET', '/healthz'); $r && $r->{status} == 200 }, 'room again'), 'one leaves, one may come';
    stop_gateway($gateway);
};

subtest 'pool' => sub {
    my $gateway = start_gateway($node, 'write-connections' => 1, 'pipeline-depth' => 1, 'pool-ms' => 300);
    post($gateway, 'promote', { model => 'pump', label => 'v1' }, $consumer);
    my $lock = $node->background_psql('soup');
    $lock->query_safe('BEGIN; SELECT count(*) FROM (SELECT FROM soup.model FOR UPDATE) m;');
    my $first = send_blocked($node, $gateway, 'write', 'promote', $consumer, { model => 'pump', label => 'v1' });
    is_problem post($gateway, 'promote', { model => 'pump', label => 'v1' }, $consumer), 503, 'BUSY', 'the next waits for a while, then is told so';
    is post($gateway, 'list_models', {}, $consumer)->{status}, 200, 'reading has places of its own';
    $lock->query_safe('COMMIT;');
    is read_response($first)->{status}, 200, 'the first is answered';
    is $node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'soup_gateway write'"), 1, 'no connection was lost';
    $lock->quit;
    stop_gateway($gateway);
};

subtest 'time' => sub {
    my $gateway = start_gateway($node, 'request-ms' => 400);
    my $lock = $node->background_psql('soup');
    $lock->query_safe('BEGIN; SELECT count(*) FROM (SELECT FROM soup.model FOR UPDATE) m;');
    is_problem post($gateway, 'promote', { model => 'pump', label => 'v1' }, $consumer), 504, 'TIMEOUT', 'a call beyond its time';
    $lock->query_safe('COMMIT;');
    $lock->quit;
    is post($gateway, 'promote', { model => 'pump', label => 'v1' }, $consumer)->{status}, 200, 'the connection is usable';
    stop_gateway($gateway);
};

subtest 'identity comes from the token only' => sub {
    my $gateway = start_gateway($node);
    for my $header ('X-Forwarded-User: acme-consumer', 'X-Org: acme', 'X-Principal: acme-consumer', 'Cookie: token=x') {
        is_problem post($gateway, 'list_models', {}, $header), 401, 'NOT_BOUND', $header;
    }
    stop_gateway($gateway);
};

# The API refuses serializable transactions: the gateway's are none, whatever the database's default is.
subtest 'a default of the database' => sub {
    $node->safe_psql('soup', "ALTER DATABASE soup SET default_transaction_isolation = 'serializable'");
    my $gateway = start_gateway($node);
    is post($gateway, 'list_models', {}, $consumer)->{status}, 200, 'a reading call';
    is append_json($gateway, $producer, 'pump', [1])->{status}, 200, 'an append';
    stop_gateway($gateway);
    $node->safe_psql('soup', 'ALTER DATABASE soup RESET default_transaction_isolation');
};

done_testing;
