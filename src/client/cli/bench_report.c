/* See bench_report.h. */
#include "client/cli/bench_report.h"

#include <inttypes.h>

#include "client/cli/json_line.h"
#include "client/cli/table.h"

static const struct {
    const char *name;
    double percent;
} PERCENTILES[] = {{"p50", 50}, {"p90", 90}, {"p99", 99}, {"p99.9", 99.9}};

#define PERCENTILE_COUNT (sizeof(PERCENTILES) / sizeof(PERCENTILES[0]))

static void print_json(FILE *out, const struct bench_run *run);
static void print_table(FILE *out, const struct bench_run *run);
static void print_latency(FILE *out, const struct histogram *histogram);
static double per_second(uint64_t count, double seconds);

void bench_report(struct cli *cli, const struct bench_run *run)
{
    if (cli->globals.output == CLI_JSON) {
        print_json(cli->out, run);
    } else {
        print_table(cli->out, run);
    }
}

static void print_json(FILE *out, const struct bench_run *run)
{
    const struct bench_result *result = run->result;
    struct json_line line;
    json_line_begin(&line, out);
    json_line_text(&line, "method", run->method);
    json_line_count(&line, "outstanding", (uint64_t)run->outstanding);
    json_line_count(&line, "connections", (uint64_t)run->connections);
    json_line_count(&line, "rate", (uint64_t)run->rate);
    json_line_real(&line, "seconds", result->seconds);
    json_line_count(&line, "succeeded", result->succeeded);
    json_line_count(&line, "failed", result->failed);
    json_line_real(&line, "callsPerSecond", per_second(result->succeeded, result->seconds));
    if (run->batch > 0) {
        json_line_count(&line, "batch", (uint64_t)run->batch);
        json_line_real(&line, "ordersPerSecond", per_second(result->done, result->seconds));
    }
    json_line_open(&line, "latencyUs");
    json_line_real(&line, "mean", histogram_mean(&result->latency_us));
    for (size_t i = 0; i < PERCENTILE_COUNT; i++) {
        json_line_count(&line, PERCENTILES[i].name,
                        histogram_percentile(&result->latency_us, PERCENTILES[i].percent));
    }
    json_line_count(&line, "max", result->latency_us.most);
    json_line_close(&line);
    json_line_open(&line, "errors");
    for (size_t i = 0; i < result->error_count; i++) {
        json_line_count(&line, result->errors[i].reason, result->errors[i].count);
    }
    json_line_close(&line);
    if (run->waited) {
        json_line_count(&line, "accepted", result->accepted);
        json_line_bool(&line, "persisted", run->persisted);
        json_line_real(&line, "persistedSeconds", run->persisted_seconds);
        json_line_real(&line, "persistedPerSecond",
                       run->persisted ? per_second(result->accepted, run->persisted_seconds) : 0);
    }
    json_line_end(&line);
}

static void print_table(FILE *out, const struct bench_run *run)
{
    const struct bench_result *result = run->result;
    if (run->rate > 0) {
        fprintf(out, "%s: open loop, %" PRId64 " a second", run->method, run->rate);
    } else {
        fprintf(out, "%s: closed loop, %" PRId64 " outstanding", run->method, run->outstanding);
    }
    fprintf(out, ", %" PRId64 " connection%s\n", run->connections,
            run->connections == 1 ? "" : "s");
    fprintf(out, "  %" PRIu64 " calls in %.1f s: %.0f a second; %" PRIu64 " failed\n",
            result->succeeded, result->seconds, per_second(result->succeeded, result->seconds),
            result->failed);
    if (run->batch > 0) {
        fprintf(out, "  %" PRIu64 " orders, up to %" PRId64 " a call: %.0f a second\n",
                result->done, run->batch, per_second(result->done, result->seconds));
    }
    print_latency(out, &result->latency_us);
    for (size_t i = 0; i < result->error_count; i++) {
        fprintf(out, "  %s: %" PRIu64 "\n", result->errors[i].reason, result->errors[i].count);
    }
    if (run->waited && run->persisted) {
        fprintf(out, "  %" PRIu64 " orders accepted and persisted in %.1f s: %.0f a second\n",
                result->accepted, run->persisted_seconds,
                per_second(result->accepted, run->persisted_seconds));
    } else if (run->waited) {
        fprintf(out, "  %" PRIu64 " orders accepted, not all persisted after %.1f s\n",
                result->accepted, run->persisted_seconds);
    }
}

static void print_latency(FILE *out, const struct histogram *histogram)
{
    fputs("  latency ms:", out);
    for (size_t i = 0; i < PERCENTILE_COUNT; i++) {
        fprintf(out, "  %s %.2f", PERCENTILES[i].name,
                (double)histogram_percentile(histogram, PERCENTILES[i].percent) / 1000);
    }
    fprintf(out, "  max %.2f\n", (double)histogram->most / 1000);
}

static double per_second(uint64_t count, double seconds)
{
    return seconds > 0 ? (double)count / seconds : 0;
}
