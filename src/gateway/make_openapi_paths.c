/* Bindings as operations. See make_openapi.h. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/make_openapi.h"

#define SERVICE_OF_FILE   6 /* field numbers of descriptor.proto, which source info goes by */
#define METHOD_OF_SERVICE 2
#define BINDINGS_MAX      256
#define PATH_BYTES        256
#define VARIABLES_MAX     4
#define NAME_BYTES        128

struct variable {
    char field[NAME_BYTES]; /* "product.product_id" */
    char name[NAME_BYTES];  /* "product_id": how the path has it */
};

struct binding {
    struct contract_place place; /* of the method */
    const contract_service *service;
    const contract_method *method;
    Google__Api__HttpRule *rule; /* numbers above 0: part of the first's */
    const char *verb;
    char path[PATH_BYTES];
    struct variable variables[VARIABLES_MAX + 1];
    size_t variable_count;
    size_t number; /* of the method's */
};

static void collect(struct binding *bindings, size_t *count, const contract_file *file);
static void add(struct binding *bindings, size_t *count, const struct binding *wanted);
static void read_path(struct binding *binding, const char *template);
static void operation(struct openapi *openapi, const struct binding *binding);
static void security(struct openapi *openapi, const struct binding *binding);
static void parameters(struct openapi *openapi, const struct binding *binding,
                       const struct contract_type *request);
static void parameter(struct openapi *openapi, const char *name, const char *in,
                      const contract_field *field, const char *comment);
static void header_parameters(struct openapi *openapi, const struct binding *binding,
                              const struct contract_type *request);
static void header_parameter(struct openapi *openapi, const char *name, const char *pattern,
                             const char *description);
static void body(struct openapi *openapi, const struct binding *binding,
                 const struct contract_type *request);
static void responses(struct openapi *openapi, const struct binding *binding);
static void answer(struct openapi *openapi, const struct binding *binding, bool has_etag);
static void response_reference(struct openapi *openapi, const char *code, const char *name);
static const contract_field *find_field(const struct contract_type *type, const char *name,
                                        size_t *index_out);
static const contract_field *need_field(const struct contract_type *type, const char *name,
                                        size_t *index_out);
static bool is_variable(const struct binding *binding, const char *field);

void openapi_paths(struct openapi *openapi, char **files, int count)
{
    struct binding *bindings = calloc(BINDINGS_MAX, sizeof *bindings);
    bool is_done[BINDINGS_MAX] = {false};
    size_t binding_count = 0;
    if (bindings == NULL) {
        contracts_give_up("no memory", "");
    }
    for (size_t i = 0; i < openapi->set->n_file; i++) {
        if (contracts_is_listed(openapi->set->file[i]->name, files, count)) {
            collect(bindings, &binding_count, openapi->set->file[i]);
        }
    }
    for (size_t i = 0; i < binding_count; i++) {
        if (is_done[i]) {
            continue;
        }
        openapi_open(openapi, bindings[i].path, '{');
        for (size_t j = i; j < binding_count; j++) {
            if (strcmp(bindings[i].path, bindings[j].path) == 0) {
                operation(openapi, &bindings[j]);
                is_done[j] = true;
            }
        }
        json_text_close(&openapi->text, '}');
    }
    for (size_t i = 0; i < binding_count; i++) {
        if (bindings[i].number == 0) {
            google__api__http_rule__free_unpacked(bindings[i].rule, NULL);
        }
    }
    free(bindings);
}

static void collect(struct binding *bindings, size_t *count, const contract_file *file)
{
    struct contract_place place = {.file = file};
    for (size_t i = 0; i < file->n_service; i++) {
        struct binding binding = {.service = file->service[i]};
        for (size_t j = 0; j < binding.service->n_method; j++) {
            binding.method = binding.service->method[j];
            binding.place =
                contracts_within(contracts_within(place, SERVICE_OF_FILE, i), METHOD_OF_SERVICE, j);
            binding.rule = contracts_find_rule(binding.method);
            binding.number = 0;
            if (binding.rule == NULL) {
                continue;
            }
            add(bindings, count, &binding);
            for (size_t k = 0; k < binding.rule->n_additional_bindings; k++) {
                struct binding more = binding;
                more.rule = binding.rule->additional_bindings[k];
                more.number = k + 1;
                add(bindings, count, &more);
            }
        }
    }
}

static void add(struct binding *bindings, size_t *count, const struct binding *wanted)
{
    const char *template;
    if (*count == BINDINGS_MAX) {
        contracts_give_up("too many bindings", wanted->method->name);
    }
    struct binding *binding = &bindings[(*count)++];
    *binding = *wanted;
    contracts_read_rule(binding->rule, binding->method->name, &binding->verb, &template);
    read_path(binding, template);
}

/* "/v1/products/{product.product_id}" -> "/v1/products/{product_id}": paths that only differ in
 * what they call a variable would be two of the same. */
