#!/usr/bin/perl
# headlines.pl README DOCS         writes README's table of figures, between its two marks, from the raw numbers beside
#                                  DOCS/figures.md and DOCS/index-figures.md
#
# A headline whose file or number is missing is left out. No figure is typed by hand, so what stands in README is what
# the last benches said.
use strict;
use warnings;
use utf8;
use JSON::PP;

my ($readme, $docs) = @ARGV;
die "usage: headlines.pl README DOCS\n" unless defined $docs;

sub slurp {
    my ($path) = @_;
    open my $file, '<:raw', $path or return;
    local $/;
    return scalar <$file>;
}
sub raw { my ($name) = @_; my $text = slurp("$docs/figures/$name.json"); return defined $text ? JSON::PP->new->decode($text) : undef }
sub number { my ($n) = @_; $n = sprintf $n < 20 ? '%.1f' : '%.0f', $n; 1 while $n =~ s/^(\d+)(\d{3})/$1,$2/; return $n }
sub ratio { my ($better, $than) = @_; return sprintf "%.1f × $than", $better }

# HNSW's least setting can find more than was asked for.
sub finds_more {
    my ($set, $asked) = @_;
    my ($least) = sort { $a <=> $b } map { $_->{recall} } @{ $set->{pgvector_curve} // [] };
    return defined $least && $least > $asked ? sprintf ', which finds %.3f at the least', $least : '';
}

my @rows;    # what, figure, page it is from
sub headline { my ($page, $what, $figure) = @_; push @rows, "| $what | $figure | [$page]($docs/$page.md) |" }

# --- vann: beside pgvector's HNSW on one server ------------------------------------------------------------------------
for my $named ([ 'fashion-mnist', 'images' ], [ 'windows-of-electrocardiograms', 'signal windows' ]) {
    my ($name, $what) = @$named;
    my $set = raw($name) or next;
    my $of = number($set->{vectors}) . " $what of $set->{dimensions} dimensions";
    my ($rate, $peer) = @$set{qw(vann_warm_qps_at_0.95 pgvector_warm_qps_at_0.95)};
    headline('index-figures', "vann: ten nearest of $of at recall .95", number($rate) . ' queries/s, ' . ratio($rate / $peer, "pgvector's HNSW") . finds_more($set, 0.95)) if $rate && $peer;
    my ($asked) = grep { ($_->{'vann.recall'} // 0) == 0.95 } @{ $set->{vann_promises} // $set->{vann_curve} // [] };
    headline('index-figures', '… `vann.recall = 0.95` gives', sprintf '%.3f on queries that the index never saw', $asked->{recall}) if $asked;
    my ($build, $slower) = @$set{qw(vann_build_s pgvector_build_s)};
    headline('index-figures', '… build', number($build) . ' s, ' . ratio($slower / $build, 'as fast')) if $build && $slower;
}

# --- vtree: beside the server's own and PostGIS ------------------------------------------------------------------------
if (my $set = raw('clustered-points-in-space')) {
    my ($ours, %peers) = ($set->{vtree}, map { $_ => $set->{$_} } grep { ref $set->{$_} && !/^vtree$| in memory$/ } keys %$set);
    for my $asked ([ 'box1000_us', 'a box of ~1,000' ], [ 'nearest10_us', 'the ten nearest' ]) {
        my ($field, $what) = @$asked;
        next unless $ours->{$field};
        headline('index-figures', "vtree: $what of " . number($set->{points}) . " points of $set->{dimensions} dimensions", join ', ',
            number($ours->{$field}) . ' µs', map { ratio($peers{$_}{$field} / $ours->{$field}, "as fast as $_") } grep { $peers{$_}{$field} } sort keys %peers);
    }
}

# --- the platform ------------------------------------------------------------------------------------------------------
if (my $all = raw('figures')) {
    my $single = $all->{gateway}{single};
    my $refused = 0;
    $refused += $_->{refused} + $_->{socket_errors} for map { @{ $single->{$_} // [] } } qw(gateway fastify);
    if ($single && $single->{ratio_of_medians} && !$refused) {
        my @sorted = sort { $a <=> $b } map { $_->{requests_per_s} } @{ $single->{gateway} };    # their median, as in figures.pl
        headline('figures', 'appends over HTTP, 64 connections, each durable when it is answered',
            number($sorted[ $#sorted / 2 ]) . '/s, ' . ratio($single->{ratio_of_medians}, 'Fastify and pg'));
    }
    if (my $batch = $all->{gateway}{batch}{recording}{eight}) {
        headline('figures', 'the same in batches of 1,000 records, 8 connections', sprintf '%s records/s, %.2f × one long COPY', number($batch->{append_records_per_s}), $batch->{ratio});
    }
    if (my $delay = $all->{processing}{delay_at_half_rate_http}) {
        headline('figures', 'from the acknowledged append to its point in an answer', sprintf '%.0f ms (p50), %.0f ms (p99)', @$delay{qw(p50_ms p99_ms)});
    }
    if (my $sustained = $all->{processing}{sustained}) {
        headline('figures', 'one worker turns sensor values into vectors', number($sustained->{values_per_s}) . ' values/s');
    }
}
die "$docs/figures: no headline in it\n" unless @rows;

my $table = join "\n", '| what | figure | from |', '|---|---|---|', @rows;
utf8::encode($table);
my $text = slurp($readme) // die "$readme: $!\n";
$text =~ s/(<!-- headlines -->\n).*?(<!-- end of headlines -->)/$1$table\n$2/s or die "$readme: has no marks for the headlines\n";
open my $file, '>:raw', $readme or die "$readme: $!\n";
print {$file} $text or die "$readme: $!\n";
close $file or die "$readme: $!\n";
