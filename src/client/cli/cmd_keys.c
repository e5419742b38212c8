/* orderctl keys: who may call order-gateway. Works on its file of keys (access/keys.h), asks no
 * server; a running gateway sees a change within a second. */
#include <assert.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "access/keys.h"
#include "client/cli/cells.h"
#include "client/cli/commands.h"
#include "client/cli/json_line.h"
#include "client/cli/table.h"
#include "json/timestamp.h"

#define DAY_S 86400

struct keys_options {
    const char *file, *scopes, *customer;
    int64_t days;
};

/* Changes the keys that it is given; CLI_OK means that they are to be saved. */
typedef int (*keys_change)(struct cli *cli, const struct keys_options *options, struct keys *keys,
                           char text[KEY_TEXT_BYTES]);

static int create_key(struct cli *cli, const void *values);
static int list_keys(struct cli *cli, const void *values);
static int revoke_key(struct cli *cli, const void *values);
static int change(struct cli *cli, const void *values, keys_change change_keys,
                  char text[KEY_TEXT_BYTES]);
static int change_locked(struct cli *cli, const struct keys_options *options, const char *path,
                         keys_change change_keys, char text[KEY_TEXT_BYTES]);
static int add(struct cli *cli, const struct keys_options *options, struct keys *keys,
               char text[KEY_TEXT_BYTES]);
static int remove_one(struct cli *cli, const struct keys_options *options, struct keys *keys,
                      char text[KEY_TEXT_BYTES]);
static bool set_text(struct cli *cli, const char *what, const char *text, char *out, size_t room);
static const char *find_file(struct cli *cli, const void *values);
static void print_key(struct cli *cli, const struct key *key, struct table *table);

#define FILE_OPTION                                 \
    {.name = "file",                                \
     .type = OPTION_TEXT,                           \
     .offset = offsetof(struct keys_options, file), \
     .value = "FILE",                               \
     .help = "the gateway's file of keys (default $ORDER_GATEWAY_KEYS)"}

static const struct option CREATE_OPTIONS[] = {
    {.name = "scopes",
     .type = OPTION_TEXT,
     .offset = offsetof(struct keys_options, scopes),
     .value = "SCOPES",
     .required = true,
     .help = "what it may do, such as order.read,order.write; * for all"},
    {.name = "customer",
     .type = OPTION_TEXT,
     .offset = offsetof(struct keys_options, customer),
     .value = "ID",
     .help = "the only customer it stands for (default: it may name any)"},
    {.name = "days",
     .type = OPTION_INT,
     .offset = offsetof(struct keys_options, days),
     .value = "N",
     .fallback = "0",
     .least = 0,
     .most = 3650,
     .help = "how long it is in force (default 0: until it is revoked)"},
    FILE_OPTION,
};
static const struct option FILE_OPTIONS[] = {FILE_OPTION};
static_assert(sizeof(struct keys_options) <= CLI_VALUES_BYTES_MAX, "room for the options");

const struct cli_command COMMAND_KEYS_CREATE = {
    .group = "keys",
    .name = "create",
    .arguments = "NAME",
    .summary = "Makes an API key for order-gateway and prints it: the only time it can be seen.",
    .details =
        "  orderctl keys create web-shop --scopes order.read,order.write,product.read\n"
        "  orderctl keys create ada --customer c-ada --scopes order.read --days 90\n\n"
        "Keys of one NAME are one caller. A name has two keys in force at most, so that a new one\n"
        "can be handed out before the old one is revoked.",
    .options = CREATE_OPTIONS,
    .option_count = sizeof(CREATE_OPTIONS) / sizeof(CREATE_OPTIONS[0]),
    .words_least = 1,
    .words_most = 1,
    .run = create_key,
};

const struct cli_command COMMAND_KEYS_LIST = {
    .group = "keys",
    .name = "list",
    .arguments = "",
    .summary = "Lists the API keys of order-gateway, without their secrets.",
    .options = FILE_OPTIONS,
    .option_count = sizeof(FILE_OPTIONS) / sizeof(FILE_OPTIONS[0]),
    .run = list_keys,
};

const struct cli_command COMMAND_KEYS_REVOKE = {
    .group = "keys",
    .name = "revoke",
    .arguments = "KEY_ID",
    .summary = "Ends an API key of order-gateway, by the id that `keys list` shows.",
    .options = FILE_OPTIONS,
    .option_count = sizeof(FILE_OPTIONS) / sizeof(FILE_OPTIONS[0]),
    .words_least = 1,
    .words_most = 1,
    .run = revoke_key,
};

static int create_key(struct cli *cli, const void *values)
{
    char text[KEY_TEXT_BYTES];
    int code = change(cli, values, add, text);
    if (code != CLI_OK) {
        return code;
    }
    if (cli->globals.output == CLI_JSON) {
        struct json_line line;
        json_line_begin(&line, cli->out);
        json_line_text(&line, "name", cli->words[0]);
        json_line_text(&line, "key", text);
        json_line_end(&line);
        return CLI_OK;
    }
    fprintf(cli->out, "%s\n", text);
    fputs("This is the only time that the key can be seen.\n", cli->err);
    return CLI_OK;
}

static int revoke_key(struct cli *cli, const void *values)
{
    char none[KEY_TEXT_BYTES];
    return change(cli, values, remove_one, none);
}

