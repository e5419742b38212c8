#include <string.h>

#include "postgres/postgres_outcome.h"
#include "tests/cmocka_all.h"

static void test_what_a_sqlstate_means(void **state)
{
    (void)state;
    static const struct {
        const char *sqlstate;
        enum status status;
        bool ends;
    } cases[] = {
        {"08006", STATUS_UNAVAILABLE, true},
        {"08007", STATUS_UNKNOWN, true},
        {"40001", STATUS_UNAVAILABLE, false},
        {"40P01", STATUS_UNAVAILABLE, false},
        {"40003", STATUS_UNKNOWN, false},
        {"53300", STATUS_UNAVAILABLE, false},
        {"53100", STATUS_UNAVAILABLE, false},
        {"55P03", STATUS_UNAVAILABLE, false},
        {"57014", STATUS_UNAVAILABLE, false},
        {"57P01", STATUS_UNAVAILABLE, true},
        {"57P03", STATUS_UNAVAILABLE, true},
        {"58030", STATUS_UNAVAILABLE, false},
        {"25006", STATUS_UNAVAILABLE, true},
        {"25P03", STATUS_UNAVAILABLE, true},
        {"26000", STATUS_UNAVAILABLE, true},
        {"42P05", STATUS_UNAVAILABLE, true},
        {"23505", STATUS_FAILED_PRECONDITION, false},
        {"23514", STATUS_FAILED_PRECONDITION, false},
        {"22P02", STATUS_INVALID_ARGUMENT, false},
        {"22021", STATUS_INVALID_ARGUMENT, false},
        {"42601", STATUS_INTERNAL, false},
        {"42P01", STATUS_INTERNAL, false},
        {"0A000", STATUS_INTERNAL, true},
        {"XX000", STATUS_INTERNAL, false},
        {"XX001", STATUS_DATA_LOSS, false},
        {"25P02", STATUS_INTERNAL, false},
        {"", STATUS_INTERNAL, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(postgres_outcome_status(cases[i].sqlstate), cases[i].status);
        assert_int_equal(postgres_outcome_ends_connection(cases[i].sqlstate), cases[i].ends);
    }
}

/* SQL texts separated by ';'. Whether something may be committed when the connection broke after
 * `answered` results, with (told) or without a word of the server. */
static bool may_be_committed(const char *texts, bool in_transaction, size_t answered, bool told)
{
    char copy[256];
    struct postgres_statement statements[8];
    struct postgres_pending pending[8];
    size_t count = 0;
    memcpy(copy, texts, strlen(texts) + 1);
    for (char *rest = copy, *sql; (sql = strsep(&rest, ";")) != NULL; count++) {
        assert_true(count < 8);
        statements[count] = (struct postgres_statement){NULL, sql};
        pending[count] = (struct postgres_pending){.statement = &statements[count]};
    }
    const struct postgres_progress progress = {.pending = pending,
                                               .count = count,
                                               .in_transaction = in_transaction,
                                               .answered = answered,
                                               .told = told};
    return postgres_outcome_may_be_committed(&progress);
}

static void test_a_transaction_may_be_committed_from_its_commit_on(void **state)
{
    (void)state;
    static const char whole[] = "BEGIN;INSERT INTO t VALUES (1);COMMIT";
    for (size_t answered = 0; answered < 3; answered++) {
        assert_true(may_be_committed(whole, false, answered, false));
        assert_int_equal(may_be_committed(whole, false, answered, true), answered == 2);
    }
    assert_false(may_be_committed(whole, false, 3, true)); /* COMMIT was answered: no doubt */
    assert_true(may_be_committed("UPDATE t SET x = 1; commit", true, 0, false));
    assert_false(may_be_committed("UPDATE t SET x = 1; commit", true, 0, true));
    assert_false(may_be_committed("BEGIN;INSERT INTO t VALUES (1)", false, 1, false));
    assert_false(may_be_committed("INSERT INTO t VALUES (1)", true, 0, false));
    assert_false(may_be_committed("BEGIN;INSERT INTO t VALUES (1);ROLLBACK", false, 1, false));
}

static void test_a_pipeline_without_begin_commits_at_its_end(void **state)
{
    (void)state;
    static const char two[] = "INSERT INTO t VALUES (1);UPDATE t SET x = 1";
    assert_true(may_be_committed(two, false, 0, false));
    assert_true(may_be_committed(two, false, 2, false));
    assert_false(may_be_committed(two, false, 0, true));
    assert_false(may_be_committed(two, false, 1, true));
    assert_true(may_be_committed(two, false, 2, true)); /* it was committing */
    assert_true(may_be_committed("ROLLBACK;INSERT INTO t VALUES (1)", true, 1, false));
}

static void test_what_only_reads_commits_nothing(void **state)
{
    (void)state;
    static const char *const reading[] = {
        "SELECT 1",
        " \n select update_time, deleted FROM t",
        "WITH a AS (SELECT 1) SELECT * FROM a",
        "VALUES (1)",
        "SHOW statement_timeout",
        "SET x = 1;SELECT 1",
    };
    static const char *const writing[] = {
        "WITH a AS (INSERT INTO t VALUES (1) RETURNING x) SELECT * FROM a",
        "with a as (delete from t returning x) select * from a",
        "DELETE FROM t",
        "MERGE INTO t USING u ON true WHEN MATCHED THEN DO NOTHING",
        "CREATE TABLE t ()",
        "SELECTED",
        "SELECT 1;INSERT INTO t VALUES (1)",
    };
    for (size_t i = 0; i < sizeof reading / sizeof reading[0]; i++) {
        assert_false(may_be_committed(reading[i], false, 0, false));
    }
    for (size_t i = 0; i < sizeof writing / sizeof writing[0]; i++) {
        assert_true(may_be_committed(writing[i], false, 0, false));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_a_sqlstate_means),
        cmocka_unit_test(test_a_transaction_may_be_committed_from_its_commit_on),
        cmocka_unit_test(test_a_pipeline_without_begin_commits_at_its_end),
        cmocka_unit_test(test_what_only_reads_commits_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
