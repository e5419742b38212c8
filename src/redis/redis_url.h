/* Redis URL: redis://[user:password@]host:port[/db] or unix://[user:password@]/path[?db=N], taken
 * apart. Called by redis_link.c.
 * User and password may be percent-encoded; a password alone is ":password@". Default port 6379. */
#pragma once

#include "base/status.h"

#define REDIS_URL_PART_BYTES 256 /* host names end at 253, socket paths at 107 */

struct redis_url {
    char host[REDIS_URL_PART_BYTES]; /* "" = unix */
    int port;
    char path[REDIS_URL_PART_BYTES];     /* of the unix socket */
    char user[REDIS_URL_PART_BYTES];     /* "" = the default user */
    char password[REDIS_URL_PART_BYTES]; /* "" = no AUTH */
    int database;
};

/* INVALID_ARGUMENT, REDIS_URL_INVALID: says which part is wrong, never repeats it (passwords). */
enum status redis_url_parse(const char *text, struct redis_url *url_out, struct failure *failure);
