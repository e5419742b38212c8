/* See follow_order_events.h. */
#include "server/follow_order_events.h"

#include <shop/v1/order_service.pb-c.h>

#include "server/order_reader.h"
#include "server/query.h"
#include "server/refusals.h"
#include "shop/order_event_codec.h"
#include "shop/rules.h"

static void follow(struct shop_lane *lane, struct rpc_call *call);
static enum status read_page(struct shop_lane *lane, struct rpc_call *call,
                             const struct feed_position *after, int32_t most,
                             ProtobufCMessage **response_out, struct failure *failure);
static size_t count_that_fits(const struct followed_event *events, size_t count, size_t most);
static enum status find_end(struct shop_lane *lane, struct rpc_call *call,
                            ProtobufCMessage **response_out, struct failure *failure);

void follow_order_events(void *state, struct rpc_call **calls, size_t count)
{
    query_each(state, calls, count, follow);
}

static void follow(struct shop_lane *lane, struct rpc_call *call)
{
    const Shop__V1__FollowOrderEventsRequest *request = (const void *)rpc_call_request(call);
    struct feed_position after;
    struct failure failure;
    int32_t most;
    ProtobufCMessage *response = NULL;
    enum status status = rules_page_size(request->page_size, &most, &failure);
    if (status == STATUS_OK && request->cursor[0] == '\0') {
        status = find_end(lane, call, &response, &failure);
    } else if (status == STATUS_OK && !feed_position_parse(request->cursor, &after)) {
        status =
            failure_set_field(&failure, "cursor", "BAD_CURSOR", "a cursor comes from an answer");
    } else if (status == STATUS_OK) {
        status = read_page(lane, call, &after, most, &response, &failure);
    }
    if (status != STATUS_OK) {
        rpc_fail(call, &failure);
        return;
    }
    query_reply(call, response);
}

static enum status read_page(struct shop_lane *lane, struct rpc_call *call,
                             const struct feed_position *after, int32_t most,
                             ProtobufCMessage **response_out, struct failure *failure)
{
    struct followed_event *events;
    size_t count;
    bool is_kept;
    struct failure cause;
    if (order_reader_follow(lane->postgres, after, most + 1, &lane->arena,
                            query_deadline_ms(lane, &call, 1), &events, &count, &is_kept,
                            &cause) != STATUS_OK) {
        return shop_lane_blame(lane, &lane->postgres_outage, &cause, failure);
    }
    if (!is_kept) {
        return failure_set(failure, STATUS_OUT_OF_RANGE, "CURSOR_EXPIRED",
                           "what came after this cursor is no longer kept: begin without one");
    }
    size_t fits = count_that_fits(events, count, (size_t)most);
    bool has_more = fits < count;
    count = fits;
    const char *cursor =
        count > 0 ? events[count - 1].cursor : feed_position_print(after, &lane->arena);
    *response_out = cursor == NULL
                        ? NULL
                        : order_event_codec_followed(events, count, cursor, has_more, &lane->arena);
    return STATUS_OK;
}

static size_t count_that_fits(const struct followed_event *events, size_t count, size_t most)
{
    size_t fits = 0, lines = 0;
    while (fits < count && fits < most && query_fits(&lines, events[fits].event.line_count)) {
        fits++;
    }
    return fits;
}

static enum status find_end(struct shop_lane *lane, struct rpc_call *call,
                            ProtobufCMessage **response_out, struct failure *failure)
{
    struct feed_position end;
    struct failure cause;
    if (order_reader_feed_end(lane->postgres, query_deadline_ms(lane, &call, 1), &end, &cause) !=
        STATUS_OK) {
        return shop_lane_blame(lane, &lane->postgres_outage, &cause, failure);
    }
    const char *cursor = feed_position_print(&end, &lane->arena);
    *response_out =
        cursor == NULL ? NULL : order_event_codec_followed(NULL, 0, cursor, false, &lane->arena);
    return STATUS_OK;
}
