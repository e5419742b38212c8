/* Types by their names. See make_contracts.h. */
#include <string.h>

#include "gateway/make_contracts.h"

#define MESSAGE_OF_FILE    4 /* field numbers of descriptor.proto, which source info goes by */
#define ENUM_OF_FILE       5
#define MESSAGE_OF_MESSAGE 3
#define ENUM_OF_MESSAGE    4

static bool find_in_file(const contract_file *file, const char *rest, struct contract_type *out);
static bool find_in_message(struct contract_type type, const char *rest, struct contract_type *out);
static const char *skip(const char *name, const char *rest);

struct contract_type contracts_find_type(const contract_set *set, const char *name)
{
    struct contract_type found;
    for (size_t i = 0; i < set->n_file; i++) {
        const char *rest = skip(set->file[i]->package, name + 1);
        if (rest != NULL && *rest != '\0' && find_in_file(set->file[i], rest, &found)) {
            return found;
        }
    }
    contracts_give_up("there is no such type", name);
}

static bool find_in_file(const contract_file *file, const char *rest, struct contract_type *out)
{
    struct contract_place place = {.file = file};
    for (size_t i = 0; i < file->n_enum_type; i++) {
        if (strcmp(file->enum_type[i]->name, rest) == 0) {
            *out = (struct contract_type){.place = contracts_within(place, ENUM_OF_FILE, i),
                                          .enumeration = file->enum_type[i]};
            return true;
        }
    }
    for (size_t i = 0; i < file->n_message_type; i++) {
        struct contract_type type = {.place = contracts_within(place, MESSAGE_OF_FILE, i),
                                     .message = file->message_type[i]};
        const char *inner = skip(type.message->name, rest);
        if (inner != NULL && find_in_message(type, inner, out)) {
            return true;
        }
    }
    return false;
}

/* `rest` is what its own name leaves of the one that is looked for. */
static bool find_in_message(struct contract_type type, const char *rest, struct contract_type *out)
{
    if (*rest == '\0') {
        *out = type;
        return true;
    }
    for (size_t i = 0; i < type.message->n_enum_type; i++) {
        if (strcmp(type.message->enum_type[i]->name, rest) == 0) {
            *out = (struct contract_type){.place = contracts_within(type.place, ENUM_OF_MESSAGE, i),
                                          .enumeration = type.message->enum_type[i]};
            return true;
        }
    }
    for (size_t i = 0; i < type.message->n_nested_type; i++) {
        struct contract_type nested = {.place = contracts_within(type.place, MESSAGE_OF_MESSAGE, i),
                                       .message = type.message->nested_type[i]};
        const char *inner = skip(nested.message->name, rest);
        if (inner != NULL && find_in_message(nested, inner, out)) {
            return true;
        }
    }
    return false;
}

/* What is behind "name" and a dot; "" when that is all; NULL when it begins otherwise. */
static const char *skip(const char *name, const char *rest)
{
    size_t size = strlen(name);
    if (strncmp(name, rest, size) != 0 || (rest[size] != '.' && rest[size] != '\0')) {
        return NULL;
    }
    return rest[size] == '.' ? rest + size + 1 : rest + size;
}
