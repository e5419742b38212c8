/* See product_rules.h. */
#include "client/cli/product_rules.h"

#include <assert.h>

#include "client/cli/options.h"
#include "json/timestamp.h"

static bool read_numbers(struct cli *cli, const struct product_rule_options *options,
                         Shop__V1__Product *product, struct product_rules *rules, int *code_out);
static bool read_times(struct cli *cli, const struct product_rule_options *options,
                       Shop__V1__Product *product, struct product_rules *rules, int *code_out);
static void read_window(const struct product_rule_options *options, Shop__V1__Product *product,
                        struct product_rules *rules);

static void name_field(struct product_rules *rules, const char *field)
{
    assert(rules->field_count < PRODUCT_RULES_MAX);
    rules->fields[rules->field_count++] = field;
}

bool product_rules_read(struct cli *cli, const struct product_rule_options *options,
                        Shop__V1__Product *product, struct product_rules *rules_out, int *code_out)
{
    rules_out->field_count = 0;
    if (!read_numbers(cli, options, product, rules_out, code_out) ||
        !read_times(cli, options, product, rules_out, code_out)) {
        return false;
    }
    read_window(options, product, rules_out);
    return true;
}

/* Out of range is the server's to refuse, as long as it fits. */
static bool read_number(struct cli *cli, const char *option, const char *text, int64_t most,
                        int64_t *number_out, int *code_out)
{
    if (!options_parse_int(text, number_out) || *number_out < 0 || *number_out > most) {
        *code_out =
            cli_usage(cli, "--%s: '%s' is no number of 0 to %lld", option, text, (long long)most);
        return false;
    }
    return true;
}

static bool read_numbers(struct cli *cli, const struct product_rule_options *options,
                         Shop__V1__Product *product, struct product_rules *rules, int *code_out)
{
    const struct {
        const char *text, *option, *field;
        int32_t *small;
        int64_t *large;
    } numbers[] = {
        {options->max_per_order, "max-per-order", "max_per_order", &product->max_per_order, NULL},
        {options->max_per_customer, "max-per-customer", "max_per_customer",
         &product->max_per_customer, NULL},
        {options->safety_stock, "safety-stock", "safety_stock", NULL, &product->safety_stock},
        {options->low_stock, "low-stock", "low_stock_threshold", NULL,
         &product->low_stock_threshold},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        int64_t number;
        if (numbers[i].text == NULL) {
            continue;
        }
        int64_t most = numbers[i].small != NULL ? INT32_MAX : INT64_MAX;
        if (!read_number(cli, numbers[i].option, numbers[i].text, most, &number, code_out)) {
            return false;
        }
        if (numbers[i].small != NULL) {
            *numbers[i].small = (int32_t)number;
        } else {
            *numbers[i].large = number;
        }
        name_field(rules, numbers[i].field);
    }
    return true;
}

static bool read_time(struct cli *cli, const char *option, const char *text,
                      Google__Protobuf__Timestamp *time, int *code_out)
{
    google__protobuf__timestamp__init(time);
    if (!timestamp_parse_written(text, &time->seconds, &time->nanos)) {
        *code_out =
            cli_usage(cli, "--%s: '%s' is no time such as 2026-12-01T08:00:00Z", option, text);
        return false;
    }
    return true;
}

static bool read_times(struct cli *cli, const struct product_rule_options *options,
                       Shop__V1__Product *product, struct product_rules *rules, int *code_out)
{
    const struct {
        const char *text, *option, *field;
        Google__Protobuf__Timestamp *time, **set;
    } times[] = {
        {options->sale_start, "sale-start", "sale_start_time", &rules->start,
         &product->sale_start_time},
        {options->sale_end, "sale-end", "sale_end_time", &rules->end, &product->sale_end_time},
    };
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        if (times[i].text == NULL) {
            continue;
        }
        name_field(rules, times[i].field);
        if (times[i].text[0] == '\0') {
            continue;
        }
        if (!read_time(cli, times[i].option, times[i].text, times[i].time, code_out)) {
            return false;
        }
        *times[i].set = times[i].time;
    }
    return true;
}

static void read_window(const struct product_rule_options *options, Shop__V1__Product *product,
                        struct product_rules *rules)
{
    if (options->limit_window_ms == 0) {
        return;
    }
    google__protobuf__duration__init(&rules->window);
    rules->window.seconds = options->limit_window_ms / 1000;
    rules->window.nanos = (int32_t)(options->limit_window_ms % 1000) * 1000000;
    product->limit_window = &rules->window;
    name_field(rules, "limit_window");
}
