/* List: any List method of the contracts (page_size, page_token -> one repeated field,
 * next_page_token) walked to its end, as a table or as a JSON array with one object a line.
 * Always: page by page, so that a million rows need no more memory than one page; an array that was
 * cut short by a failure is not closed, so no program takes a part for the whole. */
#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

#include "client/cli/cli.h"
#include "client/cli/table.h"
#include "shop/limits.h"

struct list_kind {
    const ProtobufCServiceDescriptor *service;
    const char *method;
    const struct table_column *columns;
    size_t column_count;
    /* An item's cells; texts may live in the arena. NULL = empty. */
    void (*cells)(const ProtobufCMessage *item, struct arena *arena, const char **cells);
    /* The cells that say how long ago something was, after `cells`; NULL: there are none. */
    void (*ages)(const ProtobufCMessage *item, struct arena *arena, int64_t now_unix_us,
                 const char **cells);
};

struct list_options {
    int64_t limit;     /* rows at most; 0 = all */
    int64_t page_size; /* rows a call */
};

/* A list command's options: LIST_OPTIONS as they are, or among others in a struct of one's own. */
#define LIST_OPTION_ENTRIES(VALUES, LIST)                                             \
    {.name = "limit",                                                                 \
     .type = OPTION_INT,                                                              \
     .offset = offsetof(VALUES, LIST) + offsetof(struct list_options, limit),         \
     .value = "N",                                                                    \
     .fallback = "0",                                                                 \
     .least = 0,                                                                      \
     .most = INT64_MAX,                                                               \
     .help = "rows at most (default: all)"},                                          \
        {.name = "page-size",                                                         \
         .type = OPTION_INT,                                                          \
         .offset = offsetof(VALUES, LIST) + offsetof(struct list_options, page_size), \
         .value = "N",                                                                \
         .fallback = "100",                                                           \
         .least = 1,                                                                  \
         .most = SHOP_PAGE_SIZE_MAX,                                                  \
         .help = "rows asked for with one call (default 100)"}
#define LIST_DETAILS                                                                           \
    "With -o json it prints a JSON array with one object a line, which is not closed when a\n" \
    "failure cuts it short."
extern const struct option LIST_OPTIONS[];
#define LIST_OPTION_COUNT 2

/* `request` is of the method's input type; its page fields are overwritten. Returns the exit code.
 */
int list_run(struct cli *cli, const struct list_kind *kind, ProtobufCMessage *request,
             const struct list_options *options);
