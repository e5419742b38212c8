/* Product codec: requests and responses of shop.v1.ProductService <-> the domain's types.
 * Used by the server's command and query files. Everything lives in the arena given (strings of
 * requests are views into the decoded message, which shares the call's arena); NULL = arena full.
 * Not here: rules (rules.h, product_update.h). */
#pragma once

#include <protobuf-c/protobuf-c.h>

#include "shop/product_update.h"

struct product_request *product_codec_request(const ProtobufCMessage *message, struct arena *arena);
struct product_update *product_codec_update(const ProtobufCMessage *message, struct arena *arena);
bool product_codec_shows_deleted(const ProtobufCMessage *message); /* ListProducts */
/* DeleteProduct: the product_id. */
const char *product_codec_deletion(const ProtobufCMessage *message, const char **etag_out);
/* AdjustStock or SetStock. */
struct stock_adjustment *product_codec_adjustment(const ProtobufCMessage *message,
                                                  struct arena *arena);

ProtobufCMessage *product_codec_product(const struct product *product, struct arena *arena);
ProtobufCMessage *product_codec_list(const struct product *products, size_t count,
                                     const char *next_page_token, struct arena *arena);
ProtobufCMessage *product_codec_batch(const struct product *products, size_t count,
                                      const char *const *missing, size_t missing_count,
                                      struct arena *arena);
ProtobufCMessage *product_codec_stock(const struct stock *stock, struct arena *arena);
ProtobufCMessage *product_codec_stocks(const struct stock *stock, size_t count,
                                       const char *next_page_token, struct arena *arena);
ProtobufCMessage *product_codec_adjusted(const struct stock_adjustment *adjustment,
                                         enum durability durability, struct arena *arena);

ProtobufCMessage *product_codec_set(const struct stock_adjustment *adjustment,
                                    enum durability durability, struct arena *arena);

/* ListStockMovements: times 0 = not given. */
struct movements_request {
    const char *product_id;
    int32_t page_size;
    const char *page_token;
    int64_t start_us, end_us;
};
struct movements_request product_codec_movements_request(const ProtobufCMessage *message);
ProtobufCMessage *product_codec_movements(const struct stock_movement *movements, size_t count,
                                          const char *next_page_token, struct arena *arena);
const char *product_codec_explain_request(const ProtobufCMessage *message);
ProtobufCMessage *product_codec_explanation(const struct stock_explanation *explanation,
                                            struct arena *arena);

/* A shop.v1.Product on its own, for the cache. */
struct bytes product_codec_pack(const struct product *product, struct arena *arena);
enum status product_codec_unpack(struct bytes encoded, struct arena *arena,
                                 struct product **product_out, struct failure *failure);
