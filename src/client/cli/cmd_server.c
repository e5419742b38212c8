/* orderctl list, describe, stats: what a server offers and how it does, from what it says itself;
 * they work with any server of src/rpc. */
#include <inttypes.h>
#include <rpc/v1/admin.pb-c.h>
#include <rpc/v1/reflection.pb-c.h>

#include "client/cli/cells.h"
#include "client/cli/commands.h"
#include "client/cli/contract_text.h"
#include "client/cli/contracts.h"
#include "client/cli/schema.h"
#include "client/cli/table.h"
#include "client/cli/text.h"

#define NAME_BYTES_MAX 512 /* more than contract_text.h finds */

static int list_services(struct cli *cli, const void *values);
static int describe(struct cli *cli, const void *values);
static int describe_method(struct cli *cli, const Google__Protobuf__FileDescriptorSet *set);
static int show_stats(struct cli *cli, const void *values);
static enum status get_services(struct cli *cli, const Rpc__V1__ListServicesResponse **services_out,
                                struct failure *failure);
static void print_stats(struct cli *cli, const Rpc__V1__StatsResponse *stats);
static void print_methods(struct cli *cli, const Rpc__V1__StatsResponse *stats);
static uint64_t percentile(const Rpc__V1__MethodStats *method, unsigned percent);

const struct cli_command COMMAND_LIST = {
    .name = "list",
    .arguments = "[SERVICE]",
    .summary = "Lists the services of the server, or the methods of one.",
    .words_most = 1,
    .run = list_services,
};

const struct cli_command COMMAND_DESCRIBE = {
    .name = "describe",
    .arguments = "[NAME]",
    .summary = "Shows the contract of a service, method, message or enum, or of all services.",
    .details = "  orderctl describe shop.v1.OrderService\n"
               "  orderctl describe /shop.v1.OrderService/CreateOrder\n"
               "  orderctl describe shop.v1.Order.State\n\n"
               "The end of a method's name will do: orderctl describe CreateOrder.",
    .words_most = 1,
    .run = describe,
};

const struct cli_command COMMAND_STATS = {
    .name = "stats",
    .arguments = "",
    .summary = "Shows how the server's calls fare since its start.",
    .run = show_stats,
};

static int list_services(struct cli *cli, const void *values)
{
    (void)values;
    struct failure failure;
    const Rpc__V1__ListServicesResponse *services;
    if (cli->word_count == 1) {
        Google__Protobuf__FileDescriptorSet *set;
        if (cli_get_contracts(cli, &set, &failure) != STATUS_OK) {
            return cli_fail(cli, &failure);
        }
        if (!contract_print_methods(cli->out, set, cli->words[0])) {
            (void)failure_set(&failure, STATUS_NOT_FOUND, "SERVICE_NOT_FOUND",
                              "the server has no service %s", cli->words[0]);
            return cli_fail(cli, &failure);
        }
        return CLI_OK;
    }
    if (get_services(cli, &services, &failure) != STATUS_OK) {
        return cli_fail(cli, &failure);
    }
    if (cli->globals.output == CLI_JSON) {
        return cli_print_json(cli, &services->base);
    }
    for (size_t i = 0; i < services->n_services; i++) {
        text_disarm(services->services[i]);
        fprintf(cli->out, "%s\n", services->services[i]);
    }
    return CLI_OK;
}

static int describe(struct cli *cli, const void *values)
{
    (void)values;
    struct failure failure;
    Google__Protobuf__FileDescriptorSet *set;
    if (cli_get_contracts(cli, &set, &failure) != STATUS_OK) {
        return cli_fail(cli, &failure);
    }
    if (cli->word_count == 0) {
        contract_print_services(cli->out, set);
        return CLI_OK;
    }
    if (contract_print(cli->out, set, cli->words[0])) {
        return CLI_OK;
    }
    return describe_method(cli, set);
}

/* As `orderctl call` finds it: by the end of its name. */
static int describe_method(struct cli *cli, const Google__Protobuf__FileDescriptorSet *set)
{
    struct failure failure;
    const struct schema *schema;
    struct schema_method method;
    char name[NAME_BYTES_MAX];
    enum status status = schema_create(set, &cli->arena, &schema, &failure);
    if (status == STATUS_OK) {
        status = schema_find_method(schema, cli->words[0], &method, &failure);
    }
    if (status == STATUS_NOT_FOUND) {
        (void)failure_set(&failure, STATUS_NOT_FOUND, "NAME_NOT_FOUND",
                          "the server's contracts have no %s", cli->words[0]);
    }
    if (status != STATUS_OK) {
        return cli_fail(cli, &failure);
    }
    (void)snprintf(name, sizeof name, "%s.%s", method.service->name, method.method->name);
    (void)contract_print(cli->out, set, name);
    return CLI_OK;
}

