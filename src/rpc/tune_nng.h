/* Before the first use of nng in a process: its threads, as this project's load wants them. Does
 * nothing the second time. */
#pragma once

void tune_nng(void);
