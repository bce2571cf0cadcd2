# Start, reload, drain and healing: the gateway may begin before its database and outlive it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Select;
use PostgreSQL::Test::Utils;
use SoupGateway;
use Test::More;

my $node = make_cluster('lifecycle');
make_org($node, 'acme', 'pump');
my $producer = basic('acme-producer', 'producer of acme');
my $consumer = basic('acme-consumer', 'consumer of acme');

subtest 'before PostgreSQL' => sub {
    $node->stop;
    my $gateway = start_gateway($node, wait => 0, 'pool-ms' => 500);
    is get($gateway, '/healthz')->{status}, 200, 'alive';
    is_problem get($gateway, '/readyz'), 503, 'BUSY', 'not ready';
    my $refused = append_json($gateway, $producer, 'pump', [1]);
    is_problem $refused, 503, 'BUSY', 'an append is refused';
    ok $refused->{header}{'retry-after'}, 'with a hint when to come back';
    $node->start;
    ok wait_for(sub { get($gateway, '/readyz')->{status} == 200 }, 'the gateway is ready'), 'ready by itself';
    is append_json($gateway, $producer, 'pump', [1])->{status}, 200, 'an append is stored';

    $node->stop('immediate');
    ok wait_for(sub { get($gateway, '/readyz')->{status} == 503 }, 'the loss is noticed'), 'not ready without PostgreSQL';
    is_problem append_json($gateway, $producer, 'pump', [1]), 503, 'BUSY', 'an append is refused';
    is_problem post($gateway, 'list_models', {}, $consumer), 503, 'BUSY', 'a query is refused';
    $node->start;
    ok wait_for(sub { get($gateway, '/readyz')->{status} == 200 }, 'the gateway heals'), 'healed';
    is post($gateway, 'list_models', {}, $consumer)->{status}, 200, 'a query is answered';
    is stop_gateway($gateway), 0, 'ends';
};

subtest 'plain HTTP stays on the machine' => sub {
    my $run = sub {
        my $output = qx(timeout 20 "$ENV{SOUP_BUILD}/soup_gateway" @_ 2>&1);
        return ($? >> 8, $output);
    };
    for my $where ('--listen 0.0.0.0:0', '--listen "[::]:0"', '--listen 192.0.2.1:0', '--internal-listen 0.0.0.0:0 --listen 127.0.0.1:0') {
        my ($status, $output) = $run->($where);
        is $status, 1, "$where: does not start";
        like $output, qr/other machines reach this address.*--plain-beyond-loopback/, 'and says why and what to do';
    }
    my $gateway = start_gateway($node, host => '0.0.0.0', 'plain-beyond-loopback' => undef);
    is get($gateway, '/healthz')->{status}, 200, 'it does when told';
    stop_gateway($gateway);
    my $file = PostgreSQL::Test::Utils::tempdir() . '/gateway.yaml';
    append_to_file($file, "plain-beyond-loopback: true\n");
    $gateway = start_gateway($node, host => '0.0.0.0', config => $file);
    is get($gateway, '/healthz')->{status}, 200, 'by the configuration file too';
    stop_gateway($gateway);
};

subtest 'reload' => sub {
    my $gateway = start_gateway($node);
    is_problem post($gateway, 'server_time', {}, $consumer), 404, 'HTTP_NO_ROUTE', 'no such function yet';
    # A function of SQL becomes a route by a row in soup.api_function; the DBA's function needs no binding.
    $node->safe_psql('soup', <<'SQL');
CREATE FUNCTION soup_api.server_time(token text, plus integer DEFAULT 0) RETURNS timestamptz LANGUAGE sql STABLE AS $$ SELECT 'epoch'::timestamptz + plus * interval '1 s' $$;
COMMENT ON FUNCTION soup_api.server_time IS 'For this test.';
GRANT EXECUTE ON FUNCTION soup_api.server_time TO soup_gateway;
INSERT INTO soup.api_function (name, exposure, kinds) VALUES ('server_time', 'public', '{consumer}');
SQL
    kill 'HUP', $gateway->{pid};
    ok wait_for(sub { post($gateway, 'server_time', {}, $consumer)->{status} == 200 }, 'the catalogue is read again'), 'served after SIGHUP';
    is_deeply json_of(post($gateway, 'server_time', { plus => 1 }, $consumer)), { server_time => '1970-01-01T00:00:01Z' }, 'a single value is an object too';
    is_deeply json_of(get($gateway, '/v1/server_time?plus=2', [$consumer])), { server_time => '1970-01-01T00:00:02Z' }, 'by GET';
    ok json_of(get($gateway, '/openapi.json'))->{paths}{'/v1/server_time'}, 'and in OpenAPI';
    $node->safe_psql('soup', "DELETE FROM soup.api_function WHERE name = 'server_time'; DROP FUNCTION soup_api.server_time");
    is_problem post($gateway, 'server_time', {}, $consumer), 503, 'BUSY', 'a function that is gone asks for a reload';
    ok wait_for(sub { post($gateway, 'server_time', {}, $consumer)->{status} == 404 }, 'the route goes'), 'and is no route afterwards';
    stop_gateway($gateway);
};

subtest 'drain' => sub {
    my $gateway = start_gateway($node);
    append_json($gateway, $producer, 'pump', [1]);
    my $idle = connect_to($gateway);
    is request($idle, 'GET', '/healthz')->{status}, 200, 'a connection that will be idle';
    # An append that is under way: its model's lane is locked by another transaction.
    my $lock = $node->background_psql('soup');
    $lock->query_safe('BEGIN; SELECT count(*) FROM (SELECT FROM soup.partition FOR UPDATE) p;');
    my $busy = send_blocked($node, $gateway, 'append', 'append', $producer, { model => 'pump', records => ['draining'] });
    kill 'TERM', $gateway->{pid};
    is read_response($idle), undef, 'the idle connection ends';
    ok wait_for(sub { !IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $gateway->{port}) }, 'the port closes'), 'no new clients';
    $lock->query_safe('COMMIT;');
    my $response = read_response($busy);
    is $response->{status}, 200, 'the append under way is answered';
    is $response->{header}{connection}, 'close', 'and told that this was the last';
    waitpid $gateway->{pid}, 0;
    is $?, 0, 'then the gateway ends';
    $lock->quit;
};

subtest 'the hard end of a drain' => sub {
    my $gateway = start_gateway($node, 'drain-ms' => 300);
    append_json($gateway, $producer, 'pump', [1]);
    my $lock = $node->background_psql('soup');
    $lock->query_safe('BEGIN; SELECT count(*) FROM (SELECT FROM soup.partition FOR UPDATE) p;');
    my $busy = send_blocked($node, $gateway, 'append', 'append', $producer, { model => 'pump', records => ['lost'] });
    is stop_gateway($gateway), 0, 'ended at the deadline all the same';
    my $response = read_response($busy);
    ok !$response || $response->{status} == 503, 'the append was not acknowledged';
    $lock->query_safe('ROLLBACK;');
    $lock->quit;
};

done_testing;
