/* protobuf-c's allocator over an arena: what it unpacks is freed with the arena. */
#pragma once

#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"

ProtobufCAllocator arena_allocator(struct arena *arena);
