/* See postgres_outcome.h. */
#include "postgres/postgres_outcome.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum effect {
    EFFECT_BEGINS,
    EFFECT_COMMITS,
    EFFECT_ROLLS_BACK,
    EFFECT_READS,
    EFFECT_WRITES,
};

static enum effect effect_of(const char *sql);
static bool starts_with_word(const char *sql, const char *word);
static bool contains_word(const char *sql, const char *word);
static bool is_word_character(char character);

enum status postgres_outcome_status(const char *sqlstate)
{
    static const struct {
        const char *prefix;
        enum status status;
    } meanings[] = {
        {"08007", STATUS_UNKNOWN},          /* transaction resolution unknown */
        {"40003", STATUS_UNKNOWN},          /* statement completion unknown */
        {"08", STATUS_UNAVAILABLE},         /* connection */
        {"40", STATUS_UNAVAILABLE},         /* serialization, deadlock */
        {"53", STATUS_UNAVAILABLE},         /* out of disk, memory, connections */
        {"55", STATUS_UNAVAILABLE},         /* lock timeout, object in use */
        {"57", STATUS_UNAVAILABLE},         /* statement timeout, shutdown, starting up */
        {"58", STATUS_UNAVAILABLE},         /* input/output */
        {"25006", STATUS_UNAVAILABLE},      /* a standby: the primary has moved */
        {"25P03", STATUS_UNAVAILABLE},      /* idle in transaction for too long */
        {"26000", STATUS_UNAVAILABLE},      /* a pooler's other connection */
        {"42P05", STATUS_UNAVAILABLE},      /* the same */
        {"23", STATUS_FAILED_PRECONDITION}, /* constraints */
        {"22", STATUS_INVALID_ARGUMENT},    /* data that does not fit */
        {"XX001", STATUS_DATA_LOSS},        {"XX002", STATUS_DATA_LOSS},
    };
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++) {
        if (strncmp(sqlstate, meanings[i].prefix, strlen(meanings[i].prefix)) == 0) {
            return meanings[i].status;
        }
    }
    return STATUS_INTERNAL;
}

bool postgres_outcome_ends_connection(const char *sqlstate)
{
    /* 0A000: "cached plan must not change result type", after a migration. */
    static const char *const prefixes[] = {"08",    "57P",   "25006", "25P03",
                                           "25P04", "26000", "42P05", "0A000"};
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        if (strncmp(sqlstate, prefixes[i], strlen(prefixes[i])) == 0) {
            return true;
        }
    }
    return false;
}

/* Outside a transaction block a pipeline is one implicit transaction, committed at its end. */
bool postgres_outcome_may_be_committed(const struct postgres_progress *progress)
{
    bool in_transaction = progress->in_transaction;
    bool reached_end = !progress->told || progress->answered == progress->count;
    for (size_t i = 0; i < progress->count; i++) {
        bool may_have_run = i == progress->answered || (i > progress->answered && !progress->told);
        switch (effect_of(progress->pending[i].statement->sql)) {
        case EFFECT_BEGINS:
            in_transaction = true;
            break;
        case EFFECT_COMMITS:
            if (may_have_run) {
                return true;
            }
            in_transaction = false;
            break;
        case EFFECT_ROLLS_BACK:
            in_transaction = false;
            break;
        case EFFECT_READS:
            break;
        case EFFECT_WRITES:
            if (!in_transaction && reached_end) {
                return true;
            }
            break;
        }
    }
    return false;
}

enum status postgres_unavailable(struct failure *failure, const char *why, int64_t retry_ms)
{
    (void)failure_set(failure, STATUS_UNAVAILABLE, "STORE_UNAVAILABLE",
                      "PostgreSQL is not available: %s", why);
    failure_add(failure, "store", "postgres");
    if (failure != NULL) {
        failure->retry_delay_ms = retry_ms;
    }
    return STATUS_UNAVAILABLE;
}

enum status postgres_unknown(struct failure *failure, const char *why)
{
    (void)failure_set(failure, STATUS_UNKNOWN, "OUTCOME_UNKNOWN",
                      "PostgreSQL did not say whether it committed: %s", why);
    failure_add(failure, "store", "postgres");
    return STATUS_UNKNOWN;
}

/* Of our own constant SQL. In doubt it writes. */
static enum effect effect_of(const char *sql)
{
    static const char *const reading[] = {"SELECT", "WITH", "VALUES", "SHOW", "SET"};
    static const char *const writing[] = {"INSERT", "UPDATE", "DELETE", "MERGE"};
    while (isspace((unsigned char)*sql)) {
        sql++;
    }
    if (starts_with_word(sql, "BEGIN")) {
        return EFFECT_BEGINS;
    }
    if (starts_with_word(sql, "COMMIT")) {
        return EFFECT_COMMITS;
    }
    if (starts_with_word(sql, "ROLLBACK")) {
        return EFFECT_ROLLS_BACK;
    }
    bool reads = false;
    for (size_t i = 0; i < sizeof reading / sizeof reading[0]; i++) {
        reads = reads || starts_with_word(sql, reading[i]);
    }
    for (size_t i = 0; i < sizeof writing / sizeof writing[0]; i++) {
        reads = reads && !contains_word(sql, writing[i]);
    }
    return reads ? EFFECT_READS : EFFECT_WRITES;
}

static bool starts_with_word(const char *sql, const char *word)
{
    size_t size = strlen(word);
    return strncasecmp(sql, word, size) == 0 && !is_word_character(sql[size]);
}

static bool contains_word(const char *sql, const char *word)
{
    for (const char *at = sql; (at = strcasestr(at, word)) != NULL; at++) {
        if ((at == sql || !is_word_character(at[-1])) && starts_with_word(at, word)) {
            return true;
        }
    }
    return false;
}

static bool is_word_character(char character)
{
    return isalnum((unsigned char)character) || character == '_';
}
