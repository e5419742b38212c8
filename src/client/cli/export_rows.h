/* Export rows: an order as lines of a file. */
#pragma once

#include <shop/v1/order.pb-c.h>

#include "client/cli/cli.h"

enum export_format {
    EXPORT_CSV,   /* a row for each line of the order; the heading is export_heading() */
    EXPORT_JSONL, /* proto3 JSON of the order on one line */
};

void export_heading(FILE *out, enum export_format format);
/* Returns an exit code; a full disk is noticed by whoever flushes. */
int export_row(struct cli *cli, FILE *out, enum export_format format, const Shop__V1__Order *order);
