# Who asks for everything gets its share of it: others are served beside it, what is beyond it is told BUSY, no
# connection is lost, and in the end all places are free again.
#
# Calls and streams are made slow by a lock on what they read or write, which holds up A's only. All come from one
# address, as they do behind a proxy, and from a gateway compiled with the address sanitizer.
use strict;
use warnings;
use FindBin;
use IO::Select;
use lib "$FindBin::Bin/lib";
use SoupGateway;
use Test::More;

my $node = make_cluster('shares');
my %storage;
for my $org ('acme', 'globex') {
    make_org($node, $org, 'pump');
    post_promotion($org);
    $storage{$org} = $node->safe_psql('soup', "SELECT storage FROM soup.version WHERE org = (SELECT org FROM soup.org WHERE name = '$org')");
}
$node->safe_psql('soup', <<SQL);
SELECT soup.add_principal('acme', 'acme-' || n, 'consumer', n || ' of acme') FROM unnest('{second,third}'::text[]) n;
SELECT soup.grant_right('acme-' || n, 'acme', 'pump', '*', 'query') FROM unnest('{second,third}'::text[]) n;
SQL

sub post_promotion {
    my ($org) = @_;
    my $token = token("$org-consumer", "consumer of $org") =~ s/^.* //r;
    $node->safe_psql('soup', "SELECT soup_api.promote(token => '$token', model => 'pump', label => 'v1')");
}

sub token {
    my ($user, $passphrase) = @_;
    return 'Authorization: Bearer ' . $node->safe_psql('soup', "SELECT token FROM soup_api.login('$user', '$passphrase')");
}
sub start { return start_gateway($node, program => 'sanitized/soup_gateway', @_) }
sub stop {
    my ($gateway) = @_;
    is stop_gateway($gateway), 0, 'the gateway ends well';
    is PostgreSQL::Test::Utils::slurp_file($gateway->{stderr}), '', 'the sanitizers had nothing to say';
}

sub lock_of {
    my ($statement) = @_;
    my $lock = $node->background_psql('soup');
    $lock->query_safe("BEGIN; $statement;");
    return $lock;
}
sub unlock {
    my ($lock) = @_;
    $lock->query_safe('COMMIT;');
    $lock->quit;
}

# Sends a request for each set of arguments, each on a connection of its own, and reads no answer.
sub ask {
    my ($gateway, $function, $headers, @arguments) = @_;
    return map {
        my $body = encode($_);
        my $socket = connect_to($gateway);
        syswrite $socket, join "\r\n", "POST /v1/$function HTTP/1.1", 'Host: x', 'Content-Type: application/json', @$headers,
            'Content-Length: ' . length $body, '', $body;
        $socket;
    } @arguments;
}

# Waits until all but so many are answered; returns the answers and the connections of the rest.
sub answers_but {
    my ($kept, @sockets) = @_;
    my $unread = IO::Select->new(@sockets);
    my @answers;
    wait_for(sub {
        for my $socket ($unread->can_read(0)) {
            push @answers, read_response($socket);
            $unread->remove($socket);
        }
        return $unread->count <= $kept;
    }, "all but $kept are answered");
    is $unread->count, $kept, "$kept wait for the lock";
    return (\@answers, $unread->handles);
}
sub all_are_busy {
    my ($answers, $count) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is scalar(grep { $_->{status} == 503 && json_of($_)->{code} eq 'BUSY' } @$answers), $count, "$count are told BUSY";
}

sub gauge {
    my ($gateway, $what, $pool) = @_;
    return get($gateway, '/metrics')->{body} =~ /^soup_gateway_pool_$what\{pool="$pool"\} (\d+)$/m ? $1 : undef;
}
sub is_free {
    my ($gateway, $pool) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    ok wait_for(sub { gauge($gateway, under_way => $pool) == 0 && gauge($gateway, waiting => $pool) == 0 }, 'all places are free'), 'all places are free again';
}
sub sessions {
    my ($pool) = @_;
    return $node->safe_psql('postgres', "SELECT coalesce(string_agg(pid::text, ' ' ORDER BY pid), '') FROM pg_stat_activity WHERE application_name = 'soup_gateway $pool'");
}

