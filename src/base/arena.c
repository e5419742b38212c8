/* See arena.h. Chunks in a list, the newest in front; a request that does not fit the newest chunk
 * gets a new one of at least first_chunk_bytes. */
#include "base/arena.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

struct arena_chunk {
    struct arena_chunk *next;
    size_t size; /* of data */
    size_t used;
    _Alignas(16) uint8_t data[];
};

static struct arena_chunk *add_chunk(struct arena *arena, size_t least);

void arena_init(struct arena *arena, size_t first_chunk_bytes, size_t limit_bytes)
{
    assert(first_chunk_bytes > 0 && first_chunk_bytes <= limit_bytes);
    *arena = (struct arena){.first_chunk_bytes = first_chunk_bytes, .limit_bytes = limit_bytes};
}

void arena_reset(struct arena *arena)
{
    struct arena_chunk *chunk = arena->chunks;
    while (chunk != NULL && (chunk->next != NULL || chunk->size > arena->first_chunk_bytes)) {
        struct arena_chunk *next = chunk->next;
        free(chunk);
        chunk = next;
    }
    if (chunk != NULL) {
        chunk->used = 0;
    }
    arena->chunks = chunk;
    arena->used_bytes = chunk != NULL ? chunk->size : 0;
}

void arena_fini(struct arena *arena)
{
    arena_reset(arena);
    free(arena->chunks);
    arena->chunks = NULL;
    arena->used_bytes = 0;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    if (size > arena->limit_bytes) {
        return NULL;
    }
    size_t need = (size + 15) & ~(size_t)15;
    struct arena_chunk *chunk = arena->chunks;
    if (chunk == NULL || chunk->size - chunk->used < need) {
        chunk = add_chunk(arena, need);
        if (chunk == NULL) {
            return NULL;
        }
    }
    void *memory = chunk->data + chunk->used;
    chunk->used += need;
    return memory;
}

/* The first chunk stays the last of the list, and is the one that a reset keeps. */
static struct arena_chunk *add_chunk(struct arena *arena, size_t least)
{
    size_t left = (arena->limit_bytes - arena->used_bytes) & ~(size_t)15;
    size_t size = least > arena->first_chunk_bytes ? least : arena->first_chunk_bytes;
    if (least > left) {
        return NULL;
    }
    if (size > left) {
        size = left;
    }
    struct arena_chunk *chunk = malloc(sizeof *chunk + size);
    if (chunk == NULL) {
        return NULL;
    }
    chunk->size = size;
    chunk->used = 0;
    chunk->next = arena->chunks;
    arena->chunks = chunk;
    arena->used_bytes += size;
    return chunk;
}

void *arena_calloc(struct arena *arena, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        return NULL;
    }
    void *memory = arena_alloc(arena, bytes);
    return memory != NULL ? memset(memory, 0, bytes) : NULL;
}

char *arena_strdup(struct arena *arena, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = arena_alloc(arena, size);
    return copy != NULL ? memcpy(copy, text, size) : NULL;
}

struct bytes arena_copy(struct arena *arena, struct bytes bytes)
{
    uint8_t *copy = arena_alloc(arena, bytes.size + 1);
    if (copy == NULL) {
        return (struct bytes){0};
    }
    if (bytes.size > 0) {
        memcpy(copy, bytes.data, bytes.size);
    }
    copy[bytes.size] = 0;
    return bytes_of(copy, bytes.size);
}
