# Bad input, a table for each route: one clear error with a stable code, nothing stored, the connection still
# usable (every request of a table goes over the same connection, and a legal one ends it).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use SoupGateway;
use Test::More;

my $node = make_cluster('bad_input');
make_org($node, 'acme', 'pump');
make_org($node, 'other', 'boiler');
$node->safe_psql('soup', <<'SQL');
SELECT soup.add_model('acme', 'places');
SELECT soup.add_version('acme', 'places', 'v1', '{"runtime": "builtin", "entry": "position", "input": {"content_type": "application/json", "key_field": "key"},
    "output": {"position": {"type": "xyz", "fields": ["x", "y", "z"]}}}');
SELECT soup.grant_right('acme-producer', 'acme', 'places', '*', 'append'), soup.grant_right('acme-consumer', 'acme', 'places', '*', 'query'),
       soup.grant_right('acme-consumer', 'acme', 'places', '*', 'promote');
SQL
my $gateway = start_gateway($node);
my $producer = basic('acme-producer', 'producer of acme');
my $consumer = basic('acme-consumer', 'consumer of acme');
for my $model (qw(pump places)) {
    is post($gateway, 'promote', { model => $model, label => 'v1' }, $consumer)->{status}, 200, "$model is served";
    my $stored = append_json($gateway, $producer, $model, [ { key => 'p', vector => [ 1, 2 ], x => 0.5, y => 0.5, z => 0.5 } ]);
    is $stored->{status}, 200, 'with a point';
    ok wait_for(sub { post($gateway, 'get_point', { model => $model, key => 'p' }, $consumer)->{status} == 200 }, 'it is processed'), 'that is processed';
}
my $json = 'Content-Type: application/json';