my %nearest = (model => 'pump', query => [ 0, 0 ], k => 3);
my $ndjson = 'Accept: application/x-ndjson';

# The tokens are new: nobody but the server knows whose they are, until it has done something for them.
subtest 'streams' => sub {
    my $gateway = start(streams => 4);
    my ($a, $b) = (token('acme-consumer', 'consumer of acme'), token('globex-consumer', 'consumer of globex'));
    for my $tokens ('unknown', 'known') {
        my $lock = lock_of("LOCK TABLE soup_data.$storage{acme}");
        my @asked = ask($gateway, 'nearest', [ $a, $ndjson ], (\%nearest) x 12);
        ok wait_for(sub { gauge($gateway, waiting => 'stream') == 10 }, 'ten wait'), "$tokens tokens: two of twelve have a place";
        is gauge($gateway, callers_waiting => 'stream'), 1, 'the others are of one caller';
        is post($gateway, 'nearest', \%nearest, $b, $ndjson)->{body}, qq({"end":true,"rows":0}\n), 'B is served meanwhile';
        my ($answers, @kept) = answers_but(2, @asked);
        all_are_busy($answers, 10);
        is post($gateway, 'nearest', \%nearest, $b, $ndjson)->{status}, 200, 'B is served afterwards';
        unlock($lock);
        is read_response($_)->{body}, qq({"end":true,"rows":0}\n), 'what has a place is answered' for @kept;
        is_free($gateway, 'stream');
        is post($gateway, 'nearest', \%nearest, $a, $ndjson)->{status}, 200, 'also for A';
    }
    stop($gateway);
};

subtest 'reading calls' => sub {
    my $gateway = start(pool => 4, 'pipeline-depth' => 2);
    my ($a, $second, $third) = map { token("acme-$_", "$_ of acme") } 'consumer', 'second', 'third';
    my $b = token('globex-consumer', 'consumer of globex');
    is post($gateway, 'list_models', {}, $_)->{status}, 200, 'a caller gets known' for $a, $second, $third, $b;
    ok wait_for(sub { gauge($gateway, ready => 'read') == 4 }, 'four connections'), 'four connections';
    my $sessions = sessions('read');
    my $lock = lock_of("LOCK TABLE soup_data.$storage{acme}");
    my @asked = ask($gateway, 'nearest', [$a], (\%nearest) x 30);
    ok wait_for(sub { gauge($gateway, waiting => 'read') == 26 }, '26 wait'), 'A has half of the connections, two calls on each';
    is post($gateway, 'nearest', \%nearest, $b)->{status}, 200, 'B is served meanwhile';
    my @asked_too = ask($gateway, 'nearest', [$second], (\%nearest) x 10);
    ok wait_for(sub { gauge($gateway, waiting => 'read') == 34 }, '34 wait'), 'another principal of its org has the third one';
    push @asked_too, ask($gateway, 'nearest', [$third], (\%nearest) x 10);
    ok wait_for(sub { gauge($gateway, waiting => 'read') == 44 }, '44 wait'), 'and a third one has none: the last is for other orgs';
    is post($gateway, 'nearest', \%nearest, $b)->{status}, 200, 'B has it';
    my ($answers, @kept) = answers_but(6, @asked, @asked_too);
    all_are_busy($answers, 44);
    is post($gateway, 'nearest', \%nearest, $b)->{status}, 200, 'B is served afterwards';
    unlock($lock);
    is read_response($_)->{status}, 200, 'what has a place is answered' for @kept;
    is_free($gateway, 'read');
    is sessions('read'), $sessions, 'the connections are those that they were';
    stop($gateway);
};

