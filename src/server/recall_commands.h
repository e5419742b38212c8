/* Recall: whether a command was asked for before - the step of accept_commands.c that keeps S3.
 * Redis keeps a record of every request for a while, and decides repeated ones itself; so a fresh
 * request goes straight to the decision. Looked for here are those whose record may be gone, and
 * those that cannot be done now but may have been done then. */
#pragma once

#include <stddef.h>

struct command;
struct shop_lane;

void recall_commands(struct shop_lane *lane, struct command *commands, size_t count);
