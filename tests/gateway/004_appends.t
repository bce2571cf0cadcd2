# Joined appends under concurrency and failure: each answer is its own, an acknowledged record is there once,
# one element that is refused does not touch the others.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Select;
use SoupGateway;
use Test::More;
use Time::HiRes qw(sleep);

my $node = make_cluster('appends');
make_org($node, 'acme', 'pump');
make_org($node, 'other', 'boiler');
my $gateway = start_gateway($node, 'pool-ms' => 60_000);
my %auth = (pump => basic('acme-producer', 'producer of acme'), boiler => basic('other-producer', 'producer of other'));
# Log in first: what follows is about appends.
is append_json($gateway, $auth{$_}, $_, [0])->{status}, 200, "first append to $_" for sort keys %auth;

sub message {
    my ($model, $body, @headers) = @_;
    return join "\r\n", 'POST /v1/append HTTP/1.1', 'Host: x', $auth{$model}, 'Content-Type: application/json', @headers,
        'Content-Length: ' . length $body, '', $body;
}

sub metric {
    my ($name) = @_;
    return get($gateway, '/metrics')->{body} =~ /^$name (\d+)$/m ? $1 : 0;
}

subtest 'appends that meet are joined, and each has its own result' => sub {
    my @sockets = map { connect_to($gateway) } 1 .. 60;
    my ($calls, $elements) = (metric('soup_gateway_append_calls_total'), metric('soup_gateway_appends_joined_total'));
    my (%seen, $bad);
    for my $round (1 .. 10) {
        for my $i (0 .. $#sockets) {
            my $model = $i % 2 ? 'pump' : 'boiler';
            # Every tenth is refused, in another way each.
            my $body = $i % 10 == 9 ? '{"model":"nosuch","records":[1]}'
                : $i % 10 == 4      ? '{"model":"boiler","label":"nosuch","records":[1]}'
                :                     qq({"model":"$model","records":["$round/$i",2]});
            syswrite $sockets[$i], message($model, $body);
        }
        for my $i (0 .. $#sockets) {
            my $response = read_response($sockets[$i]);
            my $expected = $i % 10 == 9 || $i % 10 == 4 ? 404 : 200;
            $bad++, diag explain $response if $response->{status} != $expected;
            next if $expected != 200;
            my $answer = json_of($response);
            my $address = ($i % 2 ? 'pump' : 'boiler') . "/$answer->{partition}/$answer->{first_offset}";
            $bad++, diag "$address given twice" if $seen{$address}++;
            $bad++ if $answer->{count} != 2;
        }
    }
    ok !$bad, 'every answer is right';
    is raw_count($node), 2 + 2 * keys %seen, 'every acknowledged record is there, the refused ones are not';
    ($calls, $elements) = (metric('soup_gateway_append_calls_total') - $calls, metric('soup_gateway_appends_joined_total') - $elements);
    is $elements, 600, 'every append went through the joiner';
    cmp_ok $calls, '<', $elements, "joined: $elements appends in $calls calls";
};

subtest 'times stay with their records where appends without any are joined with them' => sub {
    my @sockets = map { connect_to($gateway) } 1 .. 60;
    my $bad = 0;
    for my $round (1 .. 5) {
        for my $i (0 .. $#sockets) {
            my $times = $i % 3 == 0 ? '' : $i % 3 == 1 ? ',"times":[null,null]' : sprintf ',"times":["2024-01-01T00:00:%02dZ",null]', $i;
            syswrite $sockets[$i], message('pump', sprintf '{"model":"pump","stream":"timed","records":["i%02d",0]%s}', $i, $times);
        }
        $bad += grep { read_response($_)->{status} != 200 } @sockets;
    }
    is $bad, 0, 'all are answered';
    my ($timed, $wrong) = (0, 0);
    for my $hex (split /\n/, $node->safe_psql('soup', "SELECT encode(frame, 'hex') FROM soup.raw_batch WHERE stream = 'timed'")) {
        # FORMAT.md: flags at 5 (1: times, 2: not every record has one), no codec for so few bytes, content from 56 on.
        my $frame = pack 'H*', $hex;
        my ($flags, $content) = (ord substr($frame, 5, 1), substr $frame, 56);
        my ($i) = $content =~ /"i(\d\d)"/;
        my $time = 0;
        if ($flags & 1) {
            $timed++;
            my $shift = 0; # behind two lengths of a byte each and a byte of bits
            for my $byte (unpack 'C*', substr $content, 3) {
                $time |= ($byte & 127) << $shift;
                $shift += 7;
                last if $byte < 128;
            }
            $wrong++ if $time / 2 != (1704067200 + $i) * 1_000_000;
        }
        $wrong++ if ($flags & 3) != ($i % 3 == 2 ? 3 : 0);
    }
    is $timed, 5 * 20, 'every batch with a time has one';
    is $wrong, 0, 'and it is its own';
};

subtest 'big appends side by side' => sub {
    my $count = raw_count($node);
    my @sockets = map { connect_to($gateway) } 1 .. 8;
    my ($seen, $bad) = (0, 0);
    for my $round (1 .. 10) {
        my @bodies = map { chr(97 + $_) x (100_000 + $_) } 0 .. $#sockets;
        for my $i (0 .. $#sockets) {
            syswrite $sockets[$i], join "\r\n", 'POST /v1/append?model=pump&stream=big HTTP/1.1', 'Host: x', $auth{pump},
                'Content-Type: application/octet-stream', 'Content-Length: ' . length $bodies[$i], '', $bodies[$i];
        }
        $bad += grep { read_response($_)->{status} != 200 } @sockets;
    }
    is $bad, 0, 'all are answered';
    is raw_count($node) - $count, 80, 'all are there';
    is $node->safe_psql('soup', "SELECT count(*) FROM soup.verify_raw('acme', 'pump')"), 0, 'whole, one behind the other';
};

