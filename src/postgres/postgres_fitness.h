/* PostgreSQL fitness: whether the database is the one that this program was built for - its schema
 * (the migrations of this build, by dbmate's table schema_migrations: all of them and no other) and
 * that it can be written to. Called at the start of server and worker.
 * Not here: what follows. */
#pragma once

#include "postgres/postgres_link.h"

struct postgres_fitness {
    struct postgres_link_options options;
    const struct clock *clock;
    struct postgres_link *standby; /* connects to what cannot be written to; made when needed */
    int64_t read_only_ms;          /* since when nothing else was seen; 0: it was */
};

/* A failover takes a while in which only the standby answers, so that one is believed only after
 * this time. */
#define POSTGRES_FITNESS_READ_ONLY_MS 10000

/* Options: of the link; their texts must outlive it. */
void postgres_fitness_init(struct postgres_fitness *fitness,
                           const struct postgres_link_options *options);
void postgres_fitness_fini(struct postgres_fitness *fitness);
/* FAILED_PRECONDITION: not fit, and the message says what to do (SCHEMA_MISSING, SCHEMA_OLDER,
 * SCHEMA_NEWER, SCHEMA_UNREADABLE, POSTGRES_READ_ONLY). Others: it did not answer, which says
 * nothing of it; look again. */
enum status postgres_fitness_look(struct postgres_fitness *fitness, struct postgres_link *link,
                                  struct failure *failure);
