#!/usr/bin/perl
# index_figures.pl DOCS TITLE=FILE.json …    writes DOCS/index-figures.md, a curve per data set of vectors and the raw
#                                            numbers, from what tests/bench/vann and tests/bench/vtree left
#
# A file is vann's if it has a curve, vtree's if it has questions. FILE.memory.json beside it has the curves in memory,
# FILE.15.json what the same bench found of vann on PostgreSQL 15. growth:ROWS=FILE.json, several times, is what
# tests/bench/vectors/in_memory left for so many rows of one set.
# Nothing is shown that a file does not say.
use strict;
use warnings;
use utf8;
use File::Basename qw(dirname);
use JSON::PP;
use List::Util qw(max min);

my ($docs, @arguments) = @ARGV;
my @sets = grep { !/^growth:/ } @arguments;
die "usage: index_figures.pl DOCS TITLE=FILE.json ...\n" unless @sets;
binmode STDOUT, ':utf8';
mkdir "$docs/figures" unless -d "$docs/figures";

sub put {
    my ($path, $text) = @_;
    open my $file, '>:utf8', $path or die "$path: $!\n";
    print {$file} $text or die "$path: $!\n";
    close $file or die "$path: $!\n";
}
sub number { my ($n) = @_; return '?' unless defined $n; $n = sprintf $n < 20 ? '%.1f' : '%.0f', $n; 1 while $n =~ s/^(\d+)(\d{3})/$1,$2/; return $n }
sub ratio { my ($a, $b) = @_; return defined $a && $b ? sprintf('%.1f ×', $a / $b) : '' }

# --- vann: a picture and a table a set -----------------------------------------------------------------------------------
# Queries a second on a log scale over recall, which is stretched towards 1 as the work is: -log(1 - recall).
# In a server whole lines, in memory broken ones.
my %style = (
    'vann' => ['#2e7d5b', ''], 'pgvector HNSW' => ['#c0392b', ''], 'vann, in memory' => ['#2e7d5b', '3,3'], 'hnswlib, in memory' => ['#c0392b', '3,3'],
    'FAISS IVF,Flat, in memory' => ['#8e6bb0', '3,3'], 'FAISS IVF,PQ,RFlat, in memory' => ['#3b74b8', '3,3']);

# Without the points that another one beats in both.
sub undominated {
    my @hull;
    for my $point (sort { $b->{recall} <=> $a->{recall} || $b->{qps} <=> $a->{qps} } @_) {
        push @hull, $point if !@hull || $point->{qps} > $hull[-1]{qps};
    }
    return reverse @hull;
}

