/* Before the first use of nng in a process: its threads, as this project's load wants them. Does
 * nothing the second time. */
#pragma once

#include "base/status.h"

void tune_nng(void);

/* Whether this version of nng, such as "1.10.1", will do. FAILED_PRECONDITION, NNG_TOO_OLD: no. */
enum status tune_nng_check(const char *version, struct failure *failure);
/* The same of what is loaded. */
enum status tune_nng_check_loaded(struct failure *failure);