# One place only: the log says in which order it was given.
subtest 'a place that gets free' => sub {
    my $gateway = start(pool => 1, 'pipeline-depth' => 1, 'pool-ms' => 60_000);
    my ($a, $b) = map { token("$_-consumer", "consumer of $_") } 'acme', 'globex';
    is post($gateway, 'list_models', {}, $_)->{status}, 200, 'a caller gets known' for $a, $b;
    my $lock = lock_of("LOCK TABLE soup_data.$storage{acme}");
    my $body = encode(\%nearest);
    my $pipelining = connect_to($gateway);
    syswrite $pipelining, join("\r\n", 'POST /v1/nearest HTTP/1.1', 'Host: x', 'Content-Type: application/json', $a,
        'Content-Length: ' . length $body, '', $body) x 20;
    ok wait_for(sub { gauge($gateway, under_way => 'read') == 1 }, 'it is taken'), 'A has it, and its next requests have been sent';
    my ($other) = ask($gateway, 'list_models', [$b], {});
    ok wait_for(sub { gauge($gateway, waiting => 'read') == 1 }, 'B waits'), 'B waits';
    unlock($lock);
    is read_response($_)->{status}, 200, 'answered' for $other, ($pipelining) x 20;
    my @order;
    ok wait_for(sub {
        @order = PostgreSQL::Test::Utils::slurp_file($gateway->{log}) =~ /"route":"(nearest|list_models)"/g;
        return @order == 23;
    }, 'all is logged'), 'all is logged';
    is_deeply [ @order[ 2 .. 4 ] ], [ 'nearest', 'list_models', 'nearest' ], 'is given to who waits, and not to the next request of who had it';
    stop($gateway);
};

subtest 'writing calls' => sub {
    my $gateway = start('pipeline-depth' => 3);
    my ($a, $b) = map { token("$_-consumer", "consumer of $_") } 'acme', 'globex';
    is post($gateway, 'list_models', {}, $_)->{status}, 200, 'a caller gets known' for $a, $b;
    ok wait_for(sub { gauge($gateway, ready => 'write') == 2 }, 'two connections'), 'two connections';
    my $sessions = sessions('write');
    my %promotion = (model => 'pump', label => 'v1');
    my $lock = lock_of("SELECT FROM soup.model WHERE org = (SELECT org FROM soup.org WHERE name = 'acme') FOR UPDATE");
    my @asked = ask($gateway, 'promote', [$a], (\%promotion) x 10);
    ok wait_for(sub { gauge($gateway, waiting => 'write') == 7 }, 'seven wait'), 'A has one of the two connections';
    is post($gateway, 'promote', \%promotion, $b)->{status}, 200, 'B is served meanwhile';
    my ($answers, @kept) = answers_but(3, @asked);
    all_are_busy($answers, 7);
    unlock($lock);
    is read_response($_)->{status}, 200, 'what has a place is answered' for @kept;
    is_free($gateway, 'write');
    is sessions('write'), $sessions, 'the connections are those that they were';
    stop($gateway);
};

# One call at a time with one append in it: so the log says in which order they were taken.
subtest 'appends' => sub {
    my $gateway = start('append-connections' => 1, 'join-elements' => 1, 'pool-ms' => 60_000);
    my ($a, $b) = map { token("$_-producer", "producer of $_") } 'acme', 'globex';
    my $lock = lock_of("SELECT FROM soup.partition WHERE org = (SELECT org FROM soup.org WHERE name = 'acme') FOR UPDATE");
    my @asked = ask($gateway, 'append', [$a], map { { model => 'pump', records => [ { key => "a$_" } ] } } 1 .. 30);
    ok wait_for(sub { gauge($gateway, waiting => 'append') == 29 }, '29 wait'), 'A waits for itself';
    push @asked, ask($gateway, 'append', [$b], map { { model => 'pump', records => [ { key => "b$_" } ] } } 1 .. 2);
    ok wait_for(sub { gauge($gateway, waiting => 'append') == 31 }, '31 wait'), 'then B comes';
    is gauge($gateway, callers_waiting => 'append'), 2, 'two callers';
    unlock($lock);
    is_deeply [ grep { read_response($_)->{status} != 200 } @asked ], [], 'all are stored';
    my $before = $node->safe_psql('soup', <<SQL);
SELECT count(*) FROM soup.raw_batch WHERE org = (SELECT org FROM soup.org WHERE name = 'acme')
    AND received_at < (SELECT max(received_at) FROM soup.raw_batch WHERE org = (SELECT org FROM soup.org WHERE name = 'globex'))
SQL
    cmp_ok $before, '<=', 3, "of A's thirty, one under way and one for each of B's two were before them";
    is_free($gateway, 'append');
    stop($gateway);
};

