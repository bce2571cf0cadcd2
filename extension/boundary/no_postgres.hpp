// The counterpart of postgres.hpp for pure code: included last, it fails the build when a server header has
// slipped in. core/ is compiled without a path to them, so this guards the files that both kinds of code
// include. No include guard on purpose: it looks anew each time.
#ifdef PG_VERSION_NUM
#error "this code stays free of PostgreSQL: a server header has been included before it"
#endif
