/* Services: every method this server answers - which lane, which handler. One line a method; this
 * is the table of contents of src/server. */
#pragma once

#include "rpc/server.h"

/* The lane kinds, as indexes. */
enum service_lane {
    SERVICE_LANE_WRITE, /* commands: Redis, RabbitMQ; PostgreSQL only for what Redis cannot know */
    SERVICE_LANE_READ,  /* single things, from Redis where it has them */
    SERVICE_LANE_BULK,  /* lists and the catalogue's changes: PostgreSQL's pace */
    SERVICE_LANE_COUNT,
};

const struct rpc_service *services_table(size_t *count_out);