subtest 'room for bodies' => sub {
    my $gateway = start('bodies-bytes' => 4 << 20);
    my $b = token('globex-producer', 'producer of globex');
    is append_json($gateway, $b, 'pump', [ { key => 'b' } ])->{status}, 200, 'B gets known';
    local $SIG{PIPE} = 'IGNORE';
    my @senders = map {
        my $socket = connect_to($gateway);
        syswrite $socket, "POST /v1/append HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer nobody.knows.$_\r\nContent-Type: application/json\r\n"
            . "Content-Length: 1000000\r\n\r\n";
        $socket->blocking(0);
        { socket => $socket, left => 900_000 };
    } 1 .. 12;
    # Those who were refused have been answered; the others hold what they have sent.
    my @holding;
    ok wait_for(sub {
        for my $sender (@senders) {
            next if !$sender->{left};
            if (IO::Select->new($sender->{socket})->can_read(0)) { $sender->{answer} = read_response($sender->{socket}); $sender->{left} = 0 }
            else { $sender->{left} -= syswrite($sender->{socket}, ' ' x $sender->{left}) // 0 }
        }
        @holding = grep { !$_->{answer} && !IO::Select->new($_->{socket})->can_read(0) } @senders;
        return !grep { $_->{left} } @senders;
    }, 'all is sent'), 'twelve send megabytes with made-up tokens';
    my $big = [ { key => 'big', text => 'x' x 1_000_000 } ];
    is append_json($gateway, $b, 'pump', $big)->{status}, 200, 'B has room' for 1 .. 5;
    my @refused = grep { IO::Select->new($_->{socket})->can_read(0) || $_->{answer} } @senders;
    cmp_ok scalar @refused, '>=', 8, 'most of them have not';
    is_problem $_->{answer} // read_response($_->{socket}), 503, 'BUSY', 'one of these' for $refused[0];
    stop($gateway);
};

subtest 'no body is read for who shows no token' => sub {
    my $gateway = start();
    my $begin = sub {
        my (@headers) = @_;
        my $socket = connect_to($gateway);
        syswrite $socket, join "\r\n", 'POST /v1/append HTTP/1.1', 'Host: x', 'Content-Type: application/json', 'Content-Length: 60000000', @headers, '', '{';
        return $socket;
    };
    for (
        [ 401, 'NOT_BOUND', 'no token' ],
        [ 401, 'NOT_BOUND', 'nor the offer to wait', 'Expect: 100-continue' ],
        [ 401, 'TOKEN_BAD', 'a malformed one', 'Authorization: Bearer a b' ],
        [ 401, 'TOKEN_BAD', 'another scheme', 'Authorization: Digest abc' ],
        [ 403, 'HTTP_ORIGIN', 'from another site', 'Authorization: Bearer abc', 'Origin: http://elsewhere' ]) {
        my ($status, $code, $name, @headers) = @$_;
        my $socket = $begin->(@headers);
        my $answer = read_response($socket);
        is_problem $answer, $status, $code, $name;
        is $answer->{header}{connection}, 'close', "$name: and the connection ends";
        is read_response($socket), undef, "$name: it does";
    }
    my $socket = connect_to($gateway);
    is_problem request($socket, 'POST', '/v1/append', ['Content-Type: application/json'], '{}'), 401, 'NOT_BOUND', 'a body that is here already';
    is request($socket, 'GET', '/healthz')->{status}, 200, 'costs no connection';
    like get($gateway, '/metrics')->{body}, qr/^soup_gateway_requests_total\{route="append",status="401"\} 5$/m, 'they count for their route';
    stop($gateway);
};

done_testing;
