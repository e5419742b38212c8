/* Process: a child of a test, with its own environment and log file.
 * Always: it dies with the test (PR_SET_PDEATHSIG), and process_end waits for it: nothing is left.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct process {
    pid_t pid; /* 0 = not running */
    char log_path[256];
};

/* argv[0] is a path or found on PATH; environment: "KEY=value" added to the test's own. Both end
 * with NULL. Standard output and error are appended to log_path. Fails the test when it cannot. */
void process_start(struct process *process, const char *const *argv, const char *const *environment,
                   const char *log_path);
/* Whether it still runs; reaps it when not. */
bool process_is_running(struct process *process);
void process_signal(const struct process *process, int signal_number);
/* SIGKILL and wait. Harmless when it does not run. */
void process_kill(struct process *process);
/* SIGTERM and wait up to timeout_ms, then SIGKILL. The exit code, or -signal when it was killed. */
int process_end(struct process *process, int64_t timeout_ms);
/* For one of ours that is to end as it was written to: process_end, and false unless it ended well
 * and had no finding of a sanitizer, failed assertion or panic in its log, whose lines are then
 * printed. Ended well: with 0, or by SIGTERM before it could handle that. One that does not run any
 * more (a test killed it) is judged by its log. */
bool process_end_well(struct process *process, int64_t timeout_ms);
/* Waits for it to end by itself; fails the test after timeout_ms. The exit code, or -signal. */
int process_wait(struct process *process, int64_t timeout_ms);
/* Prints the log's last lines to standard error, for a failing test. */
void process_show_log(const struct process *process);

/* Waits until `holds(state)`; false after timeout_ms. Polls every 10 ms. */
bool wait_until(bool (*holds)(void *state), void *state, int64_t timeout_ms);
/* The file's content, NUL-terminated; the caller frees. Fails the test when it cannot be read. */
char *read_whole(const char *path);
/* Removes a directory of a test's own, and all in it. */
void remove_directory(const char *path);
