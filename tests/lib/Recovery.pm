# Waiting for a server that recovers from a crash.
#
# pg_isready has no standard input. psql, which poll_query_until() runs, may be refused and gone before its query was
# written to it, and the broken pipe ends the test.
package Recovery;

use strict;
use warnings;
use Time::HiRes qw(sleep time);

# Returns true when the server takes connections again; false if it does not come back. Asks until it is ready twice in a
# row, because at first the postmaster may not know yet that a process was killed.
sub await_recovery {
	my ($node) = @_;
	my $deadline = time() + 180;
	my $ready = 0;
	while ($ready < 2 && time() < $deadline) {
		sleep 0.1;
		my $is_ready = system('pg_isready', '-q', '-h', $node->host, '-p', $node->port) == 0;
		$ready = $is_ready ? $ready + 1 : 0;
	}
	return $ready == 2;
}

1;
