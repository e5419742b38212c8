/* orderctl dead-letters and audit: for those who run the system. */
#include <inttypes.h>
#include <shop/v1/admin_service.pb-c.h>
#include <stddef.h>

#include "client/cli/cells.h"
#include "client/cli/commands.h"
#include "client/cli/list.h"
#include "client/cli/table.h"

#define SERVICE (&shop__v1__admin_service__descriptor)

struct letter_list_options {
    struct list_options list;
    int64_t state; /* Shop__V1__DeadLetter__State */
};

struct audit_options {
    bool repair, yes;
};

static int list_letters(struct cli *cli, const void *values);
static void letter_cells(const ProtobufCMessage *item, struct arena *arena, const char **cells);
static int show_letter(struct cli *cli, const void *values);
static int requeue_letter(struct cli *cli, const void *values);
static int discard_letter(struct cli *cli, const void *values);
static int decide(struct cli *cli, const char *method, const ProtobufCMessage *request);
static int audit(struct cli *cli, const void *values);
static void print_waiting(struct cli *cli, const Shop__V1__AuditResponse *found);
static bool repair(struct cli *cli, const Shop__V1__Discrepancy *found, bool yes, int *code);
static int rebuild(struct cli *cli, const void *values);

static const struct option LETTER_OPTIONS[] = {
    LIST_OPTION_ENTRIES(struct letter_list_options, list),
    {.name = "state",
     .type = OPTION_CHOICE,
     .offset = offsetof(struct letter_list_options, state),
     .value = "any|undecided|requeued|discarded|stored",
     .fallback = "any",
     .help = "only those in this state"},
};

static const struct option AUDIT_OPTIONS[] = {
    {.name = "repair",
     .type = OPTION_FLAG,
     .offset = offsetof(struct audit_options, repair),
     .help = "say what would be given back to Redis"},
    {.name = "yes",
     .type = OPTION_FLAG,
     .offset = offsetof(struct audit_options, yes),
     .help = "with --repair: and do it"},
};

const struct cli_command COMMAND_LETTERS_LIST = {
    .group = "dead-letters",
    .name = "list",
    .arguments = "",
    .summary = "Lists events that could not be stored, the newest first.",
    .details = LIST_DETAILS,
    .options = LETTER_OPTIONS,
    .option_count = sizeof(LETTER_OPTIONS) / sizeof(LETTER_OPTIONS[0]),
    .run = list_letters,
};

const struct cli_command COMMAND_LETTERS_SHOW = {
    .group = "dead-letters",
    .name = "show",
    .arguments = "ID",
    .summary = "Shows one, with the units that it holds; -o json shows its bytes, too.",
    .words_least = 1,
    .words_most = 1,
    .run = show_letter,
};

const struct cli_command COMMAND_LETTERS_REQUEUE = {
    .group = "dead-letters",
    .name = "requeue",
    .arguments = "ID",
    .summary = "Has a worker store it after all.",
    .details = "Within seconds it is STORED, or UNDECIDED again with the reason why not.",
    .words_least = 1,
    .words_most = 1,
    .run = requeue_letter,
};

const struct cli_command COMMAND_LETTERS_DISCARD = {
    .group = "dead-letters",
    .name = "discard",
    .arguments = "ID",
    .summary = "Gives it up: the units that it holds go back on sale.",
    .details = "An order that was accepted is lost by this: tell its customer.",
    .words_least = 1,
    .words_most = 1,
    .run = discard_letter,
};

const struct cli_command COMMAND_AUDIT = {
    .name = "audit",
    .arguments = "",
    .summary = "Compares the books of Redis and PostgreSQL, product by product.",
    .details = "  orderctl audit                  looks; exit code 1 when something is wrong\n"
               "  orderctl audit --repair         says what it would give back to Redis\n"
               "  orderctl audit --repair --yes   and does it\n\n"
               "Too many units in Redis are not repaired: the servers fence stock and load it\n"
               "anew by themselves.",
    .options = AUDIT_OPTIONS,
    .option_count = sizeof(AUDIT_OPTIONS) / sizeof(AUDIT_OPTIONS[0]),
    .run = audit,
};

const struct cli_command COMMAND_STOCK_REBUILD = {
    .group = "stock",
    .name = "rebuild",
    .arguments = "",
    .summary = "Has all stock loaded anew from PostgreSQL; nothing is sold for some seconds.",
    .run = rebuild,
};