static void read_path(struct binding *binding, const char *template)
{
    size_t used = 0;
    for (const char *at = template; *at != '\0';) {
        size_t size = strcspn(at, "{");
        used += (size_t)snprintf(binding->path + used, sizeof binding->path - used, "%.*s",
                                 (int)size, at);
        at += size;
        if (*at == '\0') {
            break;
        }
        size = strcspn(at, "}") - 1;
        if (binding->variable_count == VARIABLES_MAX || used + size + 3 > sizeof binding->path) {
            contracts_give_up("too long a path", template);
        }
        struct variable *variable = &binding->variables[binding->variable_count++];
        (void)snprintf(variable->field, sizeof variable->field, "%.*s", (int)size, at + 1);
        const char *dot = strrchr(variable->field, '.');
        (void)snprintf(variable->name, sizeof variable->name, "%s",
                       dot == NULL ? variable->field : dot + 1);
        used += (size_t)snprintf(binding->path + used, sizeof binding->path - used, "{%s}",
                                 variable->name);
        at += size + 2;
    }
}

static void operation(struct openapi *openapi, const struct binding *binding)
{
    char verb[8], id[NAME_BYTES];
    const char *comment = contracts_comment(binding->place);
    struct contract_type request = contracts_find_type(openapi->set, binding->method->input_type);
    for (size_t i = 0; i <= strlen(binding->verb); i++) {
        verb[i] = (char)tolower((unsigned char)binding->verb[i]);
    }
    (void)snprintf(id, sizeof id, "%s", binding->method->name);
    if (binding->number > 0) {
        (void)snprintf(id, sizeof id, "%s_%zu", binding->method->name, binding->number);
    }
    openapi_open(openapi, verb, '{');
    openapi_open(openapi, "tags", '[');
    json_text_string(&openapi->text, bytes_of_text(binding->service->name));
    json_text_close(&openapi->text, ']');
    openapi_text(openapi, "operationId", id);
    openapi_summary(openapi, comment, binding->method->name);
    openapi_description(openapi, comment);
    security(openapi, binding);
    parameters(openapi, binding, &request);
    body(openapi, binding, &request);
    responses(openapi, binding);
    json_text_close(&openapi->text, '}');
}

static void security(struct openapi *openapi, const struct binding *binding)
{
    static const char *const SCHEMES[] = {"bearer", "apiKey"};
    char scope[NAME_BYTES];
    contracts_scope(binding->service->name, contracts_is_safe(binding->method), scope,
                    sizeof scope);
    openapi_open(openapi, "security", '[');
    for (size_t i = 0; i < 2; i++) {
        json_text_open(&openapi->text, '{');
        openapi_open(openapi, SCHEMES[i], '[');
        json_text_string(&openapi->text, bytes_of_text(scope));
        json_text_close(&openapi->text, ']');
        json_text_close(&openapi->text, '}');
    }
    json_text_close(&openapi->text, ']');
}

static void parameters(struct openapi *openapi, const struct binding *binding,
                       const struct contract_type *request)
{
    char comment[OPENAPI_TEXT_BYTES];
    size_t index = 0;
    openapi_open(openapi, "parameters", '[');
    for (size_t i = 0; i < binding->variable_count; i++) {
        struct contract_type holder = *request;
        const char *name = binding->variables[i].field, *dot;
        while ((dot = strchr(name, '.')) != NULL) {
            char outer[NAME_BYTES];
            (void)snprintf(outer, sizeof outer, "%.*s", (int)(dot - name), name);
            holder =
                contracts_find_type(openapi->set, need_field(&holder, outer, &index)->type_name);
            name = dot + 1;
        }
        const contract_field *field = need_field(&holder, name, &index);
        parameter(openapi, binding->variables[i].name, "path", field,
                  openapi_field_comment(&holder, index, comment));
    }
    bool is_all_body = strcmp(binding->rule->body, "*") == 0;
    for (size_t i = 0; !is_all_body && i < request->message->n_field; i++) {
        const contract_field *field = request->message->field[i];
        if (!is_variable(binding, field->name) && strcmp(field->name, binding->rule->body) != 0) {
            parameter(openapi, field->json_name, "query", field,
                      openapi_field_comment(request, i, comment));
        }
    }
    header_parameters(openapi, binding, request);
    json_text_close(&openapi->text, ']');
}

static void parameter(struct openapi *openapi, const char *name, const char *in,
                      const contract_field *field, const char *comment)
{
    json_text_open(&openapi->text, '{');
    openapi_text(openapi, "name", name);
    openapi_text(openapi, "in", in);
    if (strcmp(in, "path") == 0) {
        json_text_key(&openapi->text, bytes_of_text("required"));
        json_text_raw(&openapi->text, "true");
    }
    openapi_description(openapi, comment);
    openapi_open(openapi, "schema", '{');
    openapi_field_schema(openapi, field, comment);
    json_text_close(&openapi->text, '}');
    json_text_close(&openapi->text, '}');
}

