/* Command calls: calls become commands, one each or many, and their outcomes become answers. The
 * two ends of accept_commands.c. A call's commands stand next to one another. */
#pragma once

#include <stddef.h>

struct command;
struct rpc_call;
struct shop_lane;

/* The commands of these calls, OPEN unless they are wrong beside the others of their call. Calls
 * that are wrong as a whole are answered and leave `calls`. NULL, and no call was answered, when
 * the lane's arena is full; it holds the result. */
struct command *command_calls_open(struct shop_lane *lane, struct rpc_call **calls,
                                   size_t *call_count, size_t *count_out);
/* Answers all calls of these commands, which have ended. */
void command_calls_answer(struct shop_lane *lane, struct command *commands, size_t count);