static int list_letters(struct cli *cli, const void *values)
{
    static const struct table_column COLUMNS[] = {{"ID", TABLE_RIGHT},    {"TIME", TABLE_LEFT},
                                                  {"STATE", TABLE_LEFT},  {"EVENT", TABLE_LEFT},
                                                  {"REASON", TABLE_LEFT}, {"HOLDS", TABLE_RIGHT}};
    static const struct list_kind KIND = {
        .service = SERVICE,
        .method = "ListDeadLetters",
        .columns = COLUMNS,
        .column_count = sizeof(COLUMNS) / sizeof(COLUMNS[0]),
        .cells = letter_cells,
    };
    const struct letter_list_options *options = values;
    Shop__V1__ListDeadLettersRequest request = SHOP__V1__LIST_DEAD_LETTERS_REQUEST__INIT;
    request.state = (Shop__V1__DeadLetter__State)options->state;
    return list_run(cli, &KIND, &request.base, &options->list);
}

static int64_t held_units(const Shop__V1__DeadLetter *letter)
{
    int64_t sum = 0;
    for (size_t i = 0; i < letter->n_units; i++) {
        sum += letter->units[i]->quantity;
    }
    return sum;
}

static void letter_cells(const ProtobufCMessage *item, struct arena *arena, const char **cells)
{
    const Shop__V1__DeadLetter *letter = (const Shop__V1__DeadLetter *)item;
    cells[0] = letter->dead_letter_id;
    cells[1] = cell_time(arena, letter->create_time);
    cells[2] = cell_enum(arena, &shop__v1__dead_letter__state__descriptor, (int)letter->state);
    cells[3] = letter->routing_key;
    cells[4] = letter->reason;
    cells[5] = cell_int(arena, held_units(letter));
}

static int print_letter(struct cli *cli, const ProtobufCMessage *response)
{
    const Shop__V1__DeadLetter *letter = (const Shop__V1__DeadLetter *)response;
    if (cli->globals.output == CLI_JSON) {
        return cli_print_json(cli, response);
    }
    record_print(cli->out,
                 (const char *const[][2]){
                     {"dead letter", letter->dead_letter_id},
                     {"state", cell_enum(&cli->arena, &shop__v1__dead_letter__state__descriptor,
                                         (int)letter->state)},
                     {"time", cell_time(&cli->arena, letter->create_time)},
                     {"event", letter->routing_key},
                     {"event id", letter->event_id},
                     {"reason", letter->reason},
                     {"message", letter->message},
                     {"holds", cell_int(&cli->arena, held_units(letter))},
                     {"decided by", letter->decide_actor},
                     {"decided", cell_time(&cli->arena, letter->decide_time)},
                 },
                 10);
    for (size_t i = 0; i < letter->n_units; i++) {
        record_print(cli->out,
                     (const char *const[][2]){{letter->units[i]->product_id,
                                               cell_int(&cli->arena, letter->units[i]->quantity)}},
                     1);
    }
    return CLI_OK;
}

static int decide(struct cli *cli, const char *method, const ProtobufCMessage *request)
{
    struct failure failure;
    ProtobufCMessage *response;
    if (cli_call(cli, SERVICE, method, request, &response, &failure) != STATUS_OK) {
        return cli_fail(cli, &failure);
    }
    return print_letter(cli, response);
}

static int show_letter(struct cli *cli, const void *values)
{
    (void)values;
    Shop__V1__GetDeadLetterRequest request = SHOP__V1__GET_DEAD_LETTER_REQUEST__INIT;
    request.dead_letter_id = cli_text(cli, cli->words[0]);
    return decide(cli, "GetDeadLetter", &request.base);
}

static int requeue_letter(struct cli *cli, const void *values)
{
    (void)values;
    Shop__V1__RequeueDeadLetterRequest request = SHOP__V1__REQUEUE_DEAD_LETTER_REQUEST__INIT;
    request.dead_letter_id = cli_text(cli, cli->words[0]);
    return decide(cli, "RequeueDeadLetter", &request.base);
}

static int discard_letter(struct cli *cli, const void *values)
{
    (void)values;
    Shop__V1__DiscardDeadLetterRequest request = SHOP__V1__DISCARD_DEAD_LETTER_REQUEST__INIT;
    request.dead_letter_id = cli_text(cli, cli->words[0]);
    return decide(cli, "DiscardDeadLetter", &request.base);
}

/* Orders that stand still, because a change before others never came. */
static void print_waiting(struct cli *cli, const Shop__V1__AuditResponse *found)
{
    static const struct table_column COLUMNS[] = {{"ORDER", TABLE_LEFT},
                                                  {"IS AT VERSION", TABLE_RIGHT},
                                                  {"WAITING FROM", TABLE_RIGHT},
                                                  {"CHANGES", TABLE_RIGHT},
                                                  {"SINCE", TABLE_LEFT}};
    struct table table;
    if (found->n_waiting_orders == 0) {
        return;
    }
    (void)fprintf(cli->out, "orders with changes that wait for one before them: %zu\n",
                  found->n_waiting_orders);
    table_init(&table, cli->out, COLUMNS, 5);
    for (size_t i = 0; i < found->n_waiting_orders; i++) {
        const Shop__V1__WaitingOrder *one = found->waiting_orders[i];
        const char *cells[] = {
            one->order_id,
            cell_int(&cli->arena, one->version),
            cell_int(&cli->arena, one->waiting_version),
            cell_int(&cli->arena, one->waiting_count),
            cell_ago(&cli->arena, one->waiting_since_time, clock_unix_us(cli->environment->clock)),
        };
        table_row(&table, cells);
    }
    table_fini(&table);
}

