/* Limits of the domain, each with its reason. The contracts in proto/shop/v1 state the same
 * numbers; tests stand on both sides of each. */
#pragma once

#define SHOP_ID_BYTES_MAX    64      /* fits a UUID, a ULID, a hash in hex; keeps every key short */
#define SHOP_ORDER_LINES_MAX 2000    /* real wholesale invoices have over 1,100 */
#define SHOP_QUANTITY_MAX    1000000 /* a line of a million is a typing error or an attack */
#define SHOP_PRICE_MINOR_MAX 1000000000000LL /* ten billion units of any currency with cents */
#define SHOP_STOCK_MAX \
    1000000000LL /* times SHOP_ORDER_LINES_MAX still far below 2^53, Lua's integers */
#define SHOP_NAME_BYTES_MAX    200  /* what a shop page or a packing slip can show */
#define SHOP_REASON_BYTES_MAX  200  /* a sentence in the stock ledger */
#define SHOP_BATCH_GET_MAX     1000 /* one Redis pipeline, a reply below 1 MiB */
#define SHOP_BATCH_CREATE_MAX  1000 /* the same: with the lines below */
#define SHOP_BATCH_LINES_MAX   5000 /* lines of at most 90 bytes in the reply */
#define SHOP_PAGE_SIZE_DEFAULT 50
#define SHOP_PAGE_SIZE_MAX     1000
#define SHOP_FUTURE_MS_MAX     300000   /* clocks of callers may be five minutes ahead */
#define SHOP_HOLD_MS_MIN       10000    /* shorter than a payment takes, longer than a lost reply */
#define SHOP_HOLD_MS_MAX       14400000 /* four hours: what is held longer is sold */
#define SHOP_HOLD_MS_DEFAULT   900000   /* a quarter of an hour: what shops give a shopper */
#define SHOP_PAYMENT_BYTES_MAX 128      /* references of payment providers are up to 100 long */
#define SHOP_LIMIT_MAX         10000 /* units a customer: each order counted is 28 bytes of Redis */
#define SHOP_WINDOW_MS_MIN     1000
#define SHOP_WINDOW_MS_MAX     7776000000LL /* 90 days: what Redis keeps of who bought what */