static enum status get_services(struct cli *cli, const Rpc__V1__ListServicesResponse **services_out,
                                struct failure *failure)
{
    Rpc__V1__ListServicesRequest request = RPC__V1__LIST_SERVICES_REQUEST__INIT;
    ProtobufCMessage *response;
    enum status status = cli_call(cli, &rpc__v1__reflection__descriptor, "ListServices",
                                  &request.base, &response, failure);
    if (status == STATUS_OK) {
        *services_out = (const Rpc__V1__ListServicesResponse *)response;
    }
    return status;
}

static int show_stats(struct cli *cli, const void *values)
{
    (void)values;
    Rpc__V1__StatsRequest request = RPC__V1__STATS_REQUEST__INIT;
    struct failure failure;
    ProtobufCMessage *response;
    if (cli_call(cli, &rpc__v1__admin__descriptor, "Stats", &request.base, &response, &failure) !=
        STATUS_OK) {
        return cli_fail(cli, &failure);
    }
    if (cli->globals.output == CLI_JSON) {
        return cli_print_json(cli, response);
    }
    print_stats(cli, (const Rpc__V1__StatsResponse *)response);
    return CLI_OK;
}

static void print_stats(struct cli *cli, const Rpc__V1__StatsResponse *stats)
{
    struct arena *arena = &cli->arena;
    text_disarm(stats->server_id);
    fprintf(cli->out, "server   %s\nsince    %s\ninside   %" PRIu64 " of %" PRIu64 "\n\n",
            stats->server_id, cell_time(arena, stats->start_time), stats->inflight,
            stats->inflight_max);
    static const struct table_column LANES[] = {{"LANE", TABLE_LEFT},
                                                {"THREADS", TABLE_RIGHT},
                                                {"WAITING", TABLE_RIGHT},
                                                {"AT MOST", TABLE_RIGHT}};
    struct table table;
    table_init(&table, cli->out, LANES, 4);
    for (size_t i = 0; i < stats->n_lanes; i++) {
        const Rpc__V1__LaneStats *lane = stats->lanes[i];
        table_row(&table, (const char *const[]){lane->name, cell_int(arena, (int64_t)lane->threads),
                                                cell_int(arena, (int64_t)lane->waiting),
                                                cell_int(arena, (int64_t)lane->queue_max)});
    }
    table_fini(&table);
    fputs("\n", cli->out);
    print_methods(cli, stats);
}

/* Those that were called; durations in microseconds. */
static void print_methods(struct cli *cli, const Rpc__V1__StatsResponse *stats)
{
    static const struct table_column COLUMNS[] = {
        {"METHOD", TABLE_LEFT},  {"OK", TABLE_RIGHT},      {"FAILED", TABLE_RIGHT},
        {"INSIDE", TABLE_RIGHT}, {"MEAN US", TABLE_RIGHT}, {"P50", TABLE_RIGHT},
        {"P99", TABLE_RIGHT},    {"MAX", TABLE_RIGHT},     {"LAST ERROR", TABLE_LEFT}};
    struct arena *arena = &cli->arena;
    struct table table;
    table_init(&table, cli->out, COLUMNS, 9);
    for (size_t i = 0; i < stats->n_methods; i++) {
        const Rpc__V1__MethodStats *method = stats->methods[i];
        uint64_t good = 0, failed = 0;
        for (size_t at = 0; at < method->n_codes; at++) {
            *(method->codes[at]->code == STATUS_OK ? &good : &failed) += method->codes[at]->count;
        }
        if (good + failed + method->inflight == 0) {
            continue;
        }
        uint64_t mean_us = good + failed > 0 ? method->total_us / (good + failed) : 0;
        table_row(&table,
                  (const char *const[]){
                      method->method[0] != '\0' ? method->method : "(none of these)",
                      cell_int(arena, (int64_t)good), cell_int(arena, (int64_t)failed),
                      cell_int(arena, (int64_t)method->inflight), cell_int(arena, (int64_t)mean_us),
                      cell_int(arena, (int64_t)percentile(method, 50)),
                      cell_int(arena, (int64_t)percentile(method, 99)),
                      cell_int(arena, (int64_t)method->max_us),
                      method->last_error != NULL ? method->last_error->reason : ""});
    }
    table_fini(&table);
}

/* The upper edge of its bucket, never above the longest. */
static uint64_t percentile(const Rpc__V1__MethodStats *method, unsigned percent)
{
    uint64_t count = 0, below = 0;
    for (size_t i = 0; i < method->n_latencies; i++) {
        count += method->latencies[i]->count;
    }
    for (size_t i = 0; i < method->n_latencies; i++) {
        below += method->latencies[i]->count;
        if (below * 100 >= count * percent) {
            uint64_t upper_us = method->latencies[i]->upper_us;
            return upper_us < method->max_us ? upper_us : method->max_us;
        }
    }
    return 0;
}