static void print_audit(struct cli *cli, const Shop__V1__AuditResponse *found)
{
    static const struct table_column COLUMNS[] = {{"PRODUCT", TABLE_LEFT},
                                                  {"WRONG", TABLE_LEFT},
                                                  {"EXPECTED", TABLE_RIGHT},
                                                  {"ACTUAL", TABLE_RIGHT}};
    struct table table;
    (void)fprintf(cli->out, "%" PRId64 " products, %" PRId64 " discrepancies%s\n", found->products,
                  found->discrepancy_count,
                  found->complete ? "" : "; orders are under way: too few may go unseen");
    print_waiting(cli, found);
    if (found->n_discrepancies == 0) {
        return;
    }
    table_init(&table, cli->out, COLUMNS, 4);
    for (size_t i = 0; i < found->n_discrepancies; i++) {
        const Shop__V1__Discrepancy *one = found->discrepancies[i];
        const char *cells[] = {
            one->product_id,
            cell_enum(&cli->arena, &shop__v1__discrepancy__kind__descriptor, (int)one->kind),
            cell_int(&cli->arena, one->expected),
            cell_int(&cli->arena, one->actual),
        };
        table_row(&table, cells);
    }
    table_fini(&table);
}

static int audit(struct cli *cli, const void *values)
{
    const struct audit_options *options = values;
    if (options->yes && !options->repair) {
        return cli_usage(cli, "--yes goes with --repair");
    }
    Shop__V1__AuditRequest request = SHOP__V1__AUDIT_REQUEST__INIT;
    struct failure failure;
    ProtobufCMessage *response;
    if (cli_call(cli, SERVICE, "Audit", &request.base, &response, &failure) != STATUS_OK) {
        return cli_fail(cli, &failure);
    }
    const Shop__V1__AuditResponse *found = (const Shop__V1__AuditResponse *)response;
    bool is_right = found->discrepancy_count == 0 && found->n_waiting_orders == 0;
    int code = is_right ? CLI_OK : CLI_REFUSED;
    if (cli->globals.output == CLI_JSON && !options->repair) {
        int printed = cli_print_json(cli, response);
        return printed != CLI_OK ? printed : code;
    }
    print_audit(cli, found);
    for (size_t i = 0; options->repair && i < found->n_discrepancies; i++) {
        const Shop__V1__Discrepancy *one = found->discrepancies[i];
        if (one->kind == SHOP__V1__DISCREPANCY__KIND__KIND_REDIS_TOO_LOW &&
            !repair(cli, one, options->yes, &code)) {
            return code;
        }
    }
    return code;
}

/* False: stop, with this exit code. */
static bool repair(struct cli *cli, const Shop__V1__Discrepancy *found, bool yes, int *code)
{
    Shop__V1__RepairStockRequest request = SHOP__V1__REPAIR_STOCK_REQUEST__INIT;
    struct failure failure;
    ProtobufCMessage *response;
    request.product_id = found->product_id;
    request.confirm = yes;
    if (cli_call(cli, SERVICE, "RepairStock", &request.base, &response, &failure) != STATUS_OK) {
        *code = cli_fail(cli, &failure);
        return false;
    }
    const Shop__V1__RepairStockResponse *done = (const Shop__V1__RepairStockResponse *)response;
    (void)fprintf(cli->out, "%s: %" PRId64 " units %s\n", done->product_id, done->units,
                  done->repaired ? "given back to Redis"
                                 : "would be given back to Redis; --yes does it");
    return true;
}

static int rebuild(struct cli *cli, const void *values)
{
    (void)values;
    Shop__V1__RebuildStockRequest request = SHOP__V1__REBUILD_STOCK_REQUEST__INIT;
    struct failure failure;
    ProtobufCMessage *response;
    if (cli_call(cli, SERVICE, "RebuildStock", &request.base, &response, &failure) != STATUS_OK) {
        return cli_fail(cli, &failure);
    }
    if (cli->globals.output == CLI_JSON) {
        return cli_print_json(cli, response);
    }
    const Shop__V1__RebuildStockResponse *done = (const Shop__V1__RebuildStockResponse *)response;
    (void)fprintf(cli->out,
                  "epoch %" PRId64 " has ended; `orderctl health` says when stock is open again\n",
                  done->epoch);
    return CLI_OK;
}
