/* Commands: all of orderctl's, in the order that help shows. */
#pragma once

#include "client/cli/cli.h"

extern const struct cli_command *const CLI_COMMANDS[];
extern const size_t CLI_COMMAND_COUNT;

extern const struct cli_command COMMAND_PRODUCT_CREATE, COMMAND_PRODUCT_GET, COMMAND_PRODUCT_LIST;
extern const struct cli_command COMMAND_PRODUCT_UPDATE, COMMAND_PRODUCT_DELETE;
extern const struct cli_command COMMAND_STOCK_SET, COMMAND_STOCK_MOVEMENTS, COMMAND_STOCK_EXPLAIN;
extern const struct cli_command COMMAND_STOCK_GET, COMMAND_STOCK_LIST, COMMAND_STOCK_ADJUST;
extern const struct cli_command COMMAND_ORDER_CREATE, COMMAND_ORDER_GET, COMMAND_ORDER_LIST;
extern const struct cli_command COMMAND_ORDER_CONFIRM, COMMAND_ORDER_CANCEL, COMMAND_ORDER_FULFIL;
extern const struct cli_command COMMAND_ORDER_EVENTS;
extern const struct cli_command COMMAND_LETTERS_LIST, COMMAND_LETTERS_SHOW;
extern const struct cli_command COMMAND_LETTERS_REQUEUE, COMMAND_LETTERS_DISCARD;
extern const struct cli_command COMMAND_AUDIT, COMMAND_STOCK_REBUILD;
extern const struct cli_command COMMAND_IMPORT_PRODUCTS, COMMAND_IMPORT_ORDERS;
extern const struct cli_command COMMAND_KEYS_CREATE, COMMAND_KEYS_LIST, COMMAND_KEYS_REVOKE;
extern const struct cli_command COMMAND_ORDER_SHOW, COMMAND_EXPORT_ORDERS, COMMAND_EVENTS_TAIL;
extern const struct cli_command COMMAND_COMPLETION;
extern const struct cli_command COMMAND_CALL;
extern const struct cli_command COMMAND_LIST, COMMAND_DESCRIBE, COMMAND_STATS;
extern const struct cli_command COMMAND_HEALTH, COMMAND_BENCH, COMMAND_HELP, COMMAND_VERSION;

/* NULL when there is none; group NULL for commands of one word. */
const struct cli_command *cli_find(const char *group, const char *name);
/* Whether commands of two words begin with it. */
bool cli_is_group(const char *word);