static int change(struct cli *cli, const void *values, keys_change change_keys,
                  char text[KEY_TEXT_BYTES])
{
    const char *path = find_file(cli, values);
    struct failure failure;
    int lock;
    if (path == NULL) {
        return cli_usage(cli, "which file? --file FILE, or $ORDER_GATEWAY_KEYS");
    }
    if (keys_lock(path, &lock, &failure) != STATUS_OK) {
        return cli_fail(cli, &failure);
    }
    int code = change_locked(cli, values, path, change_keys, text);
    keys_unlock(lock);
    return code;
}

static int change_locked(struct cli *cli, const struct keys_options *options, const char *path,
                         keys_change change_keys, char text[KEY_TEXT_BYTES])
{
    struct keys keys;
    struct failure failure;
    if (keys_load(path, &keys, &failure) != STATUS_OK) {
        return cli_fail(cli, &failure);
    }
    int code = change_keys(cli, options, &keys, text);
    if (code == CLI_OK && keys_save(&keys, path, &failure) != STATUS_OK) {
        code = cli_fail(cli, &failure);
    }
    keys_fini(&keys);
    return code;
}

static int add(struct cli *cli, const struct keys_options *options, struct keys *keys,
               char text[KEY_TEXT_BYTES])
{
    struct key wanted = {0};
    struct failure failure;
    if (!set_text(cli, "NAME", cli->words[0], wanted.name, sizeof wanted.name) ||
        !set_text(cli, "--scopes", options->scopes, wanted.scopes, sizeof wanted.scopes) ||
        !set_text(cli, "--customer", options->customer, wanted.customer_id,
                  sizeof wanted.customer_id)) {
        return CLI_USAGE;
    }
    if (options->days > 0) {
        wanted.expire_s = clock_unix_us(cli->environment->clock) / 1000000 + options->days * DAY_S;
    }
    if (keys_create(keys, &wanted, cli->environment->clock, text, &failure) != STATUS_OK) {
        return cli_fail(cli, &failure);
    }
    return CLI_OK;
}

static int remove_one(struct cli *cli, const struct keys_options *options, struct keys *keys,
                      char text[KEY_TEXT_BYTES])
{
    (void)options, (void)text;
    struct failure failure;
    if (keys_revoke(keys, cli->words[0])) {
        return CLI_OK;
    }
    (void)failure_set(&failure, STATUS_NOT_FOUND, "KEY_NOT_FOUND", "there is no key %s",
                      cli->words[0]);
    return cli_fail(cli, &failure);
}

/* False, with the failure printed, when it is too long; NULL is "". */
static bool set_text(struct cli *cli, const char *what, const char *text, char *out, size_t room)
{
    if (text != NULL && strlen(text) >= room) {
        (void)cli_usage(cli, "%s is longer than %zu bytes", what, room - 1);
        return false;
    }
    (void)snprintf(out, room, "%s", text == NULL ? "" : text);
    return true;
}

static int list_keys(struct cli *cli, const void *values)
{
    static const struct table_column COLUMNS[] = {
        {"KEY", TABLE_LEFT},    {"NAME", TABLE_LEFT},          {"CUSTOMER", TABLE_LEFT},
        {"SCOPES", TABLE_LEFT}, {"CREATED (UTC)", TABLE_LEFT}, {"EXPIRES (UTC)", TABLE_LEFT}};
    const char *path = find_file(cli, values);
    struct keys keys;
    struct failure failure;
    struct table table;
    if (path == NULL) {
        return cli_usage(cli, "which file? --file FILE, or $ORDER_GATEWAY_KEYS");
    }
    if (keys_load(path, &keys, &failure) != STATUS_OK) {
        return cli_fail(cli, &failure);
    }
    bool is_json = cli->globals.output == CLI_JSON;
    table_init(&table, cli->out, COLUMNS, sizeof(COLUMNS) / sizeof(COLUMNS[0]));
    for (size_t i = 0; i < keys.count; i++) {
        print_key(cli, &keys.list[i], is_json ? NULL : &table);
    }
    if (!is_json) {
        table_flush(&table);
    }
    table_fini(&table);
    keys_fini(&keys);
    return CLI_OK;
}

/* A line of JSON when there is no table. */
static void print_key(struct cli *cli, const struct key *key, struct table *table)
{
    char created[TIMESTAMP_TEXT_BYTES], expires[TIMESTAMP_TEXT_BYTES] = "never";
    if (table != NULL) {
        timestamp_print_short(key->create_s, created);
        if (key->expire_s != 0) {
            timestamp_print_short(key->expire_s, expires);
        }
        table_row(table, (const char *const[]){key->id, key->name, key->customer_id, key->scopes,
                                               created, expires});
        return;
    }
    struct json_line line;
    json_line_begin(&line, cli->out);
    json_line_text(&line, "keyId", key->id);
    json_line_text(&line, "name", key->name);
    json_line_text(&line, "customerId", key->customer_id);
    json_line_text(&line, "scopes", key->scopes);
    if (timestamp_print(key->create_s, 0, created)) {
        json_line_text(&line, "createTime", created);
    }
    if (key->expire_s != 0 && timestamp_print(key->expire_s, 0, expires)) {
        json_line_text(&line, "expireTime", expires);
    }
    json_line_end(&line);
}

/* NULL when none was named. */
static const char *find_file(struct cli *cli, const void *values)
{
    const struct keys_options *options = values;
    const char *given = options->file;
    const char *path = given != NULL ? given : cli->environment->keys_file;
    return path == NULL || path[0] == '\0' ? NULL : path;
}
