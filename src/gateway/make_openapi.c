/* Make openapi: at build time, the description of the REST interface (OpenAPI 3.1) out of the
 * contracts. make_openapi CONTRACTS.binpb SERVICE.proto... > openapi.json What is the same whatever
 * the contracts say is in openapi_frame.json; "@tags", "@paths" and
 * "@schemas" in it are filled in: comments become descriptions, and the limits that they state in
 * the agreed form (make_openapi.h) become constraints. */
#include "gateway/make_openapi.h"

#include <embedded/OPENAPI_FRAME.h>
#include <stdio.h>
#include <string.h>

#define SERVICE_OF_FILE 6                  /* field number of descriptor.proto */
#define DOCUMENT_BYTES  (16 * 1024 * 1024) /* ours has a hundredth of it */

static void print_tags(struct openapi *openapi, char **files, int count);
static void print_part(struct openapi *openapi, const char **frame, const char *mark, char bracket,
                       void (*print)(struct openapi *, char **, int), char **files, int count);
static void print_schemas(struct openapi *openapi, char **files, int count);

int main(int argc, char **argv)
{
    static struct openapi openapi;
    struct arena arena;
    if (argc < 3) {
        contracts_give_up("usage: make_openapi CONTRACTS.binpb SERVICE.proto...", "");
    }
    contract_set *set = contracts_load(argv[1]);
    const char *frame = OPENAPI_FRAME;
    openapi.set = set;
    arena_init(&arena, 65536, DOCUMENT_BYTES);
    openapi.text.arena = &arena;
    print_part(&openapi, &frame, "\"@tags\"", '[', print_tags, argv + 2, argc - 2);
    print_part(&openapi, &frame, "\"@paths\": 0", '{', openapi_paths, argv + 2, argc - 2);
    print_part(&openapi, &frame, "\"@schemas\": 0", '{', print_schemas, argv + 2, argc - 2);
    (void)fputs(frame, stdout);
    arena_fini(&arena);
    google__protobuf__file_descriptor_set__free_unpacked(set, NULL);
    return ferror(stdout) != 0 || fflush(stdout) != 0;
}

/* The frame up to the mark, then what stands between the brackets that `print` fills. */
static void print_part(struct openapi *openapi, const char **frame, const char *mark, char bracket,
                       void (*print)(struct openapi *, char **, int), char **files, int count)
{
    const char *at = strstr(*frame, mark);
    struct bytes part;
    if (at == NULL) {
        contracts_give_up("openapi_frame.json has not this mark", mark);
    }
    json_text_begin(&openapi->text, openapi->text.arena, false);
    json_text_open(&openapi->text, bracket);
    print(openapi, files, count);
    json_text_close(&openapi->text, bracket == '{' ? '}' : ']');
    if (!json_text_end(&openapi->text, &part) || part.size == 2) {
        contracts_give_up("too large, or nothing to say", mark);
    }
    (void)fwrite(*frame, 1, (size_t)(at - *frame), stdout);
    (void)fwrite(part.data + 1, 1, part.size - 2, stdout);
    *frame = at + strlen(mark);
}

static void print_tags(struct openapi *openapi, char **files, int count)
{
    for (size_t i = 0; i < openapi->set->n_file; i++) {
        const contract_file *file = openapi->set->file[i];
        for (size_t j = 0; j < file->n_service; j++) {
            struct contract_place place = {.file = file};
            if (!contracts_is_listed(file->name, files, count)) {
                continue;
            }
            json_text_open(&openapi->text, '{');
            openapi_text(openapi, "name", file->service[j]->name);
            openapi_description(openapi,
                                contracts_comment(contracts_within(place, SERVICE_OF_FILE, j)));
            json_text_close(&openapi->text, '}');
        }
    }
}

static void print_schemas(struct openapi *openapi, char **files, int count)
{
    (void)files, (void)count;
    openapi_schemas(openapi);
}
