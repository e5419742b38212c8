/* See process.h. */
#include "tests/support/process.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/cmocka_all.h"

#define SHOWN_LOG_BYTES 4000

static void become(const char *const *argv, const char *const *environment, const char *log_path);
static int reap(struct process *process, int status);
static bool log_is_clean(const struct process *process);

void process_start(struct process *process, const char *const *argv, const char *const *environment,
                   const char *log_path)
{
    (void)snprintf(process->log_path, sizeof process->log_path, "%s", log_path);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        become(argv, environment, log_path);
    }
    process->pid = child;
}

static void become(const char *const *argv, const char *const *environment, const char *log_path)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    /* The test may have blocked signals; the child wants its own say. */
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    int log = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (log < 0 || null < 0 || dup2(null, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0) {
        _exit(126);
    }
    for (size_t i = 0; environment != NULL && environment[i] != NULL; i++) {
        (void)putenv((char *)(uintptr_t)environment[i]);
    }
    (void)execvp(argv[0], (char *const *)(uintptr_t)argv);
    (void)fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

bool process_is_running(struct process *process)
{
    int status;
    if (process->pid == 0) {
        return false;
    }
    if (waitpid(process->pid, &status, WNOHANG) == 0) {
        return true;
    }
    process->pid = 0;
    return false;
}

void process_signal(const struct process *process, int signal_number)
{
    assert_true(process->pid > 0);
    (void)kill(process->pid, signal_number);
}

void process_kill(struct process *process)
{
    int status;
    if (process->pid != 0) {
        (void)kill(process->pid, SIGKILL);
        (void)waitpid(process->pid, &status, 0);
        process->pid = 0;
    }
}

struct ending {
    struct process *process;
    int status;
};

static bool has_ended(void *state)
{
    struct ending *ending = state;
    return waitpid(ending->process->pid, &ending->status, WNOHANG) != 0;
}

int process_end(struct process *process, int64_t timeout_ms)
{
    if (process->pid == 0) {
        return 0;
    }
    (void)kill(process->pid, SIGTERM);
    struct ending ending = {process, 0};
    if (!wait_until(has_ended, &ending, timeout_ms)) {
        process_kill(process);
        return -SIGKILL;
    }
    return reap(process, ending.status);
}

bool process_end_well(struct process *process, int64_t timeout_ms)
{
    if (process->log_path[0] == '\0') {
        return true;
    }
    int code = process_end(process, timeout_ms);
    if (code != 0 && code != -SIGTERM) {
        process_show_log(process);
        (void)fprintf(stderr, "%s: it ended with %d\n", process->log_path, code);
        return false;
    }
    return log_is_clean(process);
}

/* A log that is not there was moved away by a test that keeps it, since it failed. */
static bool log_is_clean(const struct process *process)
{
    static const char *const findings[] = {"Sanitizer", "runtime error:", "Assertion `", "panic:"};
    if (access(process->log_path, R_OK) != 0) {
        return true;
    }
    char *log = read_whole(process->log_path);
    const char *found = NULL;
    for (size_t i = 0; i < sizeof findings / sizeof *findings && found == NULL; i++) {
        found = strstr(log, findings[i]);
    }
    if (found != NULL) {
        (void)fprintf(stderr, "--- %s\n%.*s---\n", process->log_path, SHOWN_LOG_BYTES, found);
    }
    free(log);
    return found == NULL;
}

int process_wait(struct process *process, int64_t timeout_ms)
{
    struct ending ending = {process, 0};
    if (!wait_until(has_ended, &ending, timeout_ms)) {
        process_show_log(process);
        fail_msg("process %d did not end", (int)process->pid);
    }
    return reap(process, ending.status);
}

static int reap(struct process *process, int status)
{
    process->pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void process_show_log(const struct process *process)
{
    FILE *log = fopen(process->log_path, "r");
    if (log == NULL) {
        return;
    }
    if (fseek(log, -SHOWN_LOG_BYTES, SEEK_END) != 0) {
        (void)fseek(log, 0, SEEK_SET);
    }
    char text[SHOWN_LOG_BYTES];
    size_t size = fread(text, 1, sizeof text, log);
    (void)fclose(log);
    (void)fprintf(stderr, "--- %s\n%.*s---\n", process->log_path, (int)size, text);
}

bool wait_until(bool (*holds)(void *state), void *state, int64_t timeout_ms)
{
    int64_t deadline = clock_monotonic_ms(clock_system()) + timeout_ms;
    while (!holds(state)) {
        if (clock_monotonic_ms(clock_system()) > deadline) {
            return false;
        }
        (void)nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    return true;
}

char *read_whole(const char *path)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    (void)fseek(file, 0, SEEK_END);
    long size = ftell(file);
    (void)fseek(file, 0, SEEK_SET);
    char *text = malloc((size_t)size + 1);
    assert_non_null(text);
    text[fread(text, 1, (size_t)size, file)] = '\0';
    (void)fclose(file);
    return text;
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

void remove_directory(const char *path)
{
    (void)nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}
