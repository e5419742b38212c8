/* See event_codec.h. The batch frame (field 1, length-delimited) is read and written by hand: that
 * is what keeps one bad event from spoiling its neighbours, and joining from decoding. */
#include "shop/event_codec.h"

#include <shop/v1/events.pb-c.h>
#include <string.h>

#include "rpc/message.h"
#include "shop/lifecycle.h"
#include "shop/message_parts.h"
#include "shop/rules.h"

#define BATCH_TAG 0x0a /* field 1, wire type 2 */

static bool fill_created(const struct event *event, Shop__V1__OrderCreated *created,
                         struct arena *arena);
static void fill_adjusted(const struct event *event, Shop__V1__StockAdjusted *adjusted,
                          struct arena *arena);
static bool fill_changed(const struct event *event, Shop__V1__OrderChanged *changed,
                         struct arena *arena);
static const char *peek_changed(struct bytes changed);
static enum status read_change(const Shop__V1__Event *message, struct arena *arena,
                               struct event *event, struct failure *failure);
static enum status read_created(const Shop__V1__OrderCreated *created, struct arena *arena,
                                struct event *event, struct failure *failure);
static enum status read_adjusted(const Shop__V1__StockAdjusted *adjusted, struct event *event,
                                 struct failure *failure);
static enum status read_changed(const Shop__V1__OrderChanged *changed, struct arena *arena,
                                struct event *event, struct failure *failure);
static size_t put_varint(uint8_t *out, size_t value);
static bool take_varint(struct bytes *from, uint64_t *value_out);
static bool take_field(struct bytes *from, uint64_t *tag_out, struct bytes *content_out);
static bool take_frame(struct bytes *from, struct bytes *event_out);

struct bytes event_codec_encode(const struct event *event, struct arena *arena)
{
    Shop__V1__Event message = SHOP__V1__EVENT__INIT;
    Shop__V1__OrderCreated created = SHOP__V1__ORDER_CREATED__INIT;
    Shop__V1__StockAdjusted adjusted = SHOP__V1__STOCK_ADJUSTED__INIT;
    Shop__V1__OrderChanged changed = SHOP__V1__ORDER_CHANGED__INIT;
    message.event_id = parts_uuid(&event->event_id, arena);
    message.event_time = parts_time(event->event_time_us, arena);
    message.epoch = event->epoch;
    message.actor = parts_text(event->actor);
    message.call_id = parts_text(event->call_id);
    message.restored = event->restored;
    switch (event->kind) {
    case EVENT_ORDER_CREATED:
        message.change_case = SHOP__V1__EVENT__CHANGE_ORDER_CREATED;
        message.order_created = &created;
        if (!fill_created(event, &created, arena)) {
            return (struct bytes){0};
        }
        break;
    case EVENT_STOCK_ADJUSTED:
        message.change_case = SHOP__V1__EVENT__CHANGE_STOCK_ADJUSTED;
        message.stock_adjusted = &adjusted;
        fill_adjusted(event, &adjusted, arena);
        break;
    case EVENT_ORDER_CONFIRMED:
    case EVENT_ORDER_CANCELLED:
    case EVENT_ORDER_EXPIRED:
    case EVENT_ORDER_FULFILLED:
        message.change_case = SHOP__V1__EVENT__CHANGE_ORDER_CHANGED;
        message.order_changed = &changed;
        if (!fill_changed(event, &changed, arena)) {
            return (struct bytes){0};
        }
        break;
    }
    if (message.event_id == NULL || message.event_time == NULL) {
        return (struct bytes){0};
    }
    return message_encode(&message.base, arena);
}

static ProtobufCBinaryData hash_field(const struct event *event)
{
    return (ProtobufCBinaryData){
        .len = sizeof event->request_hash,
        .data = (uint8_t *)(uintptr_t)event->request_hash,
    };
}

static bool fill_created(const struct event *event, Shop__V1__OrderCreated *created,
                         struct arena *arena)
{
    created->version = event->order.version;
    created->order = parts_order(&event->order, arena);
    created->request_hash = hash_field(event);
    return created->order != NULL;
}

static void fill_adjusted(const struct event *event, Shop__V1__StockAdjusted *adjusted,
                          struct arena *arena)
{
    adjusted->adjustment_id = parts_uuid(&event->adjustment.adjustment_id, arena);
    adjusted->product_id = parts_text(event->adjustment.product_id);
    adjusted->delta = event->adjustment.delta;
    adjusted->reason = parts_text(event->adjustment.reason);
    adjusted->reference = parts_text(event->adjustment.reference);
    adjusted->request_hash = hash_field(event);
}

