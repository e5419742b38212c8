/* See query.h. */
#include "server/query.h"

#include "server/page_token.h"
#include "server/refusals.h"
#include "shop/order_codec.h"
#include "shop/rules.h"

#define PAGE_LINES_MAX 20000 /* of all events: some 20 bytes each, of a response's 1 MiB */

void query_each(struct shop_lane *lane, struct rpc_call **calls, size_t count,
                void (*answer)(struct shop_lane *lane, struct rpc_call *call))
{
    for (size_t i = 0; i < count; i++) {
        arena_reset(&lane->arena);
        answer(lane, calls[i]);
    }
}

void query_fail_all(struct rpc_call **calls, size_t count, const struct failure *failure)
{
    for (size_t i = 0; i < count; i++) {
        rpc_fail(calls[i], failure);
    }
}

void query_overloaded(struct rpc_call **calls, size_t count)
{
    struct failure failure;
    (void)refuse_overloaded(&failure);
    query_fail_all(calls, count, &failure);
}

void query_reply(struct rpc_call *call, const ProtobufCMessage *response)
{
    if (response == NULL) {
        query_overloaded(&call, 1);
        return;
    }
    rpc_reply(call, response);
}

bool query_fits(size_t *lines, size_t more)
{
    bool fits = *lines < PAGE_LINES_MAX;
    *lines += more;
    return fits;
}

int64_t query_deadline_ms(const struct shop_lane *lane, struct rpc_call *const *calls, size_t count)
{
    return shop_lane_deadline_ms(lane, calls, count, lane->options->postgres_timeout_ms);
}

enum status query_read_page(struct shop_lane *lane, struct rpc_call *call, const char *list,
                            struct query_page *page_out, struct failure *failure)
{
    struct page_request request = order_codec_page_request(rpc_call_request(call));
    enum status status = rules_page_size(request.page_size, &page_out->size, failure);
    page_out->after = "";
    if (status != STATUS_OK || request.page_token[0] == '\0') {
        return status;
    }
    struct bytes position, no_filter = {0};
    status = page_token_read(request.page_token, list, no_filter, &lane->arena, &position, failure);
    if (status != STATUS_OK) {
        return status;
    }
    char *after = arena_alloc(&lane->arena, position.size + 1);
    if (after == NULL) {
        return refuse_overloaded(failure);
    }
    memcpy(after, position.data, position.size);
    after[position.size] = '\0';
    page_out->after = after;
    return STATUS_OK;
}

enum status query_next_page(struct shop_lane *lane, const char *list, const char *last,
                            const char **token_out, struct failure *failure)
{
    *token_out = "";
    if (last == NULL) {
        return STATUS_OK;
    }
    struct bytes no_filter = {0};
    *token_out = page_token_make(list, no_filter, bytes_of_text(last), &lane->arena);
    return *token_out != NULL ? STATUS_OK : refuse_overloaded(failure);
}
