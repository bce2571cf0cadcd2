#!/usr/bin/perl
# figures.pl BENCH_FOLDER          prints the table: figure, asked, measured, reached
# figures.pl BENCH_FOLDER DOCS     writes DOCS/figures.md, DOCS/figures/figures.svg and the raw numbers beside it
#
# Reads the JSON files that the benches left in BENCH_FOLDER. A figure whose file or number is missing is shown as not
# measured, never as reached. Each figure is a ratio or a number with a limit on one side; its margin is how many times
# better than asked it is, below 1 if missed.
use strict;
use warnings;
use utf8;
use JSON::PP;
use List::Util qw(max min);

my ($folder, $docs) = @ARGV;
die "usage: figures.pl BENCH_FOLDER [DOCS]\n" unless defined $folder;
binmode STDOUT, ':utf8';

# --- the raw numbers: one JSON value a file, or a list of them ---------------------------------------------------------
sub raw {
    my ($name) = @_;
    open my $file, '<:raw', "$folder/$name.json" or return;
    local $/;
    my @values = JSON::PP->new->incr_parse(scalar <$file>);
    return @values == 1 ? $values[0] : \@values;
}
my %raw = map { $_ => scalar raw($_) } qw(machine gateway processing soupvec soupvec_pgvector rawlog processors);

