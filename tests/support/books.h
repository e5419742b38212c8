/* Books: what must add up in a system at rest, whatever has happened to it before. */
#pragma once

#include "tests/support/system.h"

/* For every product: Redis' available = on_hand - reserved, and reserved = the sum of the open
 * lines, at most on_hand; no order without its lines and its event; nothing that Redis has not been
 * told. Calls report(data, sentence) for each that does not hold. */
void books_check(struct system *system, void (*report)(void *data, const char *text), void *data);
