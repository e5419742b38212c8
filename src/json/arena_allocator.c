/* See arena_allocator.h. */
#include "json/arena_allocator.h"

static void *allocate(void *arena, size_t size)
{
    return arena_alloc(arena, size);
}

static void free_later(void *arena, void *memory)
{
    (void)arena;
    (void)memory;
}

ProtobufCAllocator arena_allocator(struct arena *arena)
{
    return (ProtobufCAllocator){.alloc = allocate, .free = free_later, .allocator_data = arena};
}
