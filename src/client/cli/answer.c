/* Answer: how a command calls the server, and how it says what came of it. See cli.h. */
#include <assert.h>
#include <inttypes.h>

#include "base/uuid.h"
#include "client/cli/cli.h"
#include "client/cli/text.h"
#include "client/client_call.h"
#include "json/json_print.h"

#define PRINT_CHUNK_BYTES (16 * 1024)

static void print_hint(struct cli *cli, enum status code);
static void put_safe(FILE *out, const char *before, const char *text, const char *after);

enum status cli_connect(struct cli *cli, size_t outstanding, struct failure *failure)
{
    if (cli->channel != NULL) {
        return STATUS_OK;
    }
    struct rpc_channel_options options = {.endpoint = cli->globals.endpoint,
                                          .tls = cli->globals.tls,
                                          .timeout_ms = (int32_t)cli->globals.timeout_ms,
                                          .max_outstanding = outstanding,
                                          .clock = cli->environment->clock};
    return rpc_channel_open(&options, &cli->channel, failure);
}

enum status cli_call(struct cli *cli, const ProtobufCServiceDescriptor *service, const char *method,
                     const ProtobufCMessage *request, ProtobufCMessage **response_out,
                     struct failure *failure)
{
    enum status status = cli_connect(cli, 0, failure);
    if (status != STATUS_OK) {
        return status;
    }
    return client_call(cli->channel, service, method, request, 0, &cli->arena, response_out,
                       failure);
}

char *cli_text(struct cli *cli, const char *text)
{
    char *copy = arena_strdup(&cli->arena, text == NULL ? "" : text);
    assert(copy != NULL); /* the system's limit on a command line is far below CLI_ARENA_BYTES */
    return copy;
}

const char *cli_request_id(struct cli *cli, const char *given)
{
    cli->request_id = given;
    if (given == NULL) {
        struct uuid uuid = uuid_v7(cli->environment->clock);
        char text[UUID_TEXT_BYTES];
        uuid_print(&uuid, text);
        cli->request_id = arena_strdup(&cli->arena, text);
    }
    return cli->request_id;
}

int cli_fail(struct cli *cli, const struct failure *failure)
{
    FILE *err = cli->err;
    fprintf(err, "orderctl: %s", status_name(failure->code));
    if (failure->reason[0] != '\0') {
        put_safe(err, " (", failure->reason, ")");
    }
    put_safe(err, ": ", failure->message, "\n");
    if (failure->field[0] != '\0') {
        put_safe(err, "  field: ", failure->field, "\n");
    }
    for (size_t i = 0; i < failure->metadata_count; i++) {
        put_safe(err, "  ", failure->metadata[i].key, ": ");
        put_safe(err, "", failure->metadata[i].value, "\n");
    }
    if (failure->retry_delay_ms > 0) {
        fprintf(err, "  try again in: %" PRId64 " ms\n", failure->retry_delay_ms);
    }
    print_hint(cli, failure->code);
    bool nothing_sent = cli->channel == NULL && failure->code == STATUS_INVALID_ARGUMENT;
    return nothing_sent ? CLI_USAGE : cli_exit_code(failure->code);
}

int cli_exit_code(enum status code)
{
    switch (code) {
    case STATUS_OK:
        return CLI_OK;
    case STATUS_UNKNOWN:
    case STATUS_DEADLINE_EXCEEDED:
    case STATUS_RESOURCE_EXHAUSTED:
    case STATUS_UNAVAILABLE:
    case STATUS_CANCELLED:
        return CLI_UNAVAILABLE;
    case STATUS_UNIMPLEMENTED:
    case STATUS_INTERNAL:
    case STATUS_DATA_LOSS:
        return CLI_BROKEN;
    case STATUS_INVALID_ARGUMENT:
    case STATUS_NOT_FOUND:
    case STATUS_ALREADY_EXISTS:
    case STATUS_PERMISSION_DENIED:
    case STATUS_FAILED_PRECONDITION:
    case STATUS_ABORTED:
    case STATUS_OUT_OF_RANGE:
    case STATUS_UNAUTHENTICATED:
        return CLI_REFUSED;
    }
    return CLI_BROKEN; /* a code that google.rpc has not yet */
}

int cli_print_json(struct cli *cli, const ProtobufCMessage *message)
{
    return cli_print_json_with(cli, message, NULL);
}

int cli_print_json_with(struct cli *cli, const ProtobufCMessage *message,
                        const struct json_types *types)
{
    struct json_print_options options = {.defaults = true, .pretty = true, .types = types};
    struct failure failure;
    struct arena arena;
    struct bytes text;
    int code = CLI_OK;
    arena_init(&arena, PRINT_CHUNK_BYTES, CLI_ARENA_BYTES);
    if (json_print(message, &options, &arena, &text, &failure) == STATUS_OK) {
        fprintf(cli->out, "%s\n", (const char *)text.data);
    } else {
        failure.code = STATUS_INTERNAL;
        code = cli_fail(cli, &failure);
    }
    arena_fini(&arena);
    return code;
}

/* What one can do about it. */
static void print_hint(struct cli *cli, enum status code)
{
    bool unknown = code == STATUS_UNKNOWN || code == STATUS_DEADLINE_EXCEEDED;
    if (cli->request_id != NULL && (unknown || code == STATUS_UNAVAILABLE)) {
        fprintf(cli->err, "  %s; ask again with --request-id %s, which cannot do it twice\n",
                unknown ? "it may have been done" : "it was not done", cli->request_id);
    } else if (code == STATUS_UNAVAILABLE) {
        fprintf(cli->err, "  is the server running? endpoint: %s\n", cli->globals.endpoint);
    }
}

/* What a server says must not reach the terminal's controls. */
static void put_safe(FILE *out, const char *before, const char *text, const char *after)
{
    char safe[FAILURE_MESSAGE_BYTES];
    snprintf(safe, sizeof(safe), "%s", text);
    text_disarm(safe);
    fprintf(out, "%s%s%s", before, safe, after);
}
