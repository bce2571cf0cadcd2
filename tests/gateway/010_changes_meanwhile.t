# What a client sees while the DBA changes a model's partitions or others promote: an answer, not the change. Every meeting is
# arranged by a lock that is seen to be waited for, or by a trigger; none by chance.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use SoupGateway;
use Test::More;

my $node = make_cluster('meanwhile');
make_org($node, 'acme', 'pump');
$node->safe_psql('soup', q{SELECT soup.add_version('acme', 'pump', 'v2', v.manifest) FROM soup.version v WHERE v.label = 'v1'});
my $gateway = start_gateway($node, 'request-ms' => 600_000, 'pool-ms' => 600_000);
my $producer = basic('acme-producer', 'producer of acme');
my $consumer = basic('acme-consumer', 'consumer of acme');
is post($gateway, 'promote', { model => 'pump', label => 'v1' }, $consumer)->{status}, 200, 'there is a default version';
is json_of(append_json($gateway, $producer, 'pump', [1]))->{partition}, 0, 'and one partition';

sub partitions { return $node->safe_psql('soup', 'SELECT string_agg(partition::text, \',\' ORDER BY partition) FROM soup.partition WHERE NOT sealed') }

subtest 'an append waits for another number of partitions, and goes to one of the new ones' => sub {
    my $change = $node->background_psql('soup');
    $change->query_safe(q{BEGIN; SELECT soup.set_partitions('acme', 'pump', 3);});
    my $append = send_blocked($node, $gateway, 'append', 'append', $producer, { model => 'pump', records => [ 2, 3 ] });
    $change->query_safe('COMMIT');
    my $response = read_response($append);
    is $response->{status}, 200, 'answered' or return diag explain $response;
    my $answer = json_of($response);
    is_deeply [ @$answer{qw(first_offset count label)} ], [ 0, 2, 'v1' ], 'with the first records of a partition';
    is partitions(), '1,2,3', 'of which there are three now';
    cmp_ok $answer->{partition}, '>', 0, 'and it is one of these';
    is raw_count($node), 3, 'stored once';
    $change->quit;
};

subtest 'joined with an append of another model, each has its own fate' => sub {
    $node->safe_psql('soup', q{SELECT soup.add_model('acme', 'fan', 1), soup.grant_right('acme-producer', 'acme', 'fan', '*', 'append')});
    # The first call waits for the lock; what comes meanwhile is joined behind it, on the second connection, and waits too.
    my $change = $node->background_psql('soup');
    $change->query_safe(q{BEGIN; SELECT soup.set_partitions('acme', 'pump', 1);});
    my $first = send_blocked($node, $gateway, 'append', 'append', $producer, { model => 'pump', records => [4] });
    my @others = map {
        my $socket = connect_to($gateway);
        my $body = encode({ model => $_, records => [5] });
        syswrite $socket, join "\r\n", 'POST /v1/append HTTP/1.1', 'Host: x', $producer, 'Content-Type: application/json', 'Content-Length: ' . length $body, '', $body;
        $socket;
    } qw(fan pump fan pump);
    $change->query_safe('COMMIT');
    my @answers = map { read_response($_) } $first, @others;
    is_deeply [ map { $_->{status} } @answers ], [ (200) x 5 ], 'all are answered';
    is_deeply [ map { json_of($_)->{partition} } @answers ], [ 4, 0, 4, 0, 4 ], 'the ones in the new partition, the others where they always were';
    $change->quit;
};

subtest 'a promotion waits for a change of partitions' => sub {
    my $change = $node->background_psql('soup');
    $change->query_safe(q{BEGIN; SELECT soup.set_partitions('acme', 'pump', 2);});
    my $promote = send_blocked($node, $gateway, 'write', 'promote', $consumer, { model => 'pump', label => 'v2' });
    $change->query_safe('COMMIT');
    my $response = read_response($promote);
    is $response->{status}, 200, 'answered' or return diag explain $response;
    is json_of($response)->{previous}, 'v1', 'it was v1 before';
    is $node->safe_psql('soup', q{SELECT count(*) FILTER (WHERE v.label = 'v2'), count(*) FROM soup.partition p LEFT JOIN soup.version v ON v.version = p.default_version
        JOIN soup.model m ON m.model = p.model AND m.name = 'pump' WHERE NOT p.sealed}), '2|2', 'the new partitions have the new default';
    $change->quit;
};

# A promotion that the server gives up as many times as the sequence says.
$node->safe_psql('soup', <<'SQL');
CREATE SEQUENCE public.tries;
CREATE TABLE public.failures (state text, times integer);
CREATE FUNCTION public.give_up() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
    f public.failures;
BEGIN
    SELECT * INTO f FROM public.failures;
    IF nextval('public.tries') <= f.times THEN
        RAISE EXCEPTION USING ERRCODE = f.state, MESSAGE = 'gives up';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER give_up BEFORE INSERT ON soup.promotion FOR EACH ROW EXECUTE FUNCTION public.give_up();
SQL
sub promote_failing {
    my ($label, $state, $times) = @_;
    $node->safe_psql('soup', "TRUNCATE public.failures; INSERT INTO public.failures VALUES ('$state', $times); SELECT setval('public.tries', 1, false)");
    my $before = $node->safe_psql('soup', 'SELECT count(*) FROM soup.promotion');
    my $response = post($gateway, 'promote', { model => 'pump', label => $label }, $consumer);
    return ($response, $node->safe_psql('soup', "SELECT count(*) - $before FROM soup.promotion"), $node->safe_psql('soup', 'SELECT last_value FROM public.tries'));
}
for my $state ('40001', '40P01') {
    my $label = $state eq '40001' ? 'v1' : 'v2';
    subtest "a promotion that the server rolls back by itself ($state) is tried again" => sub {
        my ($response, $promotions, $tries) = promote_failing($label, $state, 2);
        is $response->{status}, 200, 'answered' or diag explain $response;
        is $promotions, 1, 'done once';
        is $tries, 3, 'at the third try';
        ($response, $promotions, $tries) = promote_failing($label eq 'v1' ? 'v2' : 'v1', $state, 1000);
        is_problem $response, 503, 'BUSY', 'three tries are all';
        ok $response->{header}{'retry-after'}, 'the client may come back';
        is "$promotions $tries", '0 3', 'nothing was done';
    };
}
subtest 'other errors are not tried again' => sub {
    my ($response, $promotions, $tries) = promote_failing('v1', '23514', 1);
    is_problem $response, 500, 'INTERNAL', 'a bug is one';
    is "$promotions $tries", '0 1', 'at the first try';
    is post($gateway, 'promote', { model => 'pump', label => 'v1' }, $consumer)->{status}, 200, 'the connection is usable';
};

is $node->safe_psql('soup', q{SELECT count(*) FROM soup.verify_raw('acme', 'pump')}), 0, 'the log is sound';
stop_gateway($gateway);
done_testing;
