# Every route by its legal requests, and the shape of what comes back: against a real cluster, over real HTTP.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use SoupGateway;
use Test::More;

my $node = make_cluster('requests');
make_org($node, 'acme', 'pump');
my $gateway = start_gateway($node);
my $producer = basic('acme-producer', 'producer of acme');
my $consumer = basic('acme-consumer', 'consumer of acme');

subtest 'pages without a token' => sub {
    my $health = get($gateway, '/healthz');
    is $health->{status}, 200, '/healthz';
    is $health->{header}{'cache-control'}, 'no-store', 'nothing is cached';
    is $health->{header}{'x-content-type-options'}, 'nosniff', 'nothing is guessed';
    like $health->{header}{'content-security-policy'}, qr/frame-ancestors 'none'/, 'nothing is framed';
    ok !exists $health->{header}{server}, 'no version banner';
    is get($gateway, '/readyz')->{status}, 200, '/readyz';

    my $openapi = json_of(get($gateway, '/openapi.json'));
    is $openapi->{openapi}, '3.1.0', 'OpenAPI 3.1';
    my $served = $node->safe_psql('soup', "SELECT string_agg('/v1/' || name, ' ' ORDER BY name) FROM soup.api_function WHERE exposure <> 'gateway'");
    is join(' ', sort keys %{ $openapi->{paths} }), $served, 'its paths are the served functions';
    is_deeply $openapi->{paths}{'/v1/nearest'}{post}{requestBody}{content}{'application/json'}{schema}{required}, ['model'],
        'required arguments are those without default';
    ok $openapi->{paths}{'/v1/nearest'}{get} && !$openapi->{paths}{'/v1/promote'}{get}, 'GET for STABLE functions only';
};

subtest 'login' => sub {
    my $login = post($gateway, 'login', { username => 'acme-producer', passphrase => 'producer of acme' });
    is $login->{status}, 200, 'logged in';
    my $answer = json_of($login);
    is_deeply [ sort keys %$answer ], [qw(expires_at kind org token)], 'token, expires_at, org, kind';
    is $answer->{kind}, 'producer', 'kind';
    like $answer->{expires_at}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{6})?Z$/, 'RFC 3339, UTC';
    is append_json($gateway, "Authorization: Bearer $answer->{token}", 'pump', ['no point'])->{status},
        200, 'the token is good for an append';
    is_problem post($gateway, 'login', { username => 'acme-producer', passphrase => 'wrong' }), 401, 'LOGIN_FAILED', 'wrong passphrase';
    is_problem post($gateway, 'login', { username => 'nobody', passphrase => 'wrong' }), 401, 'LOGIN_FAILED', 'unknown user, same answer';
};