static bool fill_changed(const struct event *event, Shop__V1__OrderChanged *changed,
                         struct arena *arena)
{
    const struct order_change *change = &event->change;
    changed->kind = (Shop__V1__OrderChanged__Kind)change->verb;
    changed->order_id = parts_uuid(&event->order.order_id, arena);
    changed->version = change->version;
    changed->customer_id = parts_text(event->order.customer_id);
    changed->from_state = (Shop__V1__Order__State)change->from_state;
    changed->to_state = (Shop__V1__Order__State)change->to_state;
    changed->write_off = change->write_off;
    changed->reacquired = change->reacquired;
    changed->reason = parts_text(change->reason);
    changed->n_lines = change->line_count;
    changed->lines = arena_alloc(arena, change->line_count * sizeof *changed->lines);
    Shop__V1__LineChange *line = arena_alloc(arena, change->line_count * sizeof *line);
    if (changed->order_id == NULL || changed->lines == NULL || line == NULL) {
        return false;
    }
    for (size_t i = 0; i < change->line_count; i++, line++) {
        shop__v1__line_change__init(line);
        line->line_number = change->lines[i].line_number;
        line->quantity = change->lines[i].quantity;
        line->product_id = parts_text(change->lines[i].product_id);
        changed->lines[i] = line;
    }
    return true;
}

const char *event_codec_routing_key(enum event_kind kind)
{
    static const char *const keys[] = {
        [EVENT_ORDER_CREATED] = "order.created",     [EVENT_STOCK_ADJUSTED] = "stock.adjusted",
        [EVENT_ORDER_CONFIRMED] = "order.confirmed", [EVENT_ORDER_CANCELLED] = "order.cancelled",
        [EVENT_ORDER_EXPIRED] = "order.expired",     [EVENT_ORDER_FULFILLED] = "order.fulfilled",
    };
    return keys[kind];
}

enum event_kind event_codec_kind_of_verb(enum order_verb verb)
{
    switch (verb) {
    case ORDER_CONFIRM:
        return EVENT_ORDER_CONFIRMED;
    case ORDER_CANCEL:
        return EVENT_ORDER_CANCELLED;
    case ORDER_FULFIL:
        return EVENT_ORDER_FULFILLED;
    case ORDER_EXPIRE:
        return EVENT_ORDER_EXPIRED;
    }
    return EVENT_ORDER_CREATED;
}

/* Walks the top level only: the change is the field whose number says the kind. */
const char *event_codec_peek_routing_key(struct bytes encoded)
{
    const char *key = NULL;
    while (encoded.size > 0) {
        uint64_t tag;
        struct bytes field;
        if (!take_field(&encoded, &tag, &field)) {
            return NULL;
        }
        if (tag >> 3 == SHOP__V1__EVENT__CHANGE_ORDER_CREATED) {
            key = event_codec_routing_key(EVENT_ORDER_CREATED);
        } else if (tag >> 3 == SHOP__V1__EVENT__CHANGE_STOCK_ADJUSTED) {
            key = event_codec_routing_key(EVENT_STOCK_ADJUSTED);
        } else if (tag >> 3 == SHOP__V1__EVENT__CHANGE_ORDER_CHANGED) {
            key = peek_changed(field);
        }
    }
    return key;
}

/* The kind is the first field, and fields are written in order. */
static const char *peek_changed(struct bytes changed)
{
    uint64_t tag;
    uint64_t kind;
    if (!take_varint(&changed, &tag) || tag != 0x08 || !take_varint(&changed, &kind) ||
        kind < ORDER_CONFIRM || kind > ORDER_FULFIL) {
        return NULL;
    }
    return event_codec_routing_key(event_codec_kind_of_verb((enum order_verb)kind));
}

struct bytes event_codec_join(const struct bytes *events, size_t count, struct arena *arena)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        size += 11 + events[i].size; /* tag, a length of at most 10 bytes */
    }
    uint8_t *data = arena_alloc(arena, size);
    if (data == NULL) {
        return (struct bytes){0};
    }
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        data[used++] = BATCH_TAG;
        used += put_varint(data + used, events[i].size);
        if (events[i].size > 0) { /* an empty one may have no memory at all */
            memcpy(data + used, events[i].data, events[i].size);
        }
        used += events[i].size;
    }
    return bytes_of(data, used);
}

