/* orderctl call: any method of any server, by the contracts that the server itself hands out. */
#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "client/cli/commands.h"
#include "client/cli/contracts.h"
#include "client/cli/schema.h"
#include "client/client_call.h"
#include "json/json_read.h"
#include "rpc/limits.h"

/* JSON is a few times what it says in protobuf: what is longer cannot fit into a message. */
#define INPUT_BYTES_MAX (4UL * RPC_MESSAGE_BYTES_MAX)

struct call_values {
    const char *request_id;
    struct option_list metadata;
};
static_assert(sizeof(struct call_values) <= CLI_VALUES_BYTES_MAX, "room for the options");
static_assert(OPTIONS_LIST_MAX == RPC_METADATA_MAX, "as many as a call may have");

static int call_method(struct cli *cli, const void *values);
static enum status find_method(struct cli *cli, const struct schema **schema_out,
                               struct schema_method *method_out, struct failure *failure);
static enum status read_request(struct cli *cli, const struct schema *schema,
                                const ProtobufCMessageDescriptor *type,
                                ProtobufCMessage **request_out, struct failure *failure);
static enum status read_input(struct cli *cli, struct bytes *text_out, struct failure *failure);
static enum status set_request_id(struct cli *cli, ProtobufCMessage *request, const char *given,
                                  struct failure *failure);
static enum status read_metadata(struct cli *cli, const struct option_list *given,
                                 struct rpc_metadata *metadata_out, struct failure *failure);

static const struct option OPTIONS[] = {
    {.name = "request-id",
     .type = OPTION_TEXT,
     .offset = offsetof(struct call_values, request_id),
     .value = "ID",
     .help = "for requests that have a request_id and are given none (default: a new one)"},
    {.name = "metadata",
     .type = OPTION_LIST,
     .offset = offsetof(struct call_values, metadata),
     .value = "KEY=VALUE",
     .help = "what the method is told beside the request; may be given up to 32 times"},
};

const struct cli_command COMMAND_CALL = {
    .name = "call",
    .arguments = "METHOD [JSON|-]",
    .summary = "Calls any method of any server, by the server's own contracts.",
    .details = "JSON is the request (default {}), - reads it from standard input. The end of a\n"
               "method's name will do. The answer is JSON.\n\n"
               "  orderctl call /rpc.v1.Admin/Ping\n"
               "  orderctl call GetOrder '{\"orderId\": \"...\"}'\n"
               "  orderctl call shop.v1.OrderService.CreateOrder - < order.json\n\n"
               "`orderctl list SERVICE` names the methods, `orderctl describe METHOD` says what\n"
               "they take.",
    .options = OPTIONS,
    .option_count = sizeof OPTIONS / sizeof OPTIONS[0],
    .words_least = 1,
    .words_most = 2,
    .run = call_method,
};

static int call_method(struct cli *cli, const void *values)
{
    const struct call_values *given = values;
    struct failure failure;
    const struct schema *schema;
    struct schema_method method;
    if (find_method(cli, &schema, &method, &failure) != STATUS_OK) {
        return cli_fail(cli, &failure);
    }
    ProtobufCMessage *request, *response;
    struct rpc_metadata metadata[OPTIONS_LIST_MAX];
    if (read_request(cli, schema, method.method->input, &request, &failure) != STATUS_OK ||
        set_request_id(cli, request, given->request_id, &failure) != STATUS_OK ||
        read_metadata(cli, &given->metadata, metadata, &failure) != STATUS_OK) {
        (void)cli_fail(cli, &failure);
        return CLI_USAGE; /* nothing was asked for yet */
    }
    struct rpc_stub stub;
    rpc_stub_init(&stub, cli->channel, method.service); /* open: the contracts came over it */
    stub.metadata = metadata;
    stub.metadata_count = given->metadata.count;
    if (client_call_stub(&stub, method.method->name, request, &cli->arena, &response, &failure) !=
        STATUS_OK) {
        return cli_fail(cli, &failure);
    }
    return cli_print_json_with(cli, response, schema_messages(schema));
}

static enum status find_method(struct cli *cli, const struct schema **schema_out,
                               struct schema_method *method_out, struct failure *failure)
{
    Google__Protobuf__FileDescriptorSet *set;
    enum status status = cli_get_contracts(cli, &set, failure);
    if (status == STATUS_OK) {
        status = schema_create(set, &cli->arena, schema_out, failure);
    }
    if (status == STATUS_OK) {
        status = schema_find_method(*schema_out, cli->words[0], method_out, failure);
    }
    return status;
}

static enum status read_request(struct cli *cli, const struct schema *schema,
                                const ProtobufCMessageDescriptor *type,
                                ProtobufCMessage **request_out, struct failure *failure)
{
    struct json_read_options options = {.types = schema_messages(schema)};
    struct bytes text = bytes_of_text(cli->word_count == 2 ? cli->words[1] : "{}");
    if (bytes_equal(text, bytes_of_text("-"))) {
        enum status status = read_input(cli, &text, failure);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return json_read(type, text, &options, &cli->arena, request_out, failure);
}

static enum status read_input(struct cli *cli, struct bytes *text_out, struct failure *failure)
{
    char *text = arena_alloc(&cli->arena, INPUT_BYTES_MAX + 1);
    if (text == NULL) {
        return failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "NO_MEMORY",
                           "no memory for the request");
    }
    size_t size = fread(text, 1, INPUT_BYTES_MAX + 1, cli->environment->in);
    if (ferror(cli->environment->in) != 0) {
        return failure_set(failure, STATUS_INVALID_ARGUMENT, "UNREADABLE",
                           "standard input cannot be read");
    }
    if (size > INPUT_BYTES_MAX) {
        return failure_set(failure, STATUS_INVALID_ARGUMENT, "REQUEST_TOO_LARGE",
                           "standard input has more than %lu bytes", INPUT_BYTES_MAX);
    }
    *text_out = bytes_of(text, size);
    return STATUS_OK;
}

/* The channel would fill it in, too; here so that a call without an answer can be repeated. */
static enum status set_request_id(struct cli *cli, ProtobufCMessage *request, const char *given,
                                  struct failure *failure)
{
    static const char FIELD[] = "request_id";
    const ProtobufCFieldDescriptor *field =
        json_field_find(request->descriptor, FIELD, sizeof FIELD - 1);
    bool is_there = field != NULL && field->type == PROTOBUF_C_TYPE_STRING &&
                    field->label == PROTOBUF_C_LABEL_NONE && field->flags == 0;
    if (!is_there || json_field_is_present(request, field, false)) {
        return given == NULL ? STATUS_OK
                             : failure_set(failure, STATUS_INVALID_ARGUMENT, "BAD_OPTION",
                                           "--request-id: the request has one, or takes none");
    }
    return json_assign(request, bytes_of_text(FIELD), bytes_of_text(cli_request_id(cli, given)),
                       &cli->arena, failure);
}

/* Whether they may be sent is for the channel to say. */
static enum status read_metadata(struct cli *cli, const struct option_list *given,
                                 struct rpc_metadata *metadata_out, struct failure *failure)
{
    for (size_t i = 0; i < given->count; i++) {
        char *key = cli_text(cli, given->items[i]);
        char *value = strchr(key, '=');
        if (value == NULL) {
            return failure_set(failure, STATUS_INVALID_ARGUMENT, "BAD_OPTION",
                               "--metadata: '%s' is no KEY=VALUE", key);
        }
        *value++ = '\0';
        metadata_out[i] = (struct rpc_metadata){.key = key, .value = bytes_of_text(value)};
    }
    return STATUS_OK;
}
