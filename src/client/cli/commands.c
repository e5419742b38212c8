/* See commands.h. */
#include "client/cli/commands.h"

#include <string.h>

const struct cli_command *const CLI_COMMANDS[] = {
    &COMMAND_PRODUCT_CREATE,
    &COMMAND_PRODUCT_GET,
    &COMMAND_PRODUCT_LIST,
    &COMMAND_PRODUCT_UPDATE,
    &COMMAND_PRODUCT_DELETE,
    &COMMAND_STOCK_GET,
    &COMMAND_STOCK_LIST,
    &COMMAND_STOCK_ADJUST,
    &COMMAND_STOCK_SET,
    &COMMAND_STOCK_MOVEMENTS,
    &COMMAND_STOCK_EXPLAIN,
    &COMMAND_STOCK_REBUILD,
    &COMMAND_ORDER_CREATE,
    &COMMAND_ORDER_GET,
    &COMMAND_ORDER_SHOW,
    &COMMAND_ORDER_LIST,
    &COMMAND_ORDER_CONFIRM,
    &COMMAND_ORDER_CANCEL,
    &COMMAND_ORDER_FULFIL,
    &COMMAND_ORDER_EVENTS,
    &COMMAND_IMPORT_PRODUCTS,
    &COMMAND_IMPORT_ORDERS,
    &COMMAND_EXPORT_ORDERS,
    &COMMAND_EVENTS_TAIL,
    &COMMAND_LETTERS_LIST,
    &COMMAND_LETTERS_SHOW,
    &COMMAND_LETTERS_REQUEUE,
    &COMMAND_LETTERS_DISCARD,
    &COMMAND_AUDIT,
    &COMMAND_KEYS_CREATE,
    &COMMAND_KEYS_LIST,
    &COMMAND_KEYS_REVOKE,
    &COMMAND_HEALTH,
    &COMMAND_CALL,
    &COMMAND_LIST,
    &COMMAND_DESCRIBE,
    &COMMAND_STATS,
    &COMMAND_BENCH,
    &COMMAND_COMPLETION,
    &COMMAND_HELP,
    &COMMAND_VERSION,
};
const size_t CLI_COMMAND_COUNT = sizeof(CLI_COMMANDS) / sizeof(CLI_COMMANDS[0]);

const struct cli_command *cli_find(const char *group, const char *name)
{
    for (size_t i = 0; i < CLI_COMMAND_COUNT; i++) {
        const struct cli_command *command = CLI_COMMANDS[i];
        bool same_group = group == NULL || command->group == NULL
                              ? group == command->group
                              : strcmp(group, command->group) == 0;
        if (same_group && strcmp(name, command->name) == 0) {
            return command;
        }
    }
    return NULL;
}

bool cli_is_group(const char *word)
{
    for (size_t i = 0; i < CLI_COMMAND_COUNT; i++) {
        if (CLI_COMMANDS[i]->group != NULL && strcmp(CLI_COMMANDS[i]->group, word) == 0) {
            return true;
        }
    }
    return false;
}
