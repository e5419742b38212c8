/* Command: one call that wants to change something, on its way through accept_commands.c.
 * The kinds (create_order.c, change_order.c, adjust_stock.c) prepare it and word its answer; they
 * do no more. A new kind is one file with a struct command_kind and a line in services.c. */
#pragma once

#include "redis/book.h"
#include "rpc/call.h"
#include "shop/event_codec.h"
#include "shop/identity.h"

struct shop_lane;

/* What has become of a command; it starts as OPEN and changes once. */
enum command_fate {
    COMMAND_OPEN,       /* to be decided */
    COMMAND_FAILED,     /* `failure` is the answer */
    COMMAND_ACCEPTED,   /* decided now: `decision` */
    COMMAND_POSSIBLE,   /* a trial that would have been accepted */
    COMMAND_REPEATED,   /* decided before, known to Redis: `prior` */
    COMMAND_PERSISTED,  /* there was nothing to be decided: the kind keeps what it found */
    COMMAND_CONFLICTED, /* the order was changed meanwhile: to be prepared again */
};

struct command {
    struct rpc_call *call;           /* NULL: the server's own */
    const ProtobufCMessage *request; /* the call's, or its part of the call; NULL: no call */
    const struct command_kind *kind;
    void *body; /* the kind's own */
    enum command_fate fate;
    enum durability durability; /* of the answer, when not failed */
    struct failure failure;     /* COMMAND_FAILED */

    /* Set by the kind's prepare. */
    const char *request_id;
    struct bytes event;
    struct bytes record; /* what Redis keeps for whoever repeats the request */
    const struct book_take *takes;
    size_t take_count;
    enum event_kind event_kind;
    struct uuid event_id;
    struct uuid record_id;
    struct uuid order_id;          /* of an order's commands */
    const char *customer_id;       /* who takes the units; NULL: nobody, rules do not matter */
    const struct book_take *frees; /* units of a changed order that its customer may buy again */
    size_t free_count;
    const char *counted_product_id; /* of an adjustment */
    struct bytes found_count;
    uint32_t found_version; /* of the order that is changed; 0 = none is */
    uint8_t order_hash[REQUEST_HASH_BYTES];
    enum book_hold hold; /* or that it counts stock */
    int64_t hold_ms;
    uint8_t request_hash[REQUEST_HASH_BYTES];
    bool is_trial;   /* only what would come of it: no effect */
    bool identified; /* request_id, record_id and request_hash are set: it may be one we had before
                      */

    bool waits;               /* set with its answer: that is to be PERSISTED when it goes out */
    bool forgettable;         /* Redis may have had a record of it and lost it; recall's own */
    bool confirmed;           /* COMMAND_ACCEPTED: RabbitMQ has its event */
    bool is_behind;           /* COMMAND_ACCEPTED: it lacks an earlier one of the order */
    struct book_record prior; /* COMMAND_REPEATED; lives in the lane's arena */
};

/* A kind of command. Batches are of one kind each and never empty. */
struct command_kind {
    const char *name;
    /* Decodes, checks and completes each command, up to its event; one that cannot go on fails.
     * One look at the catalogue for the whole batch. */
    void (*prepare)(struct shop_lane *lane, struct command **commands, size_t count);
    /* Prepares CONFLICTED ones anew; they become OPEN or fail. NULL in kinds that change no order.
     */
    void (*again)(struct shop_lane *lane, struct command **commands, size_t count);
    /* Looks after REPEATED ones before they are answered. NULL: their `prior` says it all. */
    void (*repeat)(struct shop_lane *lane, struct command **commands, size_t count);
    /* Whether PostgreSQL has had these (all `identified`): those it has become PERSISTED, or fail
     * with REQUEST_ID_REUSED; the others stay as they are. When it cannot be asked, all fail. */
    void (*recall)(struct shop_lane *lane, struct command **commands, size_t count);
    /* The answer to a command that is ACCEPTED, POSSIBLE, REPEATED or PERSISTED; lives in the
     * lane's arena. NULL: the command has failed after all, for lack of memory or of a readable
     * record. */
    const ProtobufCMessage *(*answer)(struct shop_lane *lane, struct command *command);
    /* How it says that there are not enough units. */
    const char *short_reason;
    /* Not NULL: its calls ask for many commands each, and this is all there is to the kind. */
    const struct command_list *list;
};

/* A kind of call that asks for many commands: they take part in the batch like those of other
 * calls, each for itself. */
struct command_list {
    const struct command_kind *kind; /* of each */
    /* How many the call asks for, at least one. A failure is the answer to the whole call. */
    enum status (*count)(const ProtobufCMessage *request, size_t *count_out,
                         struct failure *failure);
    /* Sets the `request` of each; those that are wrong beside the others fail. */
    void (*split)(struct shop_lane *lane, const ProtobufCMessage *request, struct command *commands,
                  size_t count);
    /* The answer to the call, of commands that have all ended; `answers` has NULL for those that
     * failed. NULL: the arena is full. */
    const ProtobufCMessage *(*join)(struct shop_lane *lane, const struct command *commands,
                                    const ProtobufCMessage *const *answers, size_t count);
};

/* The command will not be done: fill this in. Overwrites an earlier failure. */
struct failure *command_fail(struct command *command);
/* Its takes from sums by product. False when the lane's arena is full. */
bool command_take(struct shop_lane *lane, struct command *command,
                  const struct product_quantity *units, size_t count);
/* A rule of the product says no: a reason that the book knows, what is the case, what is allowed.
 */
void command_fail_ruled(struct command *command, const char *reason, const char *product_id,
                        int64_t number, int64_t limit);
/* There are not enough units of this product. */
void command_fail_short(struct command *command, const char *product_id, int64_t available);
/* Redis has a record of the request: it becomes REPEATED (the record is copied into the lane's
 * arena), or fails as it did then, or because this is another request under the same id. */
void command_repeat(struct shop_lane *lane, struct command *command,
                    const struct book_record *prior);
/* How far an accepted command has come; RESERVED when it is not found. */
enum durability command_durability(const struct book_lookup *lookup);

/* Runs `step` once for each kind among the commands that `chosen` picks, with all of that kind.
 * False, and nothing was run, when the lane's arena is full. */
bool commands_by_kind(struct shop_lane *lane, struct command *commands, size_t count,
                      bool (*chosen)(const struct command *command),
                      void (*step)(struct shop_lane *lane, const struct command_kind *kind,
                                   struct command **commands, size_t count));