subtest 'dense offsets, after all that' => sub {
    is $node->safe_psql('soup', <<'SQL'), 't', 'no gap, no overlap';
SELECT bool_and(first_offset = coalesce(previous_end, 0)) FROM (
    SELECT first_offset, lag(first_offset + record_count) OVER (PARTITION BY org, model, partition ORDER BY first_offset) AS previous_end
      FROM soup.raw_batch) b
SQL
};

subtest 'a backend dies under a joined call' => sub {
    my @sockets = map { connect_to($gateway) } 1 .. 40;
    my (%stored, $unknown, $round);
    # With a key: repeated by the gateway, stored once. Without: 200 or 503, never a silent repetition.
    for $round (1 .. 5) {
        my $before = raw_count($node);
        syswrite $sockets[$_], message('pump', qq({"model":"pump","records":["$round/$_"]}), "Idempotency-Key: kill-$round-$_") for 0 .. 19;
        syswrite $sockets[$_], message('pump', qq({"model":"pump","records":["$round/$_"]})) for 20 .. 39;
        $node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'soup_gateway append'");
        my @status = map { read_response($_)->{status} } @sockets;
        is_deeply [ grep { $_ != 200 } @status[ 0 .. 19 ] ], [], "round $round: with a key all are answered";
        my @plain = grep { $_ == 200 } @status[ 20 .. 39 ];
        is_deeply [ grep { $_ != 200 && $_ != 503 } @status[ 20 .. 39 ] ], [], "round $round: without, 200 or 503";
        my $stored = raw_count($node) - $before;
        cmp_ok $stored, '>=', 20 + @plain, "round $round: what was acknowledged is there";
        cmp_ok $stored, '<=', 40, "round $round: nothing is there twice";
        my $repeated = json_of(post($gateway, 'append', { model => 'pump', records => ["$round/7"] }, $auth{pump}, "Idempotency-Key: kill-$round-7"));
        is raw_count($node) - $before, $stored, "round $round: a repetition stores nothing";
    }
};

subtest 'the gateway is killed' => sub {
    for my $round (1 .. 10) {
        my $before = raw_count($node);
        my @sockets = map { connect_to($gateway) } 1 .. 20;
        syswrite $sockets[$_], message('pump', qq({"model":"pump","records":["kill $round $_"]}), "Idempotency-Key: gateway-$round-$_") for 0 .. 19;
        sleep rand 0.02;
        stop_gateway($gateway, 'KILL');
        my @acknowledged = map { my $r = read_response($sockets[$_]); $r && $r->{status} == 200 && $r->{whole} ? $r->{body} : undef } 0 .. 19;
        my @known = grep { defined $acknowledged[$_] } 0 .. 19;
        # Before anything is repeated, which would put back what was lost.
        cmp_ok raw_count($node) - $before, '>=', scalar @known, "round $round: " . @known . ' were acknowledged and are there';
        $gateway = start_gateway($node);
        # Everybody asks again with the same key, whether there was an answer or not.
        my @answers = map { post($gateway, 'append', { model => 'pump', records => ["kill $round $_"] }, $auth{pump}, "Idempotency-Key: gateway-$round-$_") } 0 .. 19;
        is_deeply [ grep { $_->{status} != 200 } @answers ], [], "round $round: all are answered";
        is_deeply [ map { $_->{body} } @answers[@known] ], [ @acknowledged[@known] ], "round $round: the same addresses as before";
        is raw_count($node) - $before, 20, "round $round: each is stored once";
    }
};

subtest 'PostgreSQL is stopped at once' => sub {
    for my $round (1 .. 3) {
        my $before = raw_count($node);
        my @sockets = map { connect_to($gateway) } 1 .. 20;
        syswrite $sockets[$_], message('pump', qq({"model":"pump","records":["stop $round $_"]}), "Idempotency-Key: stop-$round-$_") for 0 .. 19;
        sleep rand 0.01;
        $node->stop('immediate');
        $node->start;
        my @acknowledged = map { my $r = read_response($sockets[$_]); $r && $r->{status} == 200 && $r->{whole} ? $r->{body} : undef } 0 .. 19;
        my @known = grep { defined $acknowledged[$_] } 0 .. 19;
        ok wait_for(sub { get($gateway, '/readyz')->{status} == 200 }, 'the pool heals'), "round $round: healed";
        cmp_ok raw_count($node) - $before, '>=', scalar @known, "round $round: " . @known . ' acknowledged records survived';
        my @answers = map { post($gateway, 'append', { model => 'pump', records => ["stop $round $_"] }, $auth{pump}, "Idempotency-Key: stop-$round-$_") } 0 .. 19;
        is_deeply [ grep { $_->{status} != 200 } @answers ], [], "round $round: all are answered";
        is_deeply [ map { $_->{body} } @answers[@known] ], [ @acknowledged[@known] ], "round $round: the same addresses as before";
        is raw_count($node) - $before, 20, "round $round: each is stored once";
    }
};

stop_gateway($gateway);
done_testing;