/* Headers that stand for fields (rest_request.c). */
static void header_parameters(struct openapi *openapi, const struct binding *binding,
                              const struct contract_type *request)
{
    size_t index;
    const contract_field *held =
        binding->rule->body[0] == '\0' || strcmp(binding->rule->body, "*") == 0
            ? NULL
            : need_field(request, binding->rule->body, &index);
    bool has_etag = find_field(request, "etag", &index) != NULL;
    if (held != NULL && !has_etag) {
        struct contract_type inner = contracts_find_type(openapi->set, held->type_name);
        has_etag = find_field(&inner, "etag", &index) != NULL;
    }
    if (find_field(request, "request_id", &index) != NULL) {
        header_parameter(
            openapi, "Idempotency-Key", "^[A-Za-z0-9._:-]{1,64}$",
            "Names the attempt, as requestId does: the same key, the same answer, done "
            "once. Without one each request is a new one.");
    }
    if (has_etag && !contracts_is_safe(binding->method)) {
        header_parameter(openapi, "If-Match", "^(\\*|(W/)?\"[^\"]*\"( *, *(W/)?\"[^\"]*\")*)$",
                         "The etags one of which the thing must still have, or * for any: 412 when "
                         "it has another one. Weak etags match nothing.");
    }
}

static void header_parameter(struct openapi *openapi, const char *name, const char *pattern,
                             const char *description)
{
    json_text_open(&openapi->text, '{');
    openapi_text(openapi, "name", name);
    openapi_text(openapi, "in", "header");
    openapi_text(openapi, "description", description);
    openapi_open(openapi, "schema", '{');
    openapi_text(openapi, "type", "string");
    openapi_text(openapi, "pattern", pattern);
    json_text_close(&openapi->text, '}');
    json_text_close(&openapi->text, '}');
}

static void body(struct openapi *openapi, const struct binding *binding,
                 const struct contract_type *request)
{
    const char *without[VARIABLES_MAX + 1] = {NULL};
    size_t index;
    if (binding->rule->body[0] == '\0') {
        return;
    }
    for (size_t i = 0; i < binding->variable_count; i++) {
        without[i] = binding->variables[i].field;
    }
    openapi_open(openapi, "requestBody", '{');
    openapi_open(openapi, "content", '{');
    openapi_open(openapi, "application/json", '{');
    openapi_open(openapi, "schema", '{');
    if (strcmp(binding->rule->body, "*") != 0) {
        openapi_reference(openapi, need_field(request, binding->rule->body, &index)->type_name);
    } else if (binding->variable_count > 0) { /* without what the path says */
        openapi_message_schema(openapi, request, without);
    } else {
        openapi_reference(openapi, binding->method->input_type);
    }
    for (int i = 0; i < 4; i++) {
        json_text_close(&openapi->text, '}');
    }
}

static void responses(struct openapi *openapi, const struct binding *binding)
{
    size_t index;
    struct contract_type response = contracts_find_type(openapi->set, binding->method->output_type);
    bool has_etag = find_field(&response, "etag", &index) != NULL;
    openapi_open(openapi, "responses", '{');
    answer(openapi, binding, has_etag);
    if (has_etag && contracts_is_safe(binding->method)) {
        response_reference(openapi, "304", "NotModified");
    }
    response_reference(openapi, "4XX", "Refused");
    response_reference(openapi, "5XX", "Failed");
    json_text_close(&openapi->text, '}');
}

static void answer(struct openapi *openapi, const struct binding *binding, bool has_etag)
{
    openapi_open(openapi, "200", '{');
    openapi_text(openapi, "description", "Done.");
    if (has_etag) {
        openapi_open(openapi, "headers", '{');
        openapi_open(openapi, "ETag", '{');
        openapi_text(openapi, "$ref", "#/components/headers/ETag");
        json_text_close(&openapi->text, '}');
        json_text_close(&openapi->text, '}');
    }
    openapi_open(openapi, "content", '{');
    openapi_open(openapi, "application/json", '{');
    openapi_open(openapi, "schema", '{');
    openapi_reference(openapi, binding->method->output_type);
    for (int i = 0; i < 4; i++) {
        json_text_close(&openapi->text, '}');
    }
}

static void response_reference(struct openapi *openapi, const char *code, const char *name)
{
    char reference[NAME_BYTES];
    (void)snprintf(reference, sizeof reference, "#/components/responses/%s", name);
    openapi_open(openapi, code, '{');
    openapi_text(openapi, "$ref", reference);
    json_text_close(&openapi->text, '}');
}

/* NULL when there is none. */
static const contract_field *find_field(const struct contract_type *type, const char *name,
                                        size_t *index_out)
{
    for (size_t i = 0; i < type->message->n_field; i++) {
        if (strcmp(type->message->field[i]->name, name) == 0) {
            *index_out = i;
            return type->message->field[i];
        }
    }
    return NULL;
}

static const contract_field *need_field(const struct contract_type *type, const char *name,
                                        size_t *index_out)
{
    const contract_field *field = find_field(type, name, index_out);
    if (field == NULL) {
        contracts_give_up("a binding names a field that is not there", name);
    }
    return field;
}

static bool is_variable(const struct binding *binding, const char *field)
{
    for (size_t i = 0; i < binding->variable_count; i++) {
        if (strcmp(binding->variables[i].field, field) == 0) {
            return true;
        }
    }
    return false;
}
