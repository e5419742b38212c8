/* Make openapi: what the files of that program share; nobody else includes it. */
#pragma once

#include "gateway/make_contracts.h"
#include "json/json_text.h"

#define OPENAPI_SCHEMAS_MAX 256
#define OPENAPI_TEXT_BYTES  8192 /* a comment */

struct openapi {
    const contract_set *set;
    struct json_text text;
    /* Messages and enums that something refers to: ".shop.v1.Order". */
    const char *schemas[OPENAPI_SCHEMAS_MAX];
    size_t schema_count;
};

/* make_openapi_text.c: members of the open object */
void openapi_text(struct openapi *openapi, const char *key, const char *value);
void openapi_number(struct openapi *openapi, const char *key, long long value);
void openapi_open(struct openapi *openapi, const char *key, char bracket);
/* A comment as lines of a contract become a text: one paragraph a line. "" writes nothing. */
void openapi_description(struct openapi *openapi, const char *comment);
/* Its first sentence, or what the name says: "Get product stock". */
void openapi_summary(struct openapi *openapi, const char *comment, const char *name);

/* make_openapi_limits.c */
struct openapi_limits {
    bool has_range;
    long long least, most; /* most < least: no upper end */
    bool is_bytes;         /* of a text, "0 to 128 bytes" */
    char letters[64];      /* "[A-Za-z0-9._:-]"; "" for any */
};
/* What a comment says in the agreed form: "1 to 64 of [a-z]", "0 to 200 bytes", "1 to 2,000", "0
 * (no limit) to 10", "0 means 50". */
struct openapi_limits openapi_read_limits(const char *comment);

/* make_openapi_schema.c */
typedef Google__Protobuf__FieldDescriptorProto contract_field;
/* The members of a field's schema; `comment` has its limits. */
void openapi_field_schema(struct openapi *openapi, const contract_field *field,
                          const char *comment);
/* The members of a message's schema, but for the fields named (NULL ends them). */
void openapi_message_schema(struct openapi *openapi, const struct contract_type *type,
                            const char *const *without);
/* {"$ref": ...}, and the schema will be among those printed. */
void openapi_reference(struct openapi *openapi, const char *type);
/* All that were referred to, and what they refer to. */
void openapi_schemas(struct openapi *openapi);
/* A field's comment with what stands above its oneof. */
const char *openapi_field_comment(const struct contract_type *type, size_t field,
                                  char out[OPENAPI_TEXT_BYTES]);

/* make_openapi_paths.c: everything under "paths" of the services in these files */
void openapi_paths(struct openapi *openapi, char **files, int count);