sub curve_picture {
    my ($title, $set, $memory) = @_;
    my %curves = (vann => $set->{vann_curve}, 'pgvector HNSW' => $set->{pgvector_curve} // [], %$memory);
    my @points = map { @$_ } values %curves;
    my ($least, $most) = (min(map { $_->{qps} } @points), max(map { $_->{qps} } @points));
    my ($low, $high) = (int(log($least) / log 2), int(log($most) / log 2) + 1);
    my ($left, $top, $width, $height) = (70, 30, 560, 300);
    my $stretched = sub { return -log(1 - min($_[0], 0.9985)) };
    my ($from, $to) = ($stretched->(0.5), $stretched->(0.9985));
    my $x = sub { return $left + $width * (max($stretched->($_[0]), $from) - $from) / ($to - $from) };
    my $y = sub { return $top + $height * ($high - log($_[0]) / log 2) / ($high - $low) };
    my $svg = qq(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 660 380" font-family="sans-serif" font-size="12">\n)
        . qq(<rect width="660" height="380" fill="#ffffff"/>\n<text x="$left" y="18" fill="#444444">$title: queries a second over recall\@10</text>\n);
    for my $recall (0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998) {
        $svg .= sprintf qq(<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="#dddddd"/><text x="%.1f" y="%d" text-anchor="middle" fill="#888888">%s</text>\n),
            $x->($recall), $top, $x->($recall), $top + $height, $x->($recall), $top + $height + 16, $recall;
    }
    for my $power ($low .. $high) {
        $svg .= sprintf qq(<line x1="%d" y1="%.1f" x2="%d" y2="%.1f" stroke="#dddddd"/><text x="%d" y="%.1f" text-anchor="end" fill="#888888">%s</text>\n),
            $left, $y->(2**$power), $left + $width, $y->(2**$power), $left - 6, $y->(2**$power) + 4, number(2**$power);
    }
    my $key = 0;
    for my $name (sort keys %curves) {
        my @curve = undominated(@{ $curves{$name} }) or next;
        my ($colour, $dashes) = @{ $style{$name} };
        $svg .= sprintf qq(<polyline points="%s" fill="none" stroke="%s" stroke-width="2" stroke-dasharray="%s"/>\n),
            join(' ', map { sprintf '%.1f,%.1f', $x->($_->{recall}), $y->($_->{qps}) } @curve), $colour, $dashes;
        $svg .= sprintf qq(<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>\n), $x->($_->{recall}), $y->($_->{qps}), $colour for @curve;
        $svg .= sprintf qq(<text x="%d" y="%d" fill="%s">%s</text>\n), $left + 10, $top + $height - 12 - 16 * (keys(%curves) - ++$key), $colour, $name;
    }
    return "$svg</svg>\n";
}

# What tests/bench/vectors/in_memory wrote: a line of JSON for each point.
sub lines_of {
    my ($path) = @_;
    open my $file, '<:raw', $path or return;
    return <$file>;
}

sub memory_curves {
    my %curves;
    for my $line (@_) {
        my $point = JSON::PP->new->decode($line);
        my $name = ($point->{index} eq 'bulk' ? 'vann' : $point->{index}) . ', in memory';
        push @{ $curves{$name} }, { recall => $point->{recall}, qps => 1e6 / $point->{microseconds} };
    }
    return \%curves;
}

sub server {
    my ($set) = @_;
    return '' unless defined $set->{postgresql};
    return "PostgreSQL $set->{postgresql}" . (defined $set->{pgvector} ? ", pgvector $set->{pgvector}" : '') . ".\n\n";
}

sub vann_section {
    my ($title, $name, $set, $memory, $on_15) = @_;
    put("$docs/figures/$name.svg", curve_picture($title, $set, $memory));
    my $text = "## $title: " . number($set->{vectors}) . " vectors of $set->{dimensions} dimensions\n\n![Curve](figures/$name.svg)\n\n"
        . (%$memory ? "In memory: one thread, no server; hnswlib compiled for the machine at hand, FAISS as Debian packages it.\n\n" : '')
        . server($set) . '| | vann | pgvector HNSW, m 16, ef_construction 200 | |' . ($on_15 ? ' vann on PostgreSQL 15 |' : '') . "\n|---|---|---|---|"
        . ($on_15 ? '---|' : '') . "\n";
    my $beside = sub { my ($said) = @_; return $on_15 ? " $said |" : '' };
    my $row = sub {
        my ($what, $field, $unit, $better) = @_;
        my ($ours, $theirs) = @$set{"vann_$field", "pgvector_$field"};
        return unless defined $ours;
        my @order = $better eq 'more' ? ($ours, $theirs) : ($theirs, $ours);
        $text .= "| $what | " . number($ours) . " $unit | " . (defined $theirs ? number($theirs) . " $unit" : '') . ' | ' . ratio(@order) . ' |'
            . $beside->(map { defined ? number($_) . " $unit" : '' } ($on_15 // {})->{"vann_$field"}) . "\n";
    };
    # The least setting with which the ten nearest of the rows that pass were found: the file names it.
    my $filtered = sub {
        my ($what, $field) = @_;
        my $answer = sub {
            my ($of, $peer, $kind) = @_;
            my ($key) = sort { $of->{"${b}_qps"} <=> $of->{"${a}_qps"} }
                grep { $of->{"${_}_recall"} >= 0.98 } map { /^(${peer}_${kind}_(?!in_index).+)_qps$/ } keys %$of;
            return (undef, '') unless $key;
            my $rows = defined $of->{"${key}_rows"} ? sprintf ', %.2f rows', $of->{"${key}_rows"} : '';
            return ($of->{"${key}_qps"}, sprintf '%s /s (recall %.3f%s)', number($of->{"${key}_qps"}), $of->{"${key}_recall"}, $rows);
        };
        my ($ours, $said) = $answer->($set, 'vann', $field);
        my ($theirs, $answered) = $answer->($set, 'pgvector', 'filter');
        $text .= "| $what | $said | $answered | " . ratio($ours, $theirs) . ' |' . $beside->(($answer->($on_15 // {}, 'vann', $field))[1]) . "\n" if defined $ours;
    };
    $row->("queries at recall\@10 $_", "warm_qps_at_$_", '/s', 'more') for qw(0.90 0.95 0.99);
    $row->('ten rows by a btree, from as many pages', 'warm_by_btree_per_s', '/s', 'more');
    $row->("queries at recall\@10 $_, each a statement, cold processor caches", "cold_qps_at_$_", '/s', 'more') for qw(0.90 0.95 0.99);
    $row->('ten rows by a btree, a statement, cold', 'cold_by_btree_per_s', '/s', 'more');
    $row->('a statement that reads nothing, cold', 'cold_nothing_per_s', '/s', 'more');
    $row->("queries at recall\@10 $_, joined in one statement, cold", "cold_joined_qps_at_$_", '/s', 'more') for qw(0.90 0.95 0.99);
    $row->('ten rows by a btree, joined in one statement, cold', 'cold_joined_by_btree_per_s', '/s', 'more');
    $filtered->('a filter that 1 % of the rows pass', 'filter');
    $filtered->('the same, its column in the index', 'filter_in_index');
    $row->('build, two processes allowed', 'build_s', 's', 'less');
    $row->('inserts, one a commit', 'insert_single_per_s', '/s', 'more');
    $row->('the same without the index', 'insert_bare_per_s', '/s', 'more');
    $row->('inserts, one a commit, eight sessions', 'insert_single_per_s_by_8', '/s', 'more');
    $row->('the same without the index', 'insert_bare_per_s_by_8', '/s', 'more');
    $row->('inserts, one a commit, synchronous_commit off', 'insert_single_per_s_unwaited', '/s', 'more');
    $row->('the same without the index', 'insert_bare_per_s_unwaited', '/s', 'more');
    $row->('inserts, 1,000 a commit', 'insert_batch_per_s', '/s', 'more');
    $row->('log written for an insert', 'wal_bytes_per_insert', 'bytes', 'less');
    $row->('index', 'bytes_per_vector', 'bytes a vector', 'less');
    $text .= "\nCold: before each query 128 MiB were written. Joined: the rows of a table of questions ask (`LATERAL`), and what the statement costs\nwithout them is not in the rate.\n"
        if exists $set->{'vann_cold_joined_qps_at_0.90'};
    $text .= sprintf "\nRecall at one setting, after the build and after half of the rows were replaced: %.3f → %.3f.\n", @$set{qw(vann_recall_fresh vann_recall_replaced)}
        if exists $set->{vann_recall_replaced};
    # Where even the least setting finds more than is asked for.
    my @theirs = sort { $a->{recall} <=> $b->{recall} } @{ $set->{pgvector_curve} // [] };
    $text .= sprintf "\nA rate at a recall lies between those of the two settings around it. pgvector's least, `hnsw.ef_search = %d`, finds %.3f, so its rate stands for less recall, too.\n",
        @{ $theirs[0] }{qw(hnsw.ef_search recall)} if @theirs && $theirs[0]{recall} > 0.9;
    my $asked = exists $set->{promise_queries} ? number($set->{promise_queries}) . ' ' : '';
    $text .= "\nWhat `vann.recall` promises and what was measured on ${asked}queries that the index never saw: "
        . join(', ', map { sprintf '%s → %.3f', $_->{'vann.recall'}, $_->{recall} } grep { exists $_->{'vann.recall'} } @{ $set->{vann_promises} // $set->{vann_curve} }) . ".\n\n";
    return $text;
}

# Leaves that a search reads, of more and more rows; the exponent is that of the number of rows from line to line.
sub growth_section {
    my @sizes = @_;
    return '' unless @sizes;
    my $text = "## More rows\n\nLeaves that a search in memory reads in the mean, and the recall of queries that the index never saw; in brackets the power of the number\nof rows with which leaves grew since the line before.\n\n"
        . "| rows | for .90 | for .95 | for .99 |\n|---|---|---|---|\n";
    my %before;
    for (@sizes) {
        my ($rows, $path) = @$_;
        my @lines = lines_of($path) or die "$path: cannot be read\n";
        put("$docs/figures/growth-$rows.json", join '', @lines);
        my %leaves = map { my $point = JSON::PP->new->decode($_); sprintf('%.3f', $point->{asked}) => $point } @lines;
        $text .= '| ' . number($rows) . ' | ' . join(' | ', map {
            my $one = $leaves{$_};
            my $power = $before{$_} ? sprintf ' (%.2f)', log($one->{leaves} / $before{$_}[1]) / log($rows / $before{$_}[0]) : '';
            $before{$_} = [$rows, $one->{leaves}];
            sprintf '%.1f%s, recall %.3f', $one->{leaves}, $power, $one->{recall};
        } qw(0.900 0.950 0.990)) . " |\n";
    }
    return "$text\n";
}

# --- vtree: a table a set ------------------------------------------------------------------------------------------------
my %question = (box10 => 'box, ~10 rows, count(*)', box1000 => 'box, ~1,000 rows', box100000 => 'box, ~100,000 rows',
    radius100 => 'radius, ~100 rows', nearest10 => '10 nearest', nearest100 => '100 nearest', counted100000 => 'vtree_count, ~100,000 rows',
    gridded100000 => 'vtree_grid of ten cells a side, ~100,000 rows', executed100000 => 'the same count by an index-only scan', part10 => 'box, a tenth of the rows',
    part3 => 'box, a third of the rows', part2 => 'box, half of the rows');

sub vtree_section {
    my ($title, $set) = @_;
    my @peers = ('vtree', grep { ref $set->{$_} && $_ ne 'vtree' } sort keys %$set);
    my $text = "## $title: " . number($set->{points}) . " points of $set->{dimensions} dimensions\n\nQuestions of a kind are sent together, so a time is the server's for one of them. vtree's count(*) over a box or ball is counted in the
index (`Count in Index`, `extension/planner/README.md`); the peers' comes by their best scan.\n\n" . server($set)
        . '| | ' . join(' | ', @peers) . " |\n" . '|---' x (@peers + 1) . "|\n";
    my $row = sub {
        my ($what, $field, $unit, $better) = @_;
        my $ours = $set->{vtree}{$field};
        return unless defined $ours;
        $text .= "| $what | " . join(' | ', map {
            my $theirs = $set->{$_}{$field};
            !defined $theirs ? '' : number($theirs) . " $unit" . ($_ eq 'vtree' ? '' : ' (' . ratio($better eq 'more' ? ($ours, $theirs) : ($theirs, $ours)) . ')')
        } @peers) . " |\n";
    };
    $row->($question{$_}, "${_}_us", 'µs', 'less') for qw(box10 box1000 box100000 counted100000 gridded100000 executed100000 radius100 nearest10 nearest100);
    $row->('box, ~10 rows, without what the executor needs for any index', 'alone10_us', 'µs', 'less');
    $row->('build', 'build_s', 's', 'less');
    $row->('index', 'bytes_per_point', 'bytes a point', 'less');
    $row->('inserts, one a commit', 'insert_single_per_s', '/s', 'more');
    $row->('the same without the index', 'insert_single_bare_per_s', '/s', 'more');
    $row->('inserts, 1,000 a statement', 'insert_batch_per_s', '/s', 'more');
    $row->('the same without the index', 'insert_batch_bare_per_s', '/s', 'more');
    my ($executed, @counts) = @{ $set->{vtree} }{qw(executed100000_us counted100000_us gridded100000_us)};
    $text .= sprintf "\nvtree_count is %s as quick as the same count by an index-only scan, vtree_grid %s.\n", map { ratio($executed, $_) } @counts if defined $counts[1];
    return "$text\n" . other_ways($set->{vtree});
}

# vtree's questions to an index that grew by single inserts, and the planner's way beside a scan of the whole table.
sub other_ways {
    my ($ours) = @_;
    my @ways = (['', 'packed'], ['grown_', 'grown by inserts'], ['chosen_', 'by the planner\'s choice'], ['scanned_', 'by reading the table']);
    my @measured = grep { my $way = $_->[0]; grep { defined $ours->{"${way}${_}_us"} } keys %question } @ways;
    return '' if @measured < 2;
    my $text = '| vtree | ' . join(' | ', map { $_->[1] } @measured) . " |\n" . '|---' x (@measured + 1) . "|\n";
    for my $question (qw(box10 box1000 box100000 part10 part3 part2 radius100 nearest10 nearest100)) {
        my @times = map { $ours->{"$_->[0]${question}_us"} } @measured;
        $text .= "| $question{$question} | " . join(' | ', map { defined ? number($_) . ' µs' : '' } @times) . " |\n" if grep { defined } @times[1 .. $#times];
    }
    return "$text\n";
}

my $page = <<'MD';
# Figures of the indexes

Written by `tests/bench/index_figures.pl`; don't edit. Contestants took turns on one server, in one run, warm unless said, one
client; in brackets how many times better than the peer vann or vtree is. The load of the machine is in every number, and less
in the ratios. Raw numbers: `figures/*.json`. Again: `tests/bench/vann --base FILE --queries FILE --json OUT`,
`tests/bench/vtree --points FILE --json OUT`, with any set of vectors or points.

MD
for my $argument (@sets) {
    my ($title, $path) = $argument =~ /^(.+)=(.+)$/ or die "$argument: not TITLE=FILE\n";
    open my $file, '<:raw', $path or die "$path: $!\n";
    my $set = JSON::PP->new->decode(do { local $/; <$file> });
    my $name = lc($title) =~ s/[^a-z0-9]+/-/gr;
    my @in_memory = lines_of($path =~ s/\.json$/.memory.json/r);
    put("$docs/figures/$name.memory.json", join('', @in_memory)) if @in_memory;
    my ($on_15) = map { JSON::PP->new->decode($_) } join('', lines_of($path =~ s/\.json$/.15.json/r)) || ();
    for (["$name.json", $set], ["$name.15.json", $on_15]) {
        my ($to, $content) = @$_;
        put("$docs/figures/$to", JSON::PP->new->canonical->indent->indent_length(1)->encode($content)) if $content;
    }
    $page .= exists $set->{vann_curve} ? vann_section($title, $name, $set, memory_curves(@in_memory), $on_15) : vtree_section($title, $set);
}
$page .= growth_section(sort { $a->[0] <=> $b->[0] } map { /^growth:(\d+)=(.+)$/ ? [$1, $2] : () } @arguments);
put("$docs/index-figures.md", $page);
