/* Arena: memory with one lifetime, freed as a whole.
 * Every call and every batch owns one; what is decoded or built for it lives in it.
 * Always: never more than `limit_bytes` in all, so a hostile message cannot take the machine's
 * memory; a reset arena keeps its first chunk, so the usual call allocates nothing.
 * Not thread-safe: an arena belongs to whoever holds its call or batch. */
#pragma once

#include <stddef.h>

#include "base/bytes.h"
#include "base/c_api.h"

C_API_BEGIN

struct arena_chunk;

struct arena {
    struct arena_chunk *chunks; /* newest first */
    size_t first_chunk_bytes;
    size_t limit_bytes;
    size_t used_bytes; /* of all chunks, what has been handed out or reserved */
};

/* Allocates nothing yet. limit_bytes >= first_chunk_bytes. */
void arena_init(struct arena *arena, size_t first_chunk_bytes, size_t limit_bytes);
/* Forgets all allocations; keeps one chunk of first_chunk_bytes. */
void arena_reset(struct arena *arena);
/* Frees everything. The arena may be used again as if just initialised. */
void arena_fini(struct arena *arena);

/* 16-byte aligned, not zeroed; NULL when the limit would be passed or memory is out. */
void *arena_alloc(struct arena *arena, size_t size) __attribute__((malloc, alloc_size(2)));
/* Zeroed array; NULL on overflow, too. */
void *arena_calloc(struct arena *arena, size_t count, size_t size)
    __attribute__((malloc, alloc_size(2, 3)));
/* A copy, NUL-terminated; NULL when the limit would be passed. */
char *arena_strdup(struct arena *arena, const char *text);
struct bytes arena_copy(struct arena *arena, struct bytes bytes);

C_API_END
