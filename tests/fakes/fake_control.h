/* The shard's row and its lock in memory. Linked in place of server/control_postgres.c. */
#pragma once

#include "server/control.h"

struct fake_control {
    enum status status; /* of every question */
    struct control_state state;
    bool held_by_another; /* the lock */
    bool lost;            /* the lock, after it was got */
    bool leading;
    const char *name; /* of the PostgreSQL */
    int ready;        /* so often a change is found that could be applied */
    bool quiet;       /* workers are asked to let go */
    int advances, leaves, quiet_ends, deposes;
    void (*on_lead)(void); /* runs when the lock was got */
    struct book_take stock[8];
    size_t stock_count;
    struct book_held held[8]; /* orders */
    size_t held_count;
};
extern struct fake_control fake_control;

void fake_control_reset(void);