sub table {
    my ($name, $target, $auth, $type, $good, @rows) = @_;
    subtest $name => sub {
        my $stored = raw_count($node);
        my $socket = connect_to($gateway);
        for my $row (@rows) {
            my ($what, $body, $status, $code, $query) = @$row;
            is_problem request($socket, 'POST', $target . ($query // ''), [ $auth, $type ], $body), $status, $code, $what;
        }
        is raw_count($node), $stored, 'nothing was stored';
        my $response = request($socket, 'POST', $target . ($good->[1] // ''), [ $auth, $type ], $good->[0]);
        is $response->{status}, 200, 'the connection is usable and the legal twin succeeds' or diag explain $response;
    };
}

# 0 would be all rows at once: right for a stream, which the gateway asks for itself.
my @bad_page_sizes = ('0', '-1', '-2147483648', '1001', '1.0', '1e2', '"10"', '2147483648');

# What every JSON body may suffer.
my @json_rows = (
    [ 'empty', '', 400, 'BAD_INPUT' ],
    [ 'not JSON', '{"model":', 400, 'BAD_INPUT' ],
    [ 'not an object', '["pump"]', 400, 'BAD_INPUT' ],
    [ 'something after it', '{"model":"pump"} {}', 400, 'BAD_INPUT' ],
    [ 'invalid UTF-8', qq({"model":"\xff"}), 400, 'BAD_INPUT' ],
    [ 'overlong UTF-8', qq({"model":"\xc0\xaf"}), 400, 'BAD_INPUT' ],
    [ 'raw NUL', qq({"model":"a\0b"}), 400, 'BAD_INPUT' ],
    [ 'escaped NUL', '{"model":"a\u0000b"}', 400, 'BAD_INPUT' ],
    [ 'lone surrogate', '{"model":"\ud800"}', 400, 'BAD_INPUT' ],
    [ 'UTF-16', "\xfe\xff\0{\0}", 400, 'BAD_INPUT' ],
    [ 'byte order mark', "\xef\xbb\xbf{}", 400, 'BAD_INPUT' ],
    [ 'duplicate key', '{"model":"pump","model":"pump"}', 400, 'BAD_INPUT' ],
    [ 'deep', '{"model":' . '[' x 100_000 . ']' x 100_000 . '}', 400, 'BAD_INPUT' ],
    [ 'NaN', '{"model":NaN}', 400, 'BAD_INPUT' ],
    [ 'number beyond double', '{"model":"pump","x":1e99999}', 400, 'BAD_INPUT' ],
    [ 'unknown argument', '{"model":"pump","sql":"1"}', 400, 'BAD_INPUT' ],
    [ 'argument missing', '{}', 400, 'BAD_INPUT' ],
    [ 'wrong type', '{"model":7}', 400, 'BAD_INPUT' ],
    [ 'the token as an argument', '{"model":"pump","token":"x"}', 400, 'BAD_INPUT' ],
);

table('append, JSON', '/v1/append', $producer, $json, ['{"model":"pump","records":[{"ok":1}]}'],
    @json_rows,
    [ 'no records', '{"model":"pump","records":[]}', 400, 'BAD_INPUT' ],
    [ 'records not an array', '{"model":"pump","records":{}}', 400, 'BAD_INPUT' ],
    [ 'fewer times than records', '{"model":"pump","records":[1,2],"times":["2024-01-01T00:00:00Z"]}', 400, 'BAD_INPUT' ],
    [ 'a time that is none', '{"model":"pump","records":[1],"times":["yesterday"]}', 400, 'BAD_INPUT' ],
    [ 'a time as number', '{"model":"pump","records":[1],"times":[1]}', 400, 'BAD_INPUT' ],
    [ 'label of a wrong type', '{"model":"pump","records":[1],"label":{}}', 400, 'BAD_INPUT' ],
    [ 'unknown model', '{"model":"nosuch","records":[1]}', 404, 'NOT_FOUND' ],
    [ 'unknown label', '{"model":"pump","records":[1],"label":"nosuch"}', 404, 'NOT_FOUND' ],
    [ 'model of another org', '{"model":"boiler","records":[1]}', 404, 'NOT_FOUND' ],
    [ 'quotes and semicolons', qq({"model":"' OR 1=1--","records":[1]}), 404, 'NOT_FOUND' ],
    [ 'arguments in the query string too', '{"model":"pump","records":[1]}', 400, 'BAD_INPUT', '?label=v1' ],
);

subtest 'absent and foreign models look the same' => sub {
    my @bodies = map { my $p = json_of(append_json($gateway, $producer, $_, [1])); delete $p->{request_id}; encode($p) } qw(nosuch boiler);
    is $bodies[0], $bodies[1], 'byte for byte, but for the request id';
};

table('append, NDJSON', '/v1/append', $producer, 'Content-Type: application/x-ndjson', [ qq({"ok":1}\n), '?model=pump' ],
    [ 'unknown model', qq({"a":1}\n), 404, 'NOT_FOUND', '?model=nosuch' ],
    [ 'model of another org', qq({"a":1}\n), 404, 'NOT_FOUND', '?model=boiler' ],
    [ 'unknown label', qq({"a":1}\n), 404, 'NOT_FOUND', '?model=pump&label=nosuch' ],
    [ 'huge key', qq({"a":1}\n), 413, 'TOO_BIG', '?model=pump&idempotency_key=' . 'k' x 201 ],
    [ 'empty', '', 400, 'BAD_INPUT', '?model=pump' ],
    [ 'cut last line', qq({"a":1}\n{"a":2}), 400, 'BAD_INPUT', '?model=pump' ],
    [ 'cut in a character', qq({"a":1}\n{"a":"\xc3), 400, 'BAD_INPUT', '?model=pump' ],
    [ 'empty line', qq({"a":1}\n\n{"a":2}\n), 400, 'BAD_INPUT', '?model=pump' ],
    [ 'no model', qq({"a":1}\n), 400, 'BAD_INPUT', '' ],
    [ 'unknown argument', qq({"a":1}\n), 400, 'BAD_INPUT', '?model=pump&x=1' ],
    [ 'argument twice', qq({"a":1}\n), 400, 'BAD_INPUT', '?model=pump&model=pump' ],
    [ 'escape cut', qq({"a":1}\n), 400, 'BAD_INPUT', '?model=pump%2' ],
    [ 'escaped NUL', qq({"a":1}\n), 400, 'BAD_INPUT', '?model=pump%00' ],
    [ 'escaped bad UTF-8', qq({"a":1}\n), 400, 'BAD_INPUT', '?model=%ff' ],
);
subtest 'an error in NDJSON names its line' => sub {
    my $body = join('', map { qq({"n":$_}\n) } 1 .. 4999) . "nonsense\n";
    my $stored = raw_count($node);
    my $response = request($gateway, 'POST', '/v1/append?model=pump', [ $producer, 'Content-Type: application/x-ndjson' ], $body);
    is_problem $response, 400, 'BAD_INPUT', 'refused as a whole';
    like json_of($response)->{detail}, qr/line 5000\b/, 'the line\'s number';
    is raw_count($node), $stored, 'nothing was stored';
};

table('append, octets', '/v1/append', $producer, 'Content-Type: application/octet-stream', [ 'x', '?model=pump' ],
    [ 'empty', '', 400, 'BAD_INPUT', '?model=pump' ],
    [ 'unknown model', 'x', 404, 'NOT_FOUND', '?model=nosuch' ],
    [ 'model of another org', 'x', 404, 'NOT_FOUND', '?model=boiler' ],
    [ 'bad time', 'x', 400, 'BAD_INPUT', '?model=pump&times=now' ]);

# FORMAT.md: two rows of one text column.
sub columns_body {
    my ($rows, @values) = @_;
    return pack('a4 C C v V C C a x', 'SCOL', 1, 0, 1, $rows, 9, 1, 't') . pack("V@{[ scalar @values ]}", map { length } @values) . join '', @values;
}
my $columns = columns_body(2, 'a', 'bc');
table('append, columns', '/v1/append', $producer, 'Content-Type: application/vnd.soup.columns', [ $columns, '?model=pump' ],
    (map { [ 'cut to ' . $_ . ' bytes', substr($columns, 0, $_), 400, 'BAD_INPUT', '?model=pump' ] } 0 .. length($columns) - 1),
    [ 'something after it', $columns . "\0", 400, 'BAD_INPUT', '?model=pump' ],
    [ 'NUL in a text', columns_body(2, "a\0", 'bc'), 400, 'BAD_INPUT', '?model=pump' ],
    [ 'invalid UTF-8 in a text', columns_body(2, "\xff", 'bc'), 400, 'BAD_INPUT', '?model=pump' ],
    [ 'more rows announced than are there', columns_body(3, 'a', 'bc'), 400, 'BAD_INPUT', '?model=pump' ],
    [ 'no rows', columns_body(0), 400, 'BAD_INPUT', '?model=pump' ],
    [ 'too many rows announced', columns_body(4_294_967_295, 'a'), 413, 'TOO_BIG', '?model=pump' ],
    [ 'no model', $columns, 400, 'BAD_INPUT', '' ],
    [ 'times beside it', $columns, 400, 'BAD_INPUT', '?model=pump&times=2024-01-01T00:00:00Z' ],
    [ 'unknown model', $columns, 404, 'NOT_FOUND', '?model=nosuch' ],
    [ 'model of another org', $columns, 404, 'NOT_FOUND', '?model=boiler' ],
    [ 'unknown label', $columns, 404, 'NOT_FOUND', '?model=pump&label=nosuch' ]);

table('nearest', '/v1/nearest', $consumer, $json, ['{"model":"pump","query":[1,2]}'],
    @json_rows,
    [ 'neither query nor like', '{"model":"pump"}', 400, 'BAD_INPUT' ],
    [ 'wrong dimension', '{"model":"pump","query":[1,2,3]}', 400, 'BAD_INPUT' ],
    [ 'empty vector', '{"model":"pump","query":[]}', 400, 'BAD_INPUT' ],
    [ 'a string in the vector', '{"model":"pump","query":["1",2]}', 400, 'BAD_INPUT' ],
    [ 'null in the vector', '{"model":"pump","query":[null,2]}', 400, 'BAD_INPUT' ],
    [ 'nested vector', '{"model":"pump","query":[[1],[2]]}', 400, 'BAD_INPUT' ],
    [ 'beyond real', '{"model":"pump","query":[1e39,2]}', 400, 'BAD_INPUT' ],
    (map { [ "k = $_", qq({"model":"pump","query":[1,2],"k":$_}), 400, 'BAD_INPUT' ] }
        '0', '-1', '1.5', '1e3', '100001', '2147483648', '4294967296', '9223372036854775808', '"10"', 'true', '[1]'),
    (map { [ "page_size = $_", qq({"model":"pump","query":[1,2],"page_size":$_}), 400, 'BAD_INPUT' ] } @bad_page_sizes),
    [ 'both query and like', '{"model":"pump","query":[1,2],"like":"p"}', 400, 'BAD_INPUT' ],
    [ 'like an unknown key', '{"model":"pump","like":"nosuch"}', 404, 'NOT_FOUND' ],
    [ 'like a huge key', '{"model":"pump","like":"' . 'p' x 1_000_000 . '"}', 404, 'NOT_FOUND' ],
    [ 'a page that nobody gave', '{"model":"pump","query":[1,2],"page":"AAAA"}', 401, 'TOKEN_BAD' ],
    [ 'filter not an object', '{"model":"pump","query":[1,2],"filter":[1]}', 400, 'BAD_INPUT' ],
    [ 'filter over an unknown attribute', '{"model":"pump","query":[1,2],"filter":{"nosuch":1}}', 400, 'BAD_INPUT' ],
    [ 'filter with an unknown operator', '{"model":"pump","query":[1,2],"filter":{"grade":{"like":1}}}', 400, 'BAD_INPUT' ],
    [ 'unknown model', '{"model":"nosuch","query":[1,2]}', 404, 'NOT_FOUND' ],
    [ 'foreign model', '{"model":"boiler","query":[1,2]}', 404, 'NOT_FOUND' ],
    [ 'unknown label', '{"model":"pump","label":"nosuch","query":[1,2]}', 404, 'NOT_FOUND' ],
);

# Beside the rows that every body may suffer: model and label of others, and the function's own arguments.
sub function_table {
    my ($name, $good, @rows) = @_;
    (my $absent = $good) =~ s/"model":"[a-z]+"/"model":"nosuch"/;
    (my $foreign = $good) =~ s/"model":"[a-z]+"/"model":"boiler"/;
    table($name, "/v1/$name", $consumer, $json, [$good], @json_rows,
        [ 'unknown model', $absent, 404, 'NOT_FOUND' ],
        [ 'foreign model', $foreign, 404, 'NOT_FOUND' ],
        @rows);
}

# A row of an argument with another value in the place of its legal one.
sub other_value {
    my ($good, $argument, @values) = @_;
    return map {
        my $value = $_;
        (my $body = $good) =~ s/"$argument":(?:\[[^\]]*\]|"[^"]*"|[-0-9.]+)/"$argument":$value/ or die "no $argument in $good";
        [ "$argument = " . substr($value, 0, 40), $body, 400, 'BAD_INPUT' ];
    } @values;
}
function_table('describe_model', '{"model":"pump"}');

my $get_point = '{"model":"pump","key":"p","label":"v1"}';
function_table('get_point', $get_point,
    other_value($get_point, 'key', '7', 'null', '["p"]', '"p\u0000"'),
    [ 'unknown key', '{"model":"pump","key":"nosuch"}', 404, 'NOT_FOUND' ],
    [ 'huge key', '{"model":"pump","key":"' . 'p' x 1_000_000 . '"}', 404, 'NOT_FOUND' ],
    [ 'unknown label', '{"model":"pump","key":"p","label":"nosuch"}', 404, 'NOT_FOUND' ]);

my $within_box = '{"model":"places","lo":[0,0,0],"hi":[1,1,1],"page_size":10}';
function_table('within_box', $within_box,
    other_value($within_box, 'lo', '[0,0]', '[0,0,0,0]', '[]', '["0",0,0]', '[null,0,0]', '[1e999,0,0]', '[2,2,2]'),
    other_value($within_box, 'hi', '[1,1]', '1'),
    other_value($within_box, 'page_size', @bad_page_sizes),
    [ 'a model without positions', '{"model":"pump","lo":[0,0],"hi":[1,1]}', 400, 'BAD_INPUT' ]);

my $within_radius = '{"model":"places","center":[0,0,0],"radius":1,"page_size":10}';
function_table('within_radius', $within_radius,
    other_value($within_radius, 'center', '[0,0]', '[0,0,0,0]', '[]', '["0",0,0]', '[null,0,0]'),
    other_value($within_radius, 'radius', '-1', '"1"', '1e999', 'true'),
    other_value($within_radius, 'page_size', @bad_page_sizes),
    [ 'a model without positions', '{"model":"pump","center":[0,0],"radius":1}', 400, 'BAD_INPUT' ]);

my $promote = '{"model":"pump","label":"v1"}';
function_table('promote', $promote,
    other_value($promote, 'label', '7', '{}'),
    [ 'unknown label', '{"model":"pump","label":"nosuch"}', 404, 'NOT_FOUND' ]);

subtest 'GET arguments' => sub {
    my $socket = connect_to($gateway);
    is_problem request($socket, 'GET', "/v1/nearest?model=pump&query=%5B1,2%5D&k=$_", [$consumer]), 400, 'BAD_INPUT', "k=$_"
        for '', '+1', '%201', '0x10', '1e3', '1%20', '01', '2147483648', 'null1';
    is_problem request($socket, 'GET', '/v1/nearest?model=pump&query=1,2', [$consumer]), 400, 'BAD_INPUT', 'a vector that is no array';
    is request($socket, 'GET', '/v1/nearest?model=pump&query=%5B1,2%5D&k=1', [$consumer])->{status}, 200, 'the legal twin';
};

subtest 'credentials' => sub {
    my $missing = post($gateway, 'list_models', {});
    is_problem $missing, 401, 'NOT_BOUND', 'none';
    like $missing->{header}{'www-authenticate'}, qr/Bearer/, 'says what is wanted';
    is_problem post($gateway, 'list_models', {}, "Authorization: $_->[0]"), 401, $_->[1], "'$_->[0]'"
        for [ 'Bearer nonsense', 'TOKEN_BAD' ], [ 'Bearer', 'TOKEN_BAD' ], [ 'Bearer a b', 'TOKEN_BAD' ],
        [ 'Digest x', 'TOKEN_BAD' ], [ 'Basic !!!', 'TOKEN_BAD' ], [ 'Basic bm9jb2xvbg==', 'LOGIN_FAILED' ];
    is_problem post($gateway, 'list_models', {}, basic('acme-consumer', 'wrong')), 401, 'LOGIN_FAILED', 'wrong passphrase';
    is_problem append_json($gateway, $consumer, 'pump', [1]), 403, 'SCOPE', 'a consumer may not append';
    is_problem post($gateway, 'nearest', { model => 'pump', query => [ 1, 2 ] }, $producer), 403, 'SCOPE', 'a producer may not query';
    is post($gateway, 'list_models', {}, $consumer)->{status}, 200, 'the legal twin';
};

stop_gateway($gateway);
done_testing;