enum status event_codec_split(struct bytes batch, struct arena *arena, struct bytes **events_out,
                              size_t *count_out, struct failure *failure)
{
    size_t count = 0;
    struct bytes event;
    for (struct bytes rest = batch; rest.size > 0; count++) {
        if (!take_frame(&rest, &event)) {
            return failure_set(failure, STATUS_INVALID_ARGUMENT, "MALFORMED_EVENT",
                               "the message is no EventBatch");
        }
    }
    struct bytes *events = arena_alloc(arena, count * sizeof *events);
    if (events == NULL) {
        return failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "MESSAGE_TOO_COMPLEX",
                           "%zu events do not fit the arena", count);
    }
    struct bytes rest = batch;
    for (size_t i = 0; i < count; i++) {
        (void)take_frame(&rest, &events[i]);
    }
    *events_out = events;
    *count_out = count;
    return STATUS_OK;
}

/* Any field, also of a kind that a later version's event may have; `content` of length-delimited
 * ones. */
static bool take_field(struct bytes *from, uint64_t *tag_out, struct bytes *content_out)
{
    enum { VARINT = 0, FIXED64 = 1, DELIMITED = 2, FIXED32 = 5 };
    uint64_t size = 0;
    if (!take_varint(from, tag_out)) {
        return false;
    }
    unsigned type = *tag_out & 7;
    bool has_varint = type == VARINT || type == DELIMITED;
    if (has_varint ? !take_varint(from, &size) : type != FIXED64 && type != FIXED32) {
        return false;
    }
    size = type == VARINT ? 0 : type == FIXED64 ? 8 : type == FIXED32 ? 4 : size;
    if (size > from->size) {
        return false;
    }
    *content_out = bytes_of(from->data, (size_t)size);
    *from = bytes_of(from->data + size, from->size - (size_t)size);
    return true;
}

static bool take_frame(struct bytes *from, struct bytes *event_out)
{
    uint64_t tag;
    uint64_t length;
    if (!take_varint(from, &tag) || tag != BATCH_TAG || !take_varint(from, &length) ||
        length > from->size) {
        return false;
    }
    *event_out = bytes_of(from->data, (size_t)length);
    *from = bytes_of(from->data + length, from->size - (size_t)length);
    return true;
}

/* What stands behind a message is merged into it (protobuf.dev, encoding, "Last One Wins"). */
struct bytes event_codec_restore(struct bytes encoded, struct arena *arena)
{
    Shop__V1__Event more = SHOP__V1__EVENT__INIT;
    more.restored = true;
    size_t size = shop__v1__event__get_packed_size(&more);
    uint8_t *restored = arena_alloc(arena, encoded.size + size);
    if (restored == NULL) {
        return (struct bytes){0};
    }
    memcpy(restored, encoded.data, encoded.size);
    (void)shop__v1__event__pack(&more, restored + encoded.size);
    return bytes_of(restored, encoded.size + size);
}

enum status event_codec_decode(struct bytes encoded, struct arena *arena, struct event **event_out,
                               struct failure *failure)
{
    ProtobufCMessage *decoded;
    enum status status =
        message_decode(&shop__v1__event__descriptor, encoded, arena, &decoded, failure);
    if (status != STATUS_OK) {
        return status;
    }
    const Shop__V1__Event *message = (const Shop__V1__Event *)decoded;
    struct event *event = arena_calloc(arena, 1, sizeof *event);
    if (event == NULL) {
        return failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "MESSAGE_TOO_COMPLEX",
                           "an event does not fit its arena");
    }
    event->event_time_us = parts_unix_us(message->event_time);
    event->epoch = message->epoch;
    event->actor = message->actor;
    event->call_id = message->call_id;
    event->restored = message->restored;
    event->encoded = encoded;
    if (!uuid_parse(message->event_id, &event->event_id) || event->event_time_us == INT64_MAX) {
        return failure_set_field(failure, "event_id", "MALFORMED_EVENT",
                                 "event_id is no UUID, or event_time no time");
    }
    status = read_change(message, arena, event, failure);
    if (status == STATUS_OK) {
        *event_out = event;
    }
    return status;
}

static enum status read_change(const Shop__V1__Event *message, struct arena *arena,
                               struct event *event, struct failure *failure)
{
    switch (message->change_case) {
    case SHOP__V1__EVENT__CHANGE_ORDER_CREATED:
        event->kind = EVENT_ORDER_CREATED;
        return read_created(message->order_created, arena, event, failure);
    case SHOP__V1__EVENT__CHANGE_STOCK_ADJUSTED:
        event->kind = EVENT_STOCK_ADJUSTED;
        return read_adjusted(message->stock_adjusted, event, failure);
    case SHOP__V1__EVENT__CHANGE_ORDER_CHANGED:
        return read_changed(message->order_changed, arena, event, failure);
    default:
        return failure_set(failure, STATUS_INVALID_ARGUMENT, "UNKNOWN_EVENT",
                           "the event carries no change that this version knows");
    }
}

