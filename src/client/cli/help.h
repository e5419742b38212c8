/* Help: usage texts, made from the tables. */
#pragma once

#include "client/cli/cli.h"

/* The program's options, on each command. */
extern const struct option CLI_GLOBAL_OPTIONS[];
extern const size_t CLI_GLOBAL_OPTION_COUNT;

void help_program(FILE *out);
/* The commands of a group ("product"). */
void help_group(FILE *out, const char *group);
void help_command(FILE *out, const struct cli_command *command);
void help_exit_codes(FILE *out);
/* "order create", into a buffer of the caller's. */
const char *help_name(const struct cli_command *command, char *out, size_t room);
