# pg_regress and isolation tests, each on a temporary instance that the driver makes and removes.

PGXS_TEST := $(PG_LIBDIR)/pgxs/src/test
REGRESS_FLAGS = --bindir=$(PG_BINDIR) --temp-instance=regress_output/instance --temp-config=regress/postgresql.conf \
                --inputdir=regress --outputdir=regress_output --encoding=UTF8 --no-locale --dbname=soup

check-regress: all
	tests/as_postgres sh -c 'mkdir -p regress_output && $(PGXS_TEST)/regress/pg_regress $(REGRESS_FLAGS) \
	  --schedule=regress/soupvec_schedule --schedule=regress/machinesoup_schedule || { cat regress_output/regression.diffs; exit 1; }'

check-isolation: all
	tests/as_postgres sh -c 'mkdir -p regress_output/specs regress_output/expected && for method in vann vtree; do \
	    regress/specs/tree_pairs $$method > regress_output/specs/$${method}_pairs.spec && \
	    cp regress/expected/tree_pairs.out regress_output/expected/$${method}_pairs.out || exit 1; done && \
	  $(PGXS_TEST)/isolation/pg_isolation_regress $(REGRESS_FLAGS) \
	  --schedule=regress/isolation_schedule || { cat regress_output/regression.diffs; exit 1; }'