static enum status read_hash(const ProtobufCBinaryData *hash, struct event *event,
                             struct failure *failure)
{
    if (hash->len != sizeof event->request_hash) {
        return failure_set_field(failure, "request_hash", "MALFORMED_EVENT",
                                 "request_hash must be %zu bytes", sizeof event->request_hash);
    }
    memcpy(event->request_hash, hash->data, sizeof event->request_hash);
    return STATUS_OK;
}

static enum status read_created(const Shop__V1__OrderCreated *created, struct arena *arena,
                                struct event *event, struct failure *failure)
{
    if (created->order == NULL || created->version != 1) {
        return failure_set_field(failure, "order", "MALFORMED_EVENT",
                                 "a created order has version 1 and an order");
    }
    enum status status = read_hash(&created->request_hash, event, failure);
    if (status == STATUS_OK) {
        status = parts_read_order(created->order, arena, &event->order, failure);
    }
    event->order.version = created->version;
    return status == STATUS_OK ? rules_check_event_order(&event->order, failure) : status;
}

static enum status read_adjusted(const Shop__V1__StockAdjusted *adjusted, struct event *event,
                                 struct failure *failure)
{
    event->adjustment = (struct stock_adjustment){
        .request_id = adjusted->adjustment_id,
        .product_id = adjusted->product_id,
        .delta = adjusted->delta,
        .reason = adjusted->reason,
        .reference = adjusted->reference,
    };
    if (!uuid_parse(adjusted->adjustment_id, &event->adjustment.adjustment_id)) {
        return failure_set_field(failure, "adjustment_id", "MALFORMED_EVENT", "not a UUID");
    }
    enum status status = read_hash(&adjusted->request_hash, event, failure);
    return status == STATUS_OK ? rules_check_adjustment(&event->adjustment, failure) : status;
}

static enum status read_changed(const Shop__V1__OrderChanged *changed, struct arena *arena,
                                struct event *event, struct failure *failure)
{
    if (changed->kind < SHOP__V1__ORDER_CHANGED__KIND__KIND_CONFIRMED ||
        changed->kind > SHOP__V1__ORDER_CHANGED__KIND__KIND_FULFILLED) {
        return failure_set(failure, STATUS_INVALID_ARGUMENT, "UNKNOWN_EVENT",
                           "a change of an order that this version does not know");
    }
    struct order_change *change = &event->change;
    *change = (struct order_change){
        .verb = (enum order_verb)changed->kind,
        .from_state = (enum order_state)changed->from_state,
        .to_state = (enum order_state)changed->to_state,
        .version = changed->version,
        .lines = arena_alloc(arena, changed->n_lines * sizeof *change->lines),
        .line_count = changed->n_lines,
        .write_off = changed->write_off,
        .reacquired = changed->reacquired,
        .reason = changed->reason,
    };
    event->kind = event_codec_kind_of_verb(change->verb);
    event->order.customer_id = changed->customer_id;
    if (change->lines == NULL) {
        return failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "MESSAGE_TOO_COMPLEX",
                           "an event does not fit its arena");
    }
    for (size_t i = 0; i < changed->n_lines; i++) {
        change->lines[i] =
            (struct line_change){changed->lines[i]->line_number, changed->lines[i]->product_id,
                                 changed->lines[i]->quantity};
    }
    if (!uuid_parse(changed->order_id, &event->order.order_id)) {
        return failure_set_field(failure, "order_id", "MALFORMED_EVENT", "not a UUID");
    }
    return lifecycle_check_change(change, failure);
}

static size_t put_varint(uint8_t *out, size_t value)
{
    size_t used = 0;
    while (value >= 0x80) {
        out[used++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    out[used++] = (uint8_t)value;
    return used;
}

static bool take_varint(struct bytes *from, uint64_t *value_out)
{
    uint64_t value = 0;
    for (size_t i = 0; i < 10 && i < from->size; i++) {
        value |= (uint64_t)(from->data[i] & 0x7f) << (7 * i);
        if ((from->data[i] & 0x80) == 0) {
            *from = bytes_of(from->data + i + 1, from->size - i - 1);
            *value_out = value;
            return true;
        }
    }
    return false;
}