# at('gateway', 'single', …): the number at that path, undef if any step of it is missing.
sub at {
    my ($value, @path) = ($raw{ +shift }, @_);
    for my $step (@path) { $value = ref $value eq 'HASH' ? $value->{$step} : return }
    return $value;
}
sub ratio { my ($a, $b) = @_; return defined $a && defined $b && $b != 0 ? $a / $b : undef }
sub median { my @sorted = sort { $a <=> $b } @_; return @sorted ? $sorted[ $#sorted / 2 ] : undef }
sub requests { my ($who) = @_; return median(map { $_->{requests_per_s} } @{ at('gateway', 'single', $who) // [] }) }
# A round with an answer that acknowledges nothing makes the figure void.
sub refusals { my $sum = 0; $sum += $_->{refused} + $_->{socket_errors} for map { @{ at('gateway', 'single', $_) // [] } } qw(gateway fastify); return $sum }
sub number { my ($n) = @_; return '?' unless defined $n; $n = sprintf '%.0f', $n; 1 while $n =~ s/^(\d+)(\d{3})/$1,$2/; return $n }

# --- soupvec's measurements: the worst of all --------------------------------------------------------------------------
my @kernels = grep { exists $_->{place} } @{ $raw{soupvec} // [] };
sub scans { return grep { exists $_->{work} && $_->{work} eq 'l2' } @{ $raw{ $_[0] } // [] } }
my @scans = scans('soupvec');
# Another server may be the one that has pgvector.
my @scans_beside_pgvector = grep { defined $_->{to_pgvector} } scans('soupvec_pgvector') ? scans('soupvec_pgvector') : @scans;

# The best instruction set stands second, behind its yardstick. Both yardsticks as time of ours over theirs.
my (%memory, %cache);
for my $one (@kernels) {
    next if $one->{contestant} =~ /^(?:plain|reading)$/;
    my $key = "$one->{kernel} at $one->{dimensions}";
    if ($one->{place} eq 'memory') { $memory{$key} = 1 / $one->{speed_to_reading} }
    else { $cache{$key} //= 1 / $one->{speed_to_plain} }
}
my @kernel_names = sort { min($memory{$b}, $cache{$b}) <=> min($memory{$a}, $cache{$a}) } keys %memory;
my $worst_kernel = $kernel_names[0];
# (value, words) of the shape where a ratio of the scan is worst; the range shows whether it is the shape that matters.
sub scan {
    my ($field, @of) = @_;
    my @sorted = sort { $b->{$field} <=> $a->{$field} } grep { defined $_->{$field} } @of or return (undef, '');
    my $words = join ', ', map { sprintf '%.2f at %d', $_->{$field}, $_->{dimensions} } @sorted;
    return ($sorted[0]{$field}, "$words dimensions");
}
# What of it is the server's own ORDER BY, by the same yardstick: a floor that no distance function gets below.
$_->{to_sort} = ratio($_->{order_by_cardinality_ms}, $_->{cardinality_ms}) for @scans;
my ($to_cardinality, $to_cardinality_words) = scan('to_cardinality', @scans);
my (undef, $sort_words) = scan('to_sort', @scans);
$to_cardinality_words .= "; ORDER BY cardinality(a) LIMIT 10 alone: $sort_words" if $sort_words;
my ($to_pgvector, $to_pgvector_words) = scan('to_pgvector', @scans_beside_pgvector);
if ($to_pgvector_words) {
    my $one = $scans_beside_pgvector[0];
    $to_pgvector_words = "pgvector $one->{pgvector}, PostgreSQL $one->{postgresql}: $to_pgvector_words";
}

# --- milliseconds an item ----------------------------------------------------------------------------------------------
my $append_rate = at('gateway', 'batch', 'recording', 'one', 'append_records_per_s');
my $process_rate = at('processing', 'sustained', 'values_per_s');
my $batch_item_ms = defined $append_rate && defined $process_rate ? 1000 / $append_rate + 1000 / $process_rate : undef;
my $streamed_item_ms = at('processing', 'delay_when_quiet_http', 'from_send_p50_ms');

sub batch_figure {
    my ($name, $bytes, $way, $what, $limit) = @_;
    my $one = at('gateway', 'batch', $bytes, $way);
    return { name => $name, what => $what, least => $limit, unit => '×', value => $one->{ratio},
        raw => number($one->{append_records_per_s}) . ' against ' . number($one->{copy_records_per_s}) . ' records/s'
            . ($way eq 'eight' && $one->{ratios} ? sprintf('; rounds from %.2f to %.2f', @{ $one->{ratios} }) : '') };
}
sub delay_figure {
    my ($quantile, $limit) = @_;
    my ($http, $sql) = map { at('processing', "delay_at_half_rate_$_") } qw(http sql);
    return { name => "Acknowledged → queryable, $quantile", what => 'at half of the sustained rate, append and get_point over HTTP',
        most => $limit, unit => 'ms', value => $http->{"${quantile}_ms"},
        raw => sprintf('at %s values/s, %s samples; by SQL %s ms', number($http->{values_per_s}), number($http->{samples}), $sql->{"${quantile}_ms"} // '?') };
}

# least or most: the limit that was asked for.
my @figures = (
    { name => 'Single append, 64 connections', what => 'requests/s of the gateway over those of Fastify + pg, medians of rounds taken in turn',
        least => 5, unit => '×', value => refusals() ? undef : at('gateway', 'single', 'ratio_of_medians'),
        raw => number(requests('gateway')) . ' against ' . number(requests('fastify')) . ' requests/s' . (refusals() ? ', void: ' . refusals() . ' refused' : '') },
    { name => 'Single append, 1 connection', what => 'p50 over HTTP over p50 of libpq\'s INSERT + commit, in turn',
        most => 2, unit => '×', value => at('gateway', 'latency_at_one_connection', 'p50_ratio'),
        raw => join ' against ', map { number(at('gateway', 'latency_at_one_connection', $_, 'p50_us')) . ' µs' } qw(gateway libpq_insert) },
    batch_figure('Batch of a recording', 'recording', 'one', q{records/s of one HTTP connection over those of COPY, 1,000 rows committed in turn; a record is 200 bytes of the recording's text, wherever its lines end}, 1),
    batch_figure('Batch of a recording, long COPY', 'recording', 'eight', 'records/s of eight HTTP connections over those of one COPY in one transaction', 1),
    batch_figure('Batch of noise', 'incompressible', 'one', 'as above with bytes that cannot be compressed', 0.7),
    batch_figure('Batch of noise, long COPY', 'incompressible', 'eight', 'as above with bytes that cannot be compressed', 0.7),
    delay_figure('p50', 50),
    delay_figure('p99', 250),
    { name => 'Sustained window_convolution', what => 'sensor values/s of one worker by the clock, window 96, stride 16, points committed',
        least => 100_000, unit => 'values/s', value => $process_rate,
        raw => number(at('processing', 'sustained', 'values_per_cpu_s')) . ' values/s of its processor time' },
    { name => '1,000 idle versions', what => 'processor time of launcher and workers, as part of one core',
        most => 1, unit => '%', value => ratio(at('processing', 'idle', 'cores'), 0.01), raw => number(at('processing', 'idle', 'versions')) . ' versions' },
    { name => 'An item ingested in batches', what => 'the seed took 38.7 ms; here the time of a record in a batch append over HTTP and in processing',
        most => 38.7, unit => 'ms', value => $batch_item_ms, raw => defined $batch_item_ms ? number(38.7 / $batch_item_ms) . ' times faster' : '' },
    { name => 'An item streamed', what => 'the seed took 114.5 ms; here p50 from sending one record over HTTP until its point is found over HTTP',
        most => 114.5, unit => 'ms', value => $streamed_item_ms, raw => defined $streamed_item_ms ? number(114.5 / $streamed_item_ms) . ' times faster' : '' },
    { name => 'Kernels', what => 'time over that of reading the same memory, or of the plain loop in cache, whichever is better; worst kernel',
        most => 1.3, unit => '×', value => defined $worst_kernel ? min($memory{$worst_kernel}, $cache{$worst_kernel}) : undef,
        raw => defined $worst_kernel ? sprintf('worst of %d: %s; %.2f × reading, %.2f × the plain loop', scalar @kernel_names, $worst_kernel, $memory{$worst_kernel}, $cache{$worst_kernel}) : '' },
    { name => 'Scan, ORDER BY … LIMIT 10', what => 'time over that of max(cardinality(a)) over the same rows as real[]; <->, worst shape',
        most => 1.3, unit => '×', value => $to_cardinality, raw => $to_cardinality_words },
    { name => 'Scan, against pgvector', what => 'the same query\'s time over pgvector\'s, where the server has pgvector',
        most => 1, unit => '×', value => $to_pgvector, raw => $to_pgvector_words || 'the server has no pgvector' },
);

sub short { my ($n) = @_; return abs($n) >= 1000 ? number($n) : abs($n) >= 20 ? sprintf('%.0f', $n) : abs($n) >= 0.1 ? sprintf('%.2g', $n) : sprintf('%.1g', $n) }
for my $figure (@figures) {
    my $limit = $figure->{least} // $figure->{most};
    $figure->{asked} = ($figure->{least} ? '≥ ' : '≤ ') . ($limit >= 1000 ? number($limit) : $limit) . " $figure->{unit}";
    my $value = $figure->{value};
    if (!defined $value) { @$figure{qw(measured reached)} = ('not measured', '—'); next }
    # Two digits behind the point for ratios near their limit: 0.96 must not become 1.
    my $shown = $figure->{unit} eq '×' ? sprintf('%.2f', $value) : short($value);
    $figure->{measured} = "$shown $figure->{unit}";
    $figure->{margin} = $figure->{least} ? $value / $limit : $limit / max($value, 1e-9);
    $figure->{reached} = $figure->{margin} >= 1 ? 'yes' : "not reached: $shown of $limit";
}

# --- the table for a terminal ------------------------------------------------------------------------------------------
if (!defined $docs) {
    my @rows = ([ 'figure', 'asked', 'measured', 'raw', 'reached' ], map { [ @$_{qw(name asked measured raw reached)} ] } @figures);
    my @widths = map { my $column = $_; max(map { length $_->[$column] } @rows) } 0 .. 4;
    for my $row (@rows) { print join('  ', map { sprintf "%-*s", $widths[$_], $row->[$_] } 0 .. 4) =~ s/\s+$//r, "\n" }
    exit 0;
}

# --- the page ----------------------------------------------------------------------------------------------------------
sub page {
    my $machine = $raw{machine} // {};
    my $text = <<MD;
# Figures

Written by `make figures` from the last `make bench`; don't edit. Ratios are of contestants that took turns in one run on one
cluster; durability is the server's default (fsync and synchronous_commit on) except for scans, which only read.

Machine: $machine->{cores} cores, $machine->{cpu}, $machine->{memory_gib} GiB; PostgreSQL $machine->{postgresql}; $machine->{date}, commit $machine->{commit}.
Load average before the run $machine->{load_before}: other work on the machine makes every figure worse, ratios less than the rest.
Clients, gateway and server share these cores. $machine->{form}

![How many times better than asked](figures/figures.svg)

| figure | asked | measured | raw | reached |
|---|---|---|---|---|
MD
    $text .= "| $_->{name} | $_->{asked} | $_->{measured} | $_->{raw} | $_->{reached} |\n" for @figures;
    $text .= "\n## What is measured\n\n";
    $text .= "- **$_->{name}**: $_->{what}.\n" for @figures;
    return $text . <<'MD';

A batch is 1,000 records of 200 bytes in a columns body (`extension/rawlog/FORMAT.md`). "In turn" commits each batch before the
next: a request against a COPY of the same 1,000 rows. The long COPY is one transaction of as many rows as eight connections
append in the same round; it pays for one commit and keeps no digest. Eight such COPYs at once are in the raw numbers
(`copy_by_eight_records_per_s`).

Delays are watched while batches of 1,000 values arrive on a fixed schedule, whatever the delays are. Half of the sustained rate is
half of what one worker processes when nobody else uses the machine.

All raw numbers, also of what has no limit: `figures/figures.json`. The programs: `tests/bench/`, one folder each;
`make bench-gateway`, `bench-processing`, `bench-soupvec`, `bench-rawlog`, `bench-processors` run one of them.
MD
}

# --- the picture: a bar a figure, from 1 (just as asked) to the right if better, to the left if missed, on a log scale ---
sub picture {
    my @bars = grep { defined $_->{margin} } @figures;
    my ($left, $width, $row, $top) = (250, 520, 26, 44);
    my ($low, $high) = (-1, 4); # powers of ten
    my $x = sub { my ($margin) = @_; return $left + $width * (max($low, min($high, log($margin) / log 10)) - $low) / ($high - $low) };
    my $height = $top + $row * @bars + 16;
    my $svg = qq(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 960 $height" font-family="sans-serif" font-size="13">\n)
        . qq(<rect width="960" height="$height" fill="#ffffff"/>\n<text x="$left" y="18" fill="#444444">times better than asked; left of 1: not reached</text>\n);
    for my $power ($low .. $high) {
        my ($at, $label) = (sprintf('%.1f', $x->(10**$power)), number(10**$power));
        $label = '0.1' if $power == -1;
        my $colour = $power == 0 ? '#222222' : '#dddddd';
        $svg .= sprintf qq(<line x1="%s" y1="%d" x2="%s" y2="%d" stroke="%s"/><text x="%s" y="36" text-anchor="middle" fill="#888888" font-size="11">%s</text>\n),
            $at, $top - 4, $at, $height - 10, $colour, $at, $label;
    }
    my $y = $top;
    for my $bar (@bars) {
        my ($from, $to) = sort { $a <=> $b } $x->(1), $x->($bar->{margin});
        my $colour = $bar->{margin} >= 1 ? '#2e7d5b' : '#c0392b';
        $svg .= sprintf qq(<text x="%d" y="%d" text-anchor="end">%s</text><rect x="%.1f" y="%d" width="%.1f" height="16" fill="%s"/><text x="%.1f" y="%d" fill="#444444">%s</text>\n),
            $left - 10, $y + 14, $bar->{name}, $from, $y + 2, max($to - $from, 1), $colour, max($to, $x->(1)) + 6, $y + 14, "$bar->{measured} (asked $bar->{asked})";
        $y += $row;
    }
    return "$svg</svg>\n";
}

sub put {
    my ($path, $text) = @_;
    open my $file, '>:utf8', $path or die "$path: $!\n";
    print {$file} $text or die "$path: $!\n";
    close $file or die "$path: $!\n";
}
mkdir "$docs/figures" unless -d "$docs/figures";
put("$docs/figures.md", page());
put("$docs/figures/figures.svg", picture());
put("$docs/figures/figures.json", JSON::PP->new->canonical->indent->indent_length(1)->encode(\%raw));
