/* See ops_page.h. */
#include "http/ops_page.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define NAME_BYTES 128

static void append(struct ops_page *page, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

bool ops_page_init(struct ops_page *page, struct arena *arena)
{
    *page = (struct ops_page){.data = arena_alloc(arena, OPS_PAGE_BYTES_MAX),
                              .room = OPS_PAGE_BYTES_MAX};
    return page->data != NULL;
}

void ops_page_family(struct ops_page *page, const char *name, const char *type, const char *help)
{
    append(page, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void ops_page_int(struct ops_page *page, const char *name, const char *labels, int64_t value)
{
    const char *open = labels[0] != '\0' ? "{" : "", *close = labels[0] != '\0' ? "}" : "";
    append(page, "%s%s%s%s %" PRId64 "\n", name, open, labels, close, value);
}

void ops_page_seconds(struct ops_page *page, const char *name, const char *labels, int64_t us)
{
    const char *open = labels[0] != '\0' ? "{" : "", *close = labels[0] != '\0' ? "}" : "";
    append(page, "%s%s%s%s %.6f\n", name, open, labels, close, (double)us / 1e6);
}

void ops_page_histogram(struct ops_page *page, const char *name, const char *labels,
                        const struct ops_histogram *histogram)
{
    const char *comma = labels[0] != '\0' ? "," : "";
    char total[NAME_BYTES], count[NAME_BYTES];
    uint64_t below = 0;
    for (size_t i = 0; i < histogram->bound_count; i++) {
        below += histogram->counts[i];
        append(page, "%s_bucket{%s%sle=\"%.9g\"} %" PRIu64 "\n", name, labels, comma,
               (double)histogram->bounds_us[i] / 1e6, below);
    }
    below += histogram->counts[histogram->bound_count];
    append(page, "%s_bucket{%s%sle=\"+Inf\"} %" PRIu64 "\n", name, labels, comma, below);
    (void)snprintf(total, sizeof total, "%s_sum", name);
    (void)snprintf(count, sizeof count, "%s_count", name);
    ops_page_seconds(page, total, labels, (int64_t)histogram->sum_us);
    ops_page_int(page, count, labels, (int64_t)below);
}

void ops_page_gauge(struct ops_page *page, const char *name, const char *help, int64_t value)
{
    ops_page_family(page, name, "gauge", help);
    ops_page_int(page, name, "", value);
}

static void append(struct ops_page *page, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(page->data + page->size, page->room - page->size, format, arguments);
    va_end(arguments);
    if (size > 0 && (size_t)size < page->room - page->size) {
        page->size += (size_t)size;
    }
}
