/* History: what one client asked for and what it was told. One a client thread; the checker reads
 * them all when the clients have ended. Every invocation and answer is also a line in the client's
 * own file, as it happens. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/status.h"

#define CHAOS_PRODUCTS    6
#define CHAOS_LINES_MAX   5
#define CHAOS_ON_HAND     300 /* of each product at the start */
#define CHAOS_TALLIES_MAX 96

enum chaos_kind {
    CHAOS_CREATE,  /* an order */
    CHAOS_ADJUST,  /* stock */
    CHAOS_CONFIRM, /* a held order */
    CHAOS_CANCEL,  /* all of one */
    CHAOS_FULFIL,  /* all of one */
    CHAOS_GET,
};
#define CHAOS_BIT(kind) (1U << (kind))

enum chaos_verdict {
    CHAOS_OK,
    CHAOS_REFUSED,    /* by the shop, and for good */
    CHAOS_NOT_DONE,   /* this attempt did nothing */
    CHAOS_UNSURE,     /* it may have been done */
    CHAOS_UNEXPECTED, /* an answer that nobody may get */
};

struct chaos_line {
    int product;
    int32_t quantity; /* an adjustment's: its delta */
};

/* A request, however often it was sent. */
struct chaos_request {
    char id[48];
    enum chaos_kind kind;
    size_t line_count;
    struct chaos_line lines[CHAOS_LINES_MAX];
    char made_id[40]; /* of the order or the adjustment, once one was answered */
    bool accepted;    /* QUEUED or PERSISTED was answered: it must be there */
    int64_t accepted_ms;
    bool noted;           /* a verb that changed nothing: only Redis remembers it */
    int64_t invoked_ms;   /* the last attempt */
    bool reserved;        /* RESERVED was */
    bool maybe;           /* an attempt may have been done since the last refusal */
    int64_t refused_ms;   /* when the refused attempt was made; 0: never */
    bool refused_for_now; /* by what the order was and may cease to be */
    /* an order: whether it was held at first, which verbs were tried, may have been done, and were
     */
    bool held;
    unsigned tried, asked, done; /* CHAOS_BIT of each */
    int ended_state; /* 0, or the end that an answer with QUEUED or PERSISTED showed: for good */
    size_t order;    /* a verb: the index of its order's request in the same history */
};

struct chaos_history {
    int client;
    FILE *log;
    struct chaos_request *requests;
    size_t count, room;
    int64_t attempts;
    struct chaos_tally {
        char name[80]; /* "create OK QUEUED" */
        int64_t count;
    } tallies[CHAOS_TALLIES_MAX];
};

/* What one attempt was told. */
struct chaos_answer {
    enum status code;
    char reason[FAILURE_REASON_BYTES];
    char made_id[40];
    int durability;
    int state;       /* of the order */
    bool is_pending; /* of a refused verb: the order is still held */
};

/* Whether it changes an order that is there. */
bool chaos_is_verb(enum chaos_kind kind);

void chaos_history_init(struct chaos_history *history, int client, const char *directory);
void chaos_history_fini(struct chaos_history *history);
/* Valid until the next one. */
struct chaos_request *chaos_history_add(struct chaos_history *history);
/* Around each attempt. `conclude` also says what is wrong with the answer by itself. */
void chaos_history_invoke(struct chaos_history *history, struct chaos_request *request);
enum chaos_verdict chaos_history_conclude(struct chaos_history *history,
                                          struct chaos_request *request,
                                          const struct chaos_answer *answer);
/* A read: an accepted order must be seen. */
void chaos_history_read(struct chaos_history *history, const struct chaos_request *request,
                        const struct chaos_answer *answer, size_t line_count);

/* ---- violations, of any thread ---- */
void chaos_violation(const char *format, ...) __attribute__((format(printf, 1, 2)));
size_t chaos_violations(void);
/* Begins again at 0; only the first `shown` will be printed. */
void chaos_forget_violations(size_t shown);
/* Redis may have forgotten refusals up to now. */
void chaos_note_redis_lost(void);
