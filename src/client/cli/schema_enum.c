/* Schema: one enum of the set as protobuf-c's descriptor, and the ranges that it searches numbers
 * by. */
#include <stdlib.h>
#include <string.h>

#include "client/cli/schema_inside.h"

/* A value with its place in the contract: of several with one number the first one prints. */
struct named {
    const char *name;
    int number;
    size_t order;
};

static struct named *sort_values(struct schema *schema,
                                 const Google__Protobuf__EnumDescriptorProto *proto);
static int compare_values(const void *a, const void *b);
static int compare_names(const void *a, const void *b);

enum status schema_fill_enum(struct schema *schema, struct schema_type *type)
{
    const Google__Protobuf__EnumDescriptorProto *proto = type->enumeration;
    unsigned count = (unsigned)proto->n_value, used = 0;
    struct named *sorted = sort_values(schema, proto);
    ProtobufCEnumValue *values = arena_calloc(schema->arena, count + 1U, sizeof *values);
    ProtobufCEnumValueIndex *names = arena_calloc(schema->arena, count + 1U, sizeof *names);
    int *numbers = arena_calloc(schema->arena, count + 1U, sizeof *numbers);
    if (sorted == NULL || values == NULL || names == NULL || numbers == NULL) {
        return schema_refuse_memory(schema);
    }
    for (unsigned i = 0; i < count; i++) {
        if (!schema_is_name(sorted[i].name)) {
            return schema_refuse(schema, "%s has a value without a name", type->name);
        }
        if (i == 0 || sorted[i].number != sorted[i - 1].number) {
            values[used].name = values[used].c_name = sorted[i].name;
            values[used].value = numbers[used] = sorted[i].number;
            used++;
        }
        names[i] = (ProtobufCEnumValueIndex){.name = sorted[i].name, .index = used - 1};
    }
    qsort(names, count, sizeof *names, compare_names);
    *type->as_enum = (ProtobufCEnumDescriptor){
        .magic = PROTOBUF_C__ENUM_DESCRIPTOR_MAGIC,
        .name = type->name,
        .short_name = proto->name,
        .c_name = proto->name,
        .package_name = type->package,
        .n_values = used,
        .values = values,
        .n_value_names = count,
        .values_by_name = names,
    };
    type->as_enum->value_ranges =
        schema_make_ranges(schema, numbers, used, &type->as_enum->n_value_ranges);
    return type->as_enum->value_ranges != NULL ? STATUS_OK : schema_refuse_memory(schema);
}

/* NULL when memory is out. */
static struct named *sort_values(struct schema *schema,
                                 const Google__Protobuf__EnumDescriptorProto *proto)
{
    struct named *sorted = arena_calloc(schema->arena, proto->n_value + 1, sizeof *sorted);
    for (size_t i = 0; sorted != NULL && i < proto->n_value; i++) {
        sorted[i] = (struct named){
            .name = proto->value[i]->name, .number = proto->value[i]->number, .order = i};
    }
    if (sorted != NULL) {
        qsort(sorted, proto->n_value, sizeof *sorted, compare_values);
    }
    return sorted;
}

ProtobufCIntRange *schema_make_ranges(struct schema *schema, const int *numbers, unsigned count,
                                      unsigned *count_out)
{
    ProtobufCIntRange *ranges = arena_calloc(schema->arena, count + 1U, sizeof *ranges);
    if (ranges == NULL) {
        return NULL;
    }
    unsigned used = 0;
    for (unsigned i = 0; i < count; i++) {
        if (i == 0 || (int64_t)numbers[i] != (int64_t)numbers[i - 1] + 1) {
            ranges[used++] = (ProtobufCIntRange){.start_value = numbers[i], .orig_index = i};
        }
    }
    ranges[used].orig_index = count;
    *count_out = used;
    return ranges;
}

static int compare_values(const void *a, const void *b)
{
    const struct named *left = a, *right = b;
    return left->number != right->number
               ? (left->number > right->number ? 1 : -1)
               : (left->order > right->order) - (left->order < right->order);
}

static int compare_names(const void *a, const void *b)
{
    const ProtobufCEnumValueIndex *left = a, *right = b;
    return strcmp(left->name, right->name);
}