subtest 'append: four bodies' => sub {
    my $next = sub { json_of(post($gateway, 'describe_model', { model => 'pump' }, $consumer))->{partitions}[0]{next_offset} };
    my $first = $next->();
    my $answer = json_of(append_json($gateway, $producer, 'pump', [ { a => 1 }, 'text', [ 1, 2 ] ]));
    is_deeply $answer, { partition => 0, first_offset => $first, count => 3, label => undef }, 'JSON'
        or diag explain $answer;
    my %ndjson = (path => '/v1/append?model=pump&stream=left%20pump', type => 'application/x-ndjson');
    my $body = join '', map { qq({"n": $_}\n) } 1 .. 5;
    $answer = json_of(request($gateway, 'POST', $ndjson{path}, [ $producer, "Content-Type: $ndjson{type}" ], $body));
    is_deeply [ @$answer{qw(first_offset count)} ], [ $first + 3, 5 ], 'NDJSON';
    $answer = json_of(request($gateway, 'POST', '/v1/append?model=pump&times=2024-01-02T03:04:05Z',
        [ $producer, 'Content-Type: application/octet-stream' ], "\0\1\2binary"));
    is_deeply [ @$answer{qw(first_offset count)} ], [ $first + 8, 1 ], 'octets';
    # One column of bytes with two rows (FORMAT.md): the server unpacks what passes through here.
    my $columns = pack 'a4 C C v V C C a x V V a a2', 'SCOL', 1, 0, 1, 2, 8, 1, 'r', 1, 2, 'a', 'bc';
    my $append_columns = sub { json_of(request($gateway, 'POST', "/v1/append?model=pump$_[0]", [ $producer, 'Content-Type: application/vnd.soup.columns' ], $columns)) };
    is_deeply [ @{ $append_columns->('') }{qw(first_offset count)} ], [ $first + 9, 2 ], 'columns';
    is_deeply [ @{ $append_columns->('&content_type=text/plain') }{qw(first_offset count)} ], [ $first + 11, 2 ], 'columns, type of the rows given';
    is $node->safe_psql('soup', "SELECT string_agg(content_type, ' ' ORDER BY first_offset) FROM soup.raw_batch b JOIN soup.model m USING (org, model)
        WHERE m.name = 'pump' AND first_offset >= $first + 8"), 'application/octet-stream application/octet-stream text/plain', 'content types';
    is_problem request($gateway, 'POST', '/v1/append?model=pump', [ $producer, 'Content-Type: application/vnd.soup.columns' ], ''),
        400, 'BAD_INPUT', 'no columns';
    is_problem request($gateway, 'POST', '/v1/append?model=pump', [ $producer, 'Content-Type: application/vnd.soup.columns' ], 'nonsense'),
        400, 'BAD_INPUT', 'columns are checked';
    is $next->(), $first + 13, 'offsets are dense';
};

subtest 'idempotency' => sub {
    my @send = ($gateway, $producer, 'pump', [ { once => 1 } ]);
    my $header = sub { post($gateway, 'append', { model => 'pump', records => $_[0] }, $producer, "Idempotency-Key: $_[1]") };
    my $before = raw_count($node);
    my $first = json_of($header->([ { once => 1 } ], 'key 1'));
    is_deeply json_of($header->([ { once => 1 } ], 'key 1')), $first, 'the same answer twice';
    is_deeply json_of(append_json(@send, idempotency_key => 'key 1')), $first, 'the header is the argument';
    is raw_count($node), $before + 1, 'stored once';
    is_problem $header->([ { once => 2 } ], 'key 1'), 409, 'CONFLICT', 'same key, other body';
    is_problem post($gateway, 'list_models', {}, $consumer, 'Idempotency-Key: k'), 400, 'BAD_INPUT', 'a function without the argument';
};

subtest 'queries' => sub {
    is post($gateway, 'promote', { model => 'pump', label => 'v1', expected_current => undef }, $consumer)->{status}, 200, 'promoted';
    is json_of(append_json($gateway, $producer, 'pump', [ map { { key => "p$_", vector => [ $_, 0 ], grade => $_ } } 1 .. 30 ]))->{label},
        'v1', 'append names the version it went to';
    ok wait_for(sub { my $v = json_of(post($gateway, 'describe_model', { model => 'pump' }, $consumer))->{versions}[0];
        $v->{lag_records} == 0 }, 'all is processed');

    my $nearest = json_of(post($gateway, 'nearest', { model => 'pump', query => [ 10, 0 ], k => 3 }, $consumer));
    is_deeply [ map { $_->{key} } @{ $nearest->{rows} } ], [qw(p10 p11 p9)], 'nearest, by distance then key';
    is_deeply [ map { $_->{distance} + 0 } @{ $nearest->{rows} } ], [ 0, 1, 1 ], 'distances';
    is_deeply $nearest->{rows}[0]{attributes}, { grade => 10 }, 'attributes are an object';
    is $nearest->{next_page}, undef, 'no more pages';
    ok !exists $nearest->{rows}[0]{next_page}, 'next_page is lifted out of the rows';

    my $get = json_of(get($gateway, '/v1/nearest?model=pump&query=%5B10,0%5D&k=3&filter=%7B%22grade%22:%7B%22lt%22:10%7D%7D', [$consumer]));
    is $get->{rows}[0]{key}, 'p9', 'GET with a filter';

    my (@keys, $page);
    do {
        my $answer = json_of(post($gateway, 'nearest', { model => 'pump', query => [ 0, 0 ], k => 30, page_size => 7, page => $page }, $consumer));
        push @keys, map { $_->{key} } @{ $answer->{rows} };
        $page = $answer->{next_page};
    } while defined $page;
    is_deeply \@keys, [ map { "p$_" } 1 .. 30 ], 'pages join without gap or overlap';

    my $stream = post($gateway, 'nearest', { model => 'pump', query => [ 0, 0 ], k => 30 }, $consumer, 'Accept: application/x-ndjson');
    my @lines = split /\n/, $stream->{body};
    is $lines[-1], '{"end":true,"rows":30}', 'a stream says where it ends';
    is scalar @lines, 31, 'a row a line';
    ok $stream->{whole}, 'the framing is whole';

    my $point = json_of(post($gateway, 'get_point', { model => 'pump', key => 'p7' }, $consumer));
    is_deeply $point->{vector}, [ 7, 0 ], 'a vector is an array of numbers';
    is_deeply [ sort keys %{ $point->{source} } ], [qw(offset partition)], 'the record it came from';
    is_deeply json_of(get($gateway, '/v1/list_models', [$consumer])),
        { rows => [ { model => 'pump', default_label => 'v1', labels => ['v1'] } ], next_page => undef }, 'list_models';
};

subtest 'the published error table' => sub {
    my $printed = `$ENV{SOUP_BUILD}/soup_gateway --print-errors`;
    is $?, 0, 'printed';
    is PostgreSQL::Test::Utils::slurp_file("$FindBin::Bin/../../docs/http-errors.md"), $printed,
        'docs/http-errors.md is what soup_gateway --print-errors prints';
};

subtest 'metrics' => sub {
    my $text = get($gateway, '/metrics')->{body};
    like $text, qr/^soup_gateway_requests_total\{route="append",status="200"\} \d+$/m, 'requests by route and status';
    like $text, qr/^soup_gateway_appends_joined_total \d+$/m, 'joined appends';
    unlike $text, qr/acme|pump/, 'no customer\'s word';
};

subtest 'the log' => sub {
    is stop_gateway($gateway), 0, 'ended by SIGTERM';
    my @lines = split /\n/, PostgreSQL::Test::Utils::slurp_file($gateway->{log});
    my @bad = grep { !eval { SoupGateway::json_of({ body => $_ }) } } @lines;
    is scalar @bad, 0, 'each line is one JSON object' or diag explain \@bad;
    my @requests = grep { /"event":"request"/ } @lines;
    cmp_ok scalar @requests, '>', 20, 'a line for each request';
    unlike join("\n", @lines), qr/producer of acme|Bearer|left pump/, 'no secret, no customer\'s word';
};

done_testing;
