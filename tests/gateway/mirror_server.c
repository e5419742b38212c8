/* Mirror server: a server for the gateway's tests that serves every method of the contracts without
 * knowing any: a response's field gets what a request's field of the same name and type says.
 *     mirror_server ENDPOINT
 * Ids that do something, in any field called *_id:
 *   refused   FAILED_PRECONDITION with all that a failure can carry
 *   gone      NOT_FOUND
 *   slow      no answer until well after the deadline: it races with nobody
 *   tagged    an answer with the etag 7
 *   versioned ABORTED, ETAG_MISMATCH unless its etag, 7, is sent, or none
 *   others    an answer that is another customer's, whoever asks
 *   later     an answer after LATER_MS: for what is under way when something stops
 * A request with an update_mask is answered with its resource, whose etag then is the mask's paths,
 * a '|' and the etag that was sent.
 * SIGTERM ends it. */
#include <google/protobuf/field_mask.pb-c.h>
#include <rpc/v1/admin.pb-c.h>
#include <shop/v1/order_service.pb-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/stop.h"
#include "gateway/method.h"
#include "rpc/server.h"

#define METHODS_MAX  64
#define SERVICES_MAX 8
#define THREADS      16
#define QUEUE_MAX    8192
#define LATER_MS     500

static void handle(void *lane, struct rpc_call **calls, size_t count);
static void answer(struct rpc_call *call);
static void set_text(struct rpc_call *call, ProtobufCMessage *message, const char *name,
                     const char *text);
static bool has_id(const ProtobufCMessage *request, const char *id);
static const char *find_text(const ProtobufCMessage *message, const char *name);
static void refuse_etag(struct rpc_call *call);
static void refuse(struct rpc_call *call, enum status code, const char *reason);
static void wait_ms(int64_t ms);
static ProtobufCMessage *mirror(struct rpc_call *call, const ProtobufCMessage *request,
                                const ProtobufCMessageDescriptor *type);
static ProtobufCMessage *mirror_update(struct rpc_call *call, const ProtobufCMessage *request,
                                       const ProtobufCMessageDescriptor *type);
static size_t list_services(struct rpc_service *services, struct rpc_method *handlers);

int main(int argc, char **argv)
{
    static struct rpc_method handlers[METHODS_MAX];
    static struct rpc_service services[SERVICES_MAX];
    const struct rpc_lane_kind lane = {
        .name = "mirror", .threads = THREADS, .queue_max = QUEUE_MAX, .batch_max = 1};
    const char *endpoints[] = {argc == 2 ? argv[1] : ""};
    struct rpc_server_options options = {.endpoints = endpoints,
                                         .endpoint_count = 1,
                                         .server_id = "mirror",
                                         .error_domain = "shop.orders",
                                         .max_inflight = QUEUE_MAX,
                                         .lanes = &lane,
                                         .lane_count = 1,
                                         .services = services,
                                         .service_count = list_services(services, handlers),
                                         .clock = clock_system()};
    struct rpc_server *server;
    struct failure failure;
    log_init("mirror-server", LOG_INFO);
    if (!stop_init() || rpc_server_start(&options, &server, &failure) != STATUS_OK) {
        log_line(LOG_ERROR, "not started", "message", failure.message, NULL);
        return EXIT_FAILURE;
    }
    rpc_server_set_serving(server, true);
    log_line(LOG_INFO, "listening", "endpoint", endpoints[0], NULL);
    (void)stop_wait(-1);
    rpc_server_stop(&server);
    return EXIT_SUCCESS;
}

/* The gateway's own table says which there are; methods of a service stand together. */
static size_t list_services(struct rpc_service *services, struct rpc_method *handlers)
{
    size_t count = 0;
    for (size_t i = 0; i < method_count && i < METHODS_MAX; i++) {
        if (methods[i].service == &rpc__v1__admin__descriptor) { /* every server has it */
            continue;
        }
        handlers[i] = (struct rpc_method){.name = method_descriptor(&methods[i])->name,
                                          .handler = handle,
                                          .tag = method_descriptor(&methods[i])};
        if (count == 0 || services[count - 1].descriptor != methods[i].service) {
            services[count++] =
                (struct rpc_service){.descriptor = methods[i].service, .methods = &handlers[i]};
        }
        services[count - 1].method_count++;
    }
    return count;
}

static void handle(void *lane, struct rpc_call **calls, size_t count)
{
    (void)lane;
    for (size_t i = 0; i < count; i++) {
        answer(calls[i]);
    }
}

static void answer(struct rpc_call *call)
{
    const ProtobufCMessage *request = rpc_call_request(call);
    const ProtobufCMethodDescriptor *method = rpc_call_tag(call);
    if (has_id(request, "refused")) {
        refuse(call, STATUS_FAILED_PRECONDITION, "OUT_OF_STOCK");
        return;
    }
    if (has_id(request, "gone")) {
        refuse(call, STATUS_NOT_FOUND, "NOT_HERE");
        return;
    }
    if (has_id(request, "slow")) {
        wait_ms(rpc_call_deadline_ms(call) - clock_monotonic_ms(clock_system()) + LATER_MS);
    }
    if (has_id(request, "later")) {
        wait_ms(LATER_MS);
    }
    if (strcmp(find_text(request, "product_id"), "versioned") == 0 &&
        strspn(find_text(request, "etag"), "7") != strlen(find_text(request, "etag"))) {
        refuse_etag(call);
        return;
    }
    ProtobufCMessage *response = mirror_update(call, request, method->output);
    if (response != NULL) {
        rpc_reply(call, response);
        return;
    }
    response = mirror(call, request, method->output);
    if (has_id(request, "tagged")) {
        set_text(call, response, "etag", "7");
    }
    if (has_id(request, "others")) {
        set_text(call, response, "customer_id", "c-other");
    }
    rpc_reply(call, response);
}

