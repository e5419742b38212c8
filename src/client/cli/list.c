/* List: the page fields are found by name in the descriptors (checked by assert: the contracts are
 * ours). */
#include "client/cli/list.h"

#include <assert.h>
#include <string.h>

#include "client/client_call.h"
#include "json/json_print.h"

#define PAGE_CHUNK_BYTES (256 * 1024)
#define ITEM_CHUNK_BYTES (16 * 1024)

struct alone {
    struct list_options list;
};
const struct option LIST_OPTIONS[] = {LIST_OPTION_ENTRIES(struct alone, list)};
static_assert(sizeof(LIST_OPTIONS) / sizeof(LIST_OPTIONS[0]) == LIST_OPTION_COUNT,
              "as the header says");

struct listing {
    struct cli *cli;
    const struct list_kind *kind;
    const struct list_options *options;
    struct table table;
    struct arena page; /* the page's request and response */
    struct arena item; /* the item's JSON */
    size_t printed;
    char page_token[1024]; /* the servers' are far below */
};

struct page {
    const ProtobufCMessage *const *items;
    size_t count;
    const char *next_page_token;
};

static enum status ask_page(struct listing *listing, ProtobufCMessage *request,
                            struct page *page_out, struct failure *failure);
static struct page read_page(const ProtobufCMessage *response);
static int print_page(struct listing *listing, const struct page *page);
static int print_json_item(struct listing *listing, const ProtobufCMessage *item);
static void *member_of(ProtobufCMessage *message, const char *name);

int list_run(struct cli *cli, const struct list_kind *kind, ProtobufCMessage *request,
             const struct list_options *options)
{
    struct listing listing = {.cli = cli, .kind = kind, .options = options};
    struct page page = {.count = 0};
    struct failure failure;
    int code = CLI_OK;
    table_init(&listing.table, cli->out, kind->columns, kind->column_count);
    arena_init(&listing.page, PAGE_CHUNK_BYTES, CLI_ARENA_BYTES);
    arena_init(&listing.item, ITEM_CHUNK_BYTES, CLI_ARENA_BYTES);
    do {
        arena_reset(&listing.page);
        if (ask_page(&listing, request, &page, &failure) != STATUS_OK) {
            code = cli_fail(cli, &failure);
            break;
        }
        code = print_page(&listing, &page);
        bool full = options->limit > 0 && listing.printed >= (size_t)options->limit;
        if (page.next_page_token[0] == '\0' || full) {
            break;
        }
        snprintf(listing.page_token, sizeof(listing.page_token), "%s", page.next_page_token);
    } while (code == CLI_OK && ferror(cli->out) == 0);
    if (cli->globals.output == CLI_JSON && code == CLI_OK) {
        fputs(listing.printed == 0 ? "[]\n" : "\n]\n", cli->out);
    }
    table_fini(&listing.table);
    arena_fini(&listing.item);
    arena_fini(&listing.page);
    return code;
}

static enum status ask_page(struct listing *listing, ProtobufCMessage *request,
                            struct page *page_out, struct failure *failure)
{
    int64_t size = listing->options->page_size;
    int64_t left = listing->options->limit - (int64_t)listing->printed;
    if (listing->options->limit > 0 && left < size) {
        size = left;
    }
    char *token = listing->page_token;
    memcpy(member_of(request, "page_size"), &(int32_t){(int32_t)size}, sizeof(int32_t));
    memcpy(member_of(request, "page_token"), &token, sizeof(token));
    ProtobufCMessage *response = NULL;
    enum status status = cli_connect(listing->cli, 0, failure);
    if (status == STATUS_OK) {
        status = client_call(listing->cli->channel, listing->kind->service, listing->kind->method,
                             request, 0, &listing->page, &response, failure);
    }
    if (status != STATUS_OK) {
        return status;
    }
    *page_out = read_page(response);
    if (strlen(page_out->next_page_token) >= sizeof(listing->page_token)) {
        return failure_set(failure, STATUS_INTERNAL, "BAD_PAGE_TOKEN",
                           "the server's page token is too long");
    }
    return STATUS_OK;
}

static struct page read_page(const ProtobufCMessage *response)
{
    struct page page = {.next_page_token = ""};
    const char *base = (const char *)response;
    for (unsigned i = 0; i < response->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &response->descriptor->fields[i];
        const void *member = base + field->offset;
        if (field->label == PROTOBUF_C_LABEL_REPEATED) {
            page.items = *(const ProtobufCMessage *const *const *)member;
            memcpy(&page.count, base + field->quantifier_offset, sizeof(page.count));
        } else if (strcmp(field->name, "next_page_token") == 0) {
            page.next_page_token = *(const char *const *)member;
        }
    }
    return page;
}

static int print_page(struct listing *listing, const struct page *page)
{
    struct cli *cli = listing->cli;
    for (size_t i = 0; i < page->count; i++) {
        if (cli->globals.output == CLI_JSON) {
            int code = print_json_item(listing, page->items[i]);
            if (code != CLI_OK) {
                return code;
            }
        } else {
            const char *cells[TABLE_COLUMNS_MAX] = {NULL};
            listing->kind->cells(page->items[i], &listing->page, cells);
            if (listing->kind->ages != NULL) {
                listing->kind->ages(page->items[i], &listing->page,
                                    clock_unix_us(cli->environment->clock), cells);
            }
            table_row(&listing->table, cells);
        }
        listing->printed++;
    }
    if (cli->globals.output == CLI_TABLE) {
        table_flush(&listing->table);
    }
    return CLI_OK;
}

static int print_json_item(struct listing *listing, const ProtobufCMessage *item)
{
    static const struct json_print_options OPTIONS = {.defaults = true};
    struct failure failure;
    struct bytes text;
    arena_reset(&listing->item);
    if (json_print(item, &OPTIONS, &listing->item, &text, &failure) != STATUS_OK) {
        failure.code = STATUS_INTERNAL;
        return cli_fail(listing->cli, &failure);
    }
    fprintf(listing->cli->out, "%s%s", listing->printed == 0 ? "[\n" : ",\n",
            (const char *)text.data);
    return CLI_OK;
}

static void *member_of(ProtobufCMessage *message, const char *name)
{
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field_by_name(message->descriptor, name);
    assert(field != NULL);
    return (char *)message + field->offset;
}
