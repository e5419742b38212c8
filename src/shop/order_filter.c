/* See order_codec.h: what ListOrders is asked for. */
#include <shop/v1/order_service.pb-c.h>

#include "rpc/message.h"
#include "shop/message_parts.h"
#include "shop/order_codec.h"
#include "shop/rules.h"

/* 0001-01-01 and the first moment after the year 9999: before and behind every time there is. */
#define FIRST_TIME_US (-62135596800LL * 1000000)
#define END_TIME_US   (253402300800LL * 1000000)

static enum status read_states(const Shop__V1__ListOrdersRequest *from, uint32_t *states_out,
                               struct failure *failure);
static enum status read_range(const char *field, const Google__Protobuf__Timestamp *from,
                              const Google__Protobuf__Timestamp *to, int64_t *from_us_out,
                              int64_t *to_us_out, struct failure *failure);

enum status order_codec_filter(const ProtobufCMessage *message, struct arena *arena,
                               struct order_filter *filter_out, struct bytes *bytes_out,
                               struct failure *failure)
{
    Shop__V1__ListOrdersRequest asked = *(const Shop__V1__ListOrdersRequest *)message;
    struct order_filter filter = {.customer_id = asked.customer_id, .product_id = asked.product_id};
    enum status status = STATUS_OK;
    if (asked.customer_id[0] != '\0') {
        status = rules_check_id("customer_id", asked.customer_id, failure);
    }
    if (status == STATUS_OK && asked.product_id[0] != '\0') {
        status = rules_check_id("product_id", asked.product_id, failure);
    }
    if (status == STATUS_OK) {
        status = read_states(&asked, &filter.states, failure);
    }
    if (status == STATUS_OK) {
        status = read_range("create_time_to", asked.create_time_from, asked.create_time_to,
                            &filter.create_from_us, &filter.create_to_us, failure);
    }
    if (status == STATUS_OK) {
        status = read_range("placed_time_to", asked.placed_time_from, asked.placed_time_to,
                            &filter.placed_from_us, &filter.placed_to_us, failure);
    }
    if (status != STATUS_OK) {
        return status;
    }
    asked.page_size = 0;
    asked.page_token = parts_text("");
    *bytes_out = message_encode(&asked.base, arena);
    *filter_out = filter;
    return bytes_out->data != NULL || bytes_out->size == 0
               ? STATUS_OK
               : failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "OVERLOADED", "no memory is left");
}

static enum status read_states(const Shop__V1__ListOrdersRequest *from, uint32_t *states_out,
                               struct failure *failure)
{
    *states_out = from->n_states == 0 ? UINT32_MAX : 0;
    for (size_t i = 0; i < from->n_states; i++) {
        int state = (int)from->states[i];
        if (state < ORDER_PENDING || state > ORDER_REJECTED) {
            return failure_set_field(failure, "states", "BAD_FILTER", "there is no state %d",
                                     state);
        }
        *states_out |= UINT32_C(1) << state;
    }
    return STATUS_OK;
}

static enum status read_range(const char *field, const Google__Protobuf__Timestamp *from,
                              const Google__Protobuf__Timestamp *to, int64_t *from_us_out,
                              int64_t *to_us_out, struct failure *failure)
{
    *from_us_out = from != NULL ? parts_unix_us(from) : FIRST_TIME_US;
    *to_us_out = to != NULL ? parts_unix_us(to) : END_TIME_US;
    if (*from_us_out >= *to_us_out || *from_us_out < FIRST_TIME_US || *to_us_out > END_TIME_US) {
        return failure_set_field(failure, field, "BAD_FILTER",
                                 "a time range ends after it begins, in the years 1 to 9999");
    }
    return STATUS_OK;
}
