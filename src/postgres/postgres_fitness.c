/* See postgres_fitness.h. */
#include "postgres/postgres_fitness.h"

#include "postgres/postgres_array.h"

/* POSTGRES_SCHEMA_VERSIONS: the migrations of this build, separated by spaces (CMakeLists.txt). */
#define KNOWN_SQL "string_to_array($1::text, ' ')"

static enum status check_schema(struct postgres_link *link, struct failure *failure);
static enum status compare_versions(struct postgres_link *link, struct failure *failure);
static bool is_read_only(struct postgres_fitness *fitness);

void postgres_fitness_init(struct postgres_fitness *fitness,
                           const struct postgres_link_options *options)
{
    *fitness = (struct postgres_fitness){.options = *options, .clock = options->clock};
    fitness->options.any_server = true;
}

void postgres_fitness_fini(struct postgres_fitness *fitness)
{
    postgres_link_destroy(&fitness->standby);
}

enum status postgres_fitness_look(struct postgres_fitness *fitness, struct postgres_link *link,
                                  struct failure *failure)
{
    enum status status = check_schema(link, failure);
    if (status != STATUS_UNAVAILABLE || !is_read_only(fitness)) {
        fitness->read_only_ms = 0;
        return status;
    }
    int64_t now_ms = clock_monotonic_ms(fitness->clock);
    if (fitness->read_only_ms == 0) {
        fitness->read_only_ms = now_ms;
    }
    if (now_ms - fitness->read_only_ms < POSTGRES_FITNESS_READ_ONLY_MS) {
        return status;
    }
    return failure_set(failure, STATUS_FAILED_PRECONDITION, "POSTGRES_READ_ONLY",
                       "PostgreSQL answers, but as a standby or read-only: let DATABASE_URL name "
                       "the primary (or all hosts of the cluster), or promote this one");
}

static enum status check_schema(struct postgres_link *link, struct failure *failure)
{
    static const struct postgres_statement find_table = {
        "fitness_find_table",
        "SELECT (to_regclass('schema_migrations') IS NOT NULL)::int4",
    };
    const struct postgres_result *result;
    enum status status = postgres_link_query(link, &find_table, NULL, 0, 0, &result, failure);
    if (status != STATUS_OK) {
        return status;
    }
    if (postgres_result_int(result, 0, 0) == 0) {
        return failure_set(failure, STATUS_FAILED_PRECONDITION, "SCHEMA_MISSING",
                           "the database has no schema: apply the migrations (dbmate up), or let "
                           "DATABASE_URL name the right database");
    }
    return compare_versions(link, failure);
}

static enum status compare_versions(struct postgres_link *link, struct failure *failure)
{
    static const struct postgres_statement compare = {
        "fitness_compare_versions",
        "SELECT coalesce((SELECT min(v) FROM unnest(" KNOWN_SQL ") v WHERE NOT EXISTS"
        " (SELECT FROM schema_migrations m WHERE m.version = v)), ''),"
        " coalesce((SELECT max(m.version)::text FROM schema_migrations m"
        " WHERE m.version <> ALL (" KNOWN_SQL ")), '')",
    };
    struct postgres_parameter known = postgres_text(POSTGRES_SCHEMA_VERSIONS);
    const struct postgres_result *result;
    enum status status = postgres_link_query(link, &compare, &known, 1, 0, &result, failure);
    if (status == STATUS_INTERNAL) {
        return failure_set(failure, STATUS_FAILED_PRECONDITION, "SCHEMA_UNREADABLE",
                           "the role may not read which migrations were applied: GRANT SELECT ON "
                           "schema_migrations to it");
    }
    if (status != STATUS_OK) {
        return status;
    }
    const char *missing = postgres_result_text(result, 0, 0);
    const char *unknown = postgres_result_text(result, 0, 1);
    if (missing[0] != '\0') {
        return failure_set(failure, STATUS_FAILED_PRECONDITION, "SCHEMA_OLDER",
                           "the database lacks migration %.40s: apply the migrations of this "
                           "version (dbmate up) before its programs are started",
                           missing);
    }
    if (unknown[0] != '\0') {
        return failure_set(failure, STATUS_FAILED_PRECONDITION, "SCHEMA_NEWER",
                           "the database has migration %.40s, which this version does not know: "
                           "start the newer programs, or roll the migration back (dbmate down)",
                           unknown);
    }
    return STATUS_OK;
}

/* A server that answers, when none can be written to. */
static bool is_read_only(struct postgres_fitness *fitness)
{
    static const struct postgres_statement ask = {
        "fitness_read_only",
        "SELECT (current_setting('transaction_read_only') = 'on')::int4",
    };
    if (fitness->standby == NULL) {
        fitness->standby = postgres_link_create(&fitness->options);
    }
    const struct postgres_result *result;
    struct failure failure;
    return fitness->standby != NULL &&
           postgres_link_query(fitness->standby, &ask, NULL, 0, 0, &result, &failure) ==
               STATUS_OK &&
           postgres_result_int(result, 0, 0) != 0;
}
