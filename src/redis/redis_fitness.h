/* Redis fitness: whether a Redis is set up for what is kept there - stock and the outbox, of which
 * nothing may be thrown away to make room, and which should be on disk. Called at a server's start,
 * and by its auditor for as long as it runs. Not here: what follows. */
#pragma once

#include "redis/redis_link.h"

/* may_forget: that it has no append-only file is meant so.
 * FAILED_PRECONDITION: it is not fit, and the message says what to do (REDIS_EVICTS, REDIS_FORGETS,
 * REDIS_UNREADABLE). Others: it did not answer, which says nothing of how it is set up. */
enum status redis_fitness_look(struct redis_link *link, bool may_forget, struct failure *failure);
