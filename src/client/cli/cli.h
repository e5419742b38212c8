/* orderctl: what every command is given, and how it answers.
 * A command is one entry of the table in commands.c: its words, its options, its function.
 * cli_run() finds it, parses, runs it and tidies up. Always: results go to `out`, everything else
 * (failures, progress) to `err`; the exit code says what kind of end it was, also to programs. */
#pragma once

#include <stdio.h>

#include "base/arena.h"
#include "base/clock.h"
#include "client/cli/options.h"
#include "json/json_field.h"
#include "rpc/channel.h"

#define CLI_VALUES_BYTES_MAX 512                /* of a command's struct of options */
#define CLI_ARENA_BYTES      (32 * 1024 * 1024) /* of one call's request and response, printed */

/* Printed by `orderctl help exit-codes`; scripts depend on them. */
enum cli_exit {
    CLI_OK = 0,
    CLI_REFUSED = 1,      /* the server says no: not found, out of stock, invalid, ... */
    CLI_USAGE = 2,        /* the command line or the input file is wrong; nothing was sent */
    CLI_UNAVAILABLE = 3,  /* no answer: unreachable, overloaded, too late; trying again may help */
    CLI_PARTIAL = 4,      /* import: some rows were not done, the report says which */
    CLI_BROKEN = 5,       /* an error of the server or of orderctl itself, or the output failed */
    CLI_INTERRUPTED = 130 /* Ctrl-C */
};

enum cli_output {
    CLI_TABLE,
    CLI_JSON,
};

/* The process around it; main() fills it in, tests their own. */
struct cli_environment {
    const char *endpoint;     /* $ORDER_ENDPOINT, or NULL */
    const char *keys_file;    /* $ORDER_GATEWAY_KEYS, or NULL */
    const char *rabbitmq_url; /* $RABBITMQ_URL, or NULL */
    struct rpc_tls tls;       /* $ORDER_TLS_CA_FILE, $ORDER_TLS_CERT_FILE, $ORDER_TLS_SERVER_NAME */
    FILE *in, *out, *err;
    bool out_is_terminal, err_is_terminal;
    const struct clock *clock;
    bool (*stop_init)(void); /* for commands that end their work well on Ctrl-C; NULL in tests */
};

struct cli_globals {
    const char *endpoint;
    struct rpc_tls tls;
    int64_t timeout_ms;
    int64_t output; /* enum cli_output */
    bool help;
};

struct cli;

struct cli_command {
    const char *group; /* "product" of `product create`; NULL for commands of one word */
    const char *name;
    const char *arguments; /* of the usage line: "PRODUCT_ID"; "" for none */
    const char *summary;   /* one line */
    const char *details;   /* paragraphs, or NULL */
    const struct option *options;
    size_t option_count;
    size_t words_least, words_most;
    /* Returns an enum cli_exit. */
    int (*run)(struct cli *cli, const void *values);
};

struct cli {
    const struct cli_environment *environment;
    FILE *out, *err;
    struct cli_globals globals;
    const struct cli_command *command;
    const char *const *words; /* the command's arguments */
    size_t word_count;
    struct arena arena;          /* a call's; a command may reset it between calls */
    struct rpc_channel *channel; /* opened by the first call */
    const char *request_id;      /* of the change that is being asked for, for failures; or NULL */
};

/* The whole program; returns its exit code. */
int cli_run(const struct cli_environment *environment, int argc, char *const *argv);

/* Opens the channel if it is not open, for at least so many calls under way. */
enum status cli_connect(struct cli *cli, size_t outstanding, struct failure *failure);
/* One blocking call on it; the response lives in cli->arena. */
enum status cli_call(struct cli *cli, const ProtobufCServiceDescriptor *service, const char *method,
                     const ProtobufCMessage *request, ProtobufCMessage **response_out,
                     struct failure *failure);
/* A text for a message's field: a copy in the arena, "" for NULL. */
char *cli_text(struct cli *cli, const char *text);
/* The given request_id, or a new UUIDv7 in the arena; remembered for cli_fail(). */
const char *cli_request_id(struct cli *cli, const char *given);

/* "orderctl: NOT_FOUND (PRODUCT_NOT_FOUND): ..." with field and metadata; returns the exit code. */
int cli_fail(struct cli *cli, const struct failure *failure);
/* The exit code that goes with a status. */
int cli_exit_code(enum status code);
/* "orderctl: ..." and where help is; returns CLI_USAGE. */
int cli_usage(struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* -o json: a message with its defaults, on several lines; returns the exit code. */
int cli_print_json(struct cli *cli, const ProtobufCMessage *message);
/* The same with what an Any in it may hold; NULL = none. */
int cli_print_json_with(struct cli *cli, const ProtobufCMessage *message,
                        const struct json_types *types);
