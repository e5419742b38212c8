/* Make idempotency: at build time, the table of idempotency.h out of a FileDescriptorSet.
 *     make_idempotency CONTRACTS.binpb > idempotency_table.c */
#include <google/protobuf/descriptor.pb-c.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONTRACTS_BYTES_MAX (16 * 1024 * 1024) /* ours are a hundredth of it */
#define METHODS_MAX         1024
#define LINE_BYTES_MAX      256

static char lines[METHODS_MAX][LINE_BYTES_MAX];
static size_t line_count;

static Google__Protobuf__FileDescriptorSet *load(const char *path);
static void note_methods(const char *package,
                         const Google__Protobuf__ServiceDescriptorProto *service);
static int compare(const void *left, const void *right);
_Noreturn static void give_up(const char *what);

int main(int argc, char **argv)
{
    if (argc != 2) {
        give_up("usage: make_idempotency CONTRACTS.binpb");
    }
    Google__Protobuf__FileDescriptorSet *set = load(argv[1]);
    for (size_t i = 0; i < set->n_file; i++) {
        for (size_t j = 0; j < set->file[i]->n_service; j++) {
            note_methods(set->file[i]->package, set->file[i]->service[j]);
        }
    }
    google__protobuf__file_descriptor_set__free_unpacked(set, NULL);
    qsort(lines, line_count, sizeof lines[0], compare);
    (void)printf("/* Made from the contracts by make_idempotency.c. */\n"
                 "#include \"rpc/idempotency.h\"\n\n"
                 "const struct rpc_idempotency_entry rpc_idempotency_table[] = {\n");
    for (size_t i = 0; i < line_count; i++) {
        (void)printf("    {%s},\n", lines[i]);
    }
    (void)printf("};\nconst unsigned rpc_idempotency_count = %zu;\n", line_count);
    return ferror(stdout) != 0 || fflush(stdout) != 0;
}

static void note_methods(const char *package,
                         const Google__Protobuf__ServiceDescriptorProto *service)
{
    for (size_t i = 0; i < service->n_method; i++) {
        const Google__Protobuf__MethodOptions *options = service->method[i]->options;
        if (options == NULL || !options->has_idempotency_level ||
            options->idempotency_level ==
                GOOGLE__PROTOBUF__METHOD_OPTIONS__IDEMPOTENCY_LEVEL__IDEMPOTENCY_UNKNOWN) {
            continue;
        }
        bool is_safe = options->idempotency_level ==
                       GOOGLE__PROTOBUF__METHOD_OPTIONS__IDEMPOTENCY_LEVEL__NO_SIDE_EFFECTS;
        if (line_count == METHODS_MAX) {
            give_up("too many methods");
        }
        int size = snprintf(lines[line_count++], LINE_BYTES_MAX, "\"/%s.%s/%s\", %s", package,
                            service->name, service->method[i]->name,
                            is_safe ? "RPC_NO_SIDE_EFFECTS" : "RPC_IDEMPOTENT");
        if (size < 0 || size >= LINE_BYTES_MAX) {
            give_up("a method's name is too long");
        }
    }
}

static int compare(const void *left, const void *right)
{
    return strcmp(left, right);
}

static Google__Protobuf__FileDescriptorSet *load(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = malloc(CONTRACTS_BYTES_MAX);
    if (file == NULL || bytes == NULL) {
        give_up("the contracts cannot be read");
    }
    size_t size = fread(bytes, 1, CONTRACTS_BYTES_MAX, file);
    (void)fclose(file);
    Google__Protobuf__FileDescriptorSet *set =
        google__protobuf__file_descriptor_set__unpack(NULL, size, bytes);
    free(bytes);
    if (set == NULL) {
        give_up("the contracts are no FileDescriptorSet");
    }
    return set;
}

_Noreturn static void give_up(const char *what)
{
    (void)fprintf(stderr, "make_idempotency: %s\n", what);
    exit(1);
}