/* Where the message has such a field. */
static void set_text(struct rpc_call *call, ProtobufCMessage *message, const char *name,
                     const char *text)
{
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field_by_name(message->descriptor, name);
    if (field != NULL) {
        *(char **)(void *)((char *)message + field->offset) =
            arena_strdup(rpc_call_arena(call), text);
    }
}

static bool has_id(const ProtobufCMessage *request, const char *id)
{
    for (unsigned i = 0; i < request->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &request->descriptor->fields[i];
        const char *name = strstr(field->name, "_id");
        const void *member = (const char *)request + field->offset;
        if (field->type == PROTOBUF_C_TYPE_STRING && name != NULL && name[3] == '\0' &&
            field->label != PROTOBUF_C_LABEL_REPEATED &&
            strcmp(*(const char *const *)member, id) == 0) {
            return true;
        }
    }
    return false;
}

/* "" when neither the message nor one that it holds has it. */
static const char *find_text(const ProtobufCMessage *message, const char *name)
{
    const char *text = "";
    for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
        const void *member = (const char *)message + field->offset;
        if (field->label == PROTOBUF_C_LABEL_REPEATED) {
            continue;
        }
        if (field->type == PROTOBUF_C_TYPE_STRING && strcmp(field->name, name) == 0) {
            return *(const char *const *)member;
        }
        if (field->type == PROTOBUF_C_TYPE_MESSAGE && *(ProtobufCMessage *const *)member != NULL &&
            text[0] == '\0') {
            text = find_text(*(ProtobufCMessage *const *)member, name);
        }
    }
    return text;
}

static void refuse_etag(struct rpc_call *call)
{
    struct failure failure = {0};
    (void)failure_set(&failure, STATUS_ABORTED, "ETAG_MISMATCH", "it has another one");
    failure_add(&failure, "etag", "7");
    rpc_fail(call, &failure);
}

static void refuse(struct rpc_call *call, enum status code, const char *reason)
{
    struct failure failure = {0};
    (void)failure_set(&failure, code, reason, "there is no \xC3\xBC of \"it\"");
    (void)snprintf(failure.field, sizeof failure.field, "lines[1].quantity");
    failure.retry_delay_ms = 1500;
    failure_add(&failure, "product_id", "chai");
    failure_add(&failure, "available", "3");
    rpc_fail(call, &failure);
}

static void wait_ms(int64_t ms)
{
    if (ms > 0) {
        (void)nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000},
                        NULL);
    }
}

/* Members are borrowed from the request, which lives as long as the call. */
static ProtobufCMessage *mirror(struct rpc_call *call, const ProtobufCMessage *request,
                                const ProtobufCMessageDescriptor *type)
{
    ProtobufCMessage *response = arena_alloc(rpc_call_arena(call), type->sizeof_message);
    protobuf_c_message_init(type, response);
    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *to = &type->fields[i];
        const ProtobufCFieldDescriptor *from =
            protobuf_c_message_descriptor_get_field_by_name(request->descriptor, to->name);
        if (from == NULL || from->type != to->type || from->label != to->label ||
            from->label == PROTOBUF_C_LABEL_REPEATED || from->descriptor != to->descriptor) {
            continue;
        }
        size_t size = from->type == PROTOBUF_C_TYPE_STRING || from->type == PROTOBUF_C_TYPE_MESSAGE
                          ? sizeof(void *)
                      : from->type == PROTOBUF_C_TYPE_INT64 ? 8
                                                            : 4;
        memcpy((char *)response + to->offset, (const char *)request + from->offset, size);
    }
    return response;
}

/* NULL when it is no update. */
static ProtobufCMessage *mirror_update(struct rpc_call *call, const ProtobufCMessage *request,
                                       const ProtobufCMessageDescriptor *type)
{
    const ProtobufCFieldDescriptor *mask_field =
        protobuf_c_message_descriptor_get_field_by_name(request->descriptor, "update_mask");
    const ProtobufCFieldDescriptor *etag =
        protobuf_c_message_descriptor_get_field_by_name(type, "etag");
    const ProtobufCMessage *resource = NULL;
    for (unsigned i = 0; i < request->descriptor->n_fields; i++) {
        if (request->descriptor->fields[i].descriptor == type) {
            resource = *(
                const ProtobufCMessage *const
                    *)(const void *)((const char *)request + request->descriptor->fields[i].offset);
        }
    }
    if (mask_field == NULL || etag == NULL || resource == NULL) {
        return NULL;
    }
    const Google__Protobuf__FieldMask *mask =
        *(const Google__Protobuf__FieldMask *const *)(const void *)((const char *)request +
                                                                    mask_field->offset);
    ProtobufCMessage *response = arena_alloc(rpc_call_arena(call), type->sizeof_message);
    char text[512] = "";
    size_t used = 0;
    memcpy(response, resource, type->sizeof_message);
    char **place = (char **)(void *)((char *)response + etag->offset);
    for (size_t i = 0; mask != NULL && i < mask->n_paths && used < sizeof text; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", i == 0 ? "" : ",",
                                 mask->paths[i]);
    }
    (void)snprintf(text + used, sizeof text - used, "|%s", *place);
    *place = arena_strdup(rpc_call_arena(call), text);
    return response;
}
