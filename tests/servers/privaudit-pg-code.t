# privaudit against the corpus of bad PostgreSQL servers: the cases about code that others run,
# and about who is let in.
# matrix
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../corpus.sh"
. "$(dirname "$0")/../corpus_pg.sh"

pg_faultless
corpus_run "$ROOT"/tests/corpus/pg/[f-h]*.case
done_testing
