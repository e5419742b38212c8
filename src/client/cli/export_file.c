/* See export_file.h. */
#include "client/cli/export_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC      "orderctl-export 1"
#define LINE_BYTES (2 * EXPORT_FILTER_BYTES + 64)

static const char *const FORMATS[] = {[EXPORT_CSV] = "csv", [EXPORT_JSONL] = "jsonl"};

static int begin(struct export_file *file, struct cli *cli);
static int go_on(struct export_file *file, struct cli *cli);
static const char *read_part(struct export_file *file, FILE *part);
static bool read_place(struct export_file *file, FILE *part);
static bool read_line(FILE *part, const char *key, char *value, size_t room);
static bool write_part(struct export_file *file);
static int fail_writing(struct cli *cli, const char *path, const char *why);
static int complain(struct cli *cli, const char *path, const char *why);

int export_file_open(struct export_file *file, struct cli *cli, const char *path,
                     enum export_format format, bool resume, struct bytes asked,
                     struct bytes filter)
{
    *file = (struct export_file){.format = format};
    if (asked.size > sizeof(file->asked) || filter.size > sizeof(file->filter) ||
        strlen(path) + sizeof(".part~") > EXPORT_PATH_BYTES) {
        return complain(cli, path, "the name or the filter is too long");
    }
    memcpy(file->asked, asked.data, asked.size);
    memcpy(file->filter, filter.data, filter.size);
    file->asked_size = asked.size;
    file->filter_size = filter.size;
    (void)snprintf(file->path, sizeof(file->path), "%s", path);
    (void)snprintf(file->part, sizeof(file->part), "%s.part", path);
    (void)snprintf(file->next, sizeof(file->next), "%s.part~", path);
    if (strcmp(path, "-") == 0) {
        file->is_output = true;
        file->out = cli->out;
        export_heading(file->out, format);
        return resume ? complain(cli, path, "only a file can be resumed") : CLI_OK;
    }
    bool has_part = access(file->part, F_OK) == 0, has_file = access(path, F_OK) == 0;
    if (has_part && resume) {
        return go_on(file, cli);
    }
    if (has_part) {
        return complain(cli, file->part,
                        "an export was cut off; go on with --resume, or remove it");
    }
    if (has_file && resume) {
        file->is_complete = true;
        fprintf(cli->err, "orderctl: %s is complete\n", path);
        return CLI_OK;
    }
    return has_file ? complain(cli, path, "the file exists") : begin(file, cli);
}

/* The part stands before the file is there: whoever dies in between begins again with --resume. */
static int begin(struct export_file *file, struct cli *cli)
{
    if (!write_part(file)) {
        return complain(cli, file->part, strerror(errno));
    }
    file->out = fopen(file->path, "w");
    if (file->out == NULL) {
        int code = complain(cli, file->path, strerror(errno));
        (void)unlink(file->part);
        return code;
    }
    export_heading(file->out, file->format);
    return export_file_keep(file, cli, "");
}

static int go_on(struct export_file *file, struct cli *cli)
{
    FILE *part = fopen(file->part, "r");
    if (part == NULL) {
        return complain(cli, file->part, strerror(errno));
    }
    const char *wrong = read_part(file, part);
    (void)fclose(part);
    if (wrong != NULL) {
        return complain(cli, file->part, wrong);
    }
    int descriptor = open(file->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    struct stat stat;
    if (descriptor < 0 || fstat(descriptor, &stat) != 0) {
        return complain(cli, file->path, strerror(errno));
    }
    if (stat.st_size < file->bytes) {
        (void)close(descriptor);
        return complain(cli, file->path, "the file is shorter than it was: begin anew");
    }
    if (ftruncate(descriptor, file->bytes) != 0 || lseek(descriptor, 0, SEEK_END) < 0 ||
        (file->out = fdopen(descriptor, "w")) == NULL) {
        (void)close(descriptor);
        return complain(cli, file->path, strerror(errno));
    }
    if (file->bytes == 0) {
        export_heading(file->out, file->format);
    }
    return CLI_OK;
}

static bool read_hex(const char *text, uint8_t *out, size_t room, size_t *size_out)
{
    size_t size = strlen(text) / 2;
    if (size > room || strlen(text) % 2 != 0 || strspn(text, "0123456789abcdef") != strlen(text)) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        char digits[3] = {text[2 * i], text[2 * i + 1], '\0'};
        out[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    *size_out = size;
    return true;
}

/* NULL, or what is wrong. */
static const char *read_part(struct export_file *file, FILE *part)
{
    char line[LINE_BYTES], format[16];
    uint8_t asked[EXPORT_FILTER_BYTES];
    size_t asked_size;
    static const char *const BROKEN = "this is not of an export, or of another version";
    if (!read_line(part, "orderctl-export", line, sizeof(line)) || strcmp(line, "1") != 0 ||
        !read_line(part, "format", format, sizeof(format)) ||
        !read_line(part, "asked", line, sizeof(line)) ||
        !read_hex(line, asked, sizeof(asked), &asked_size)) {
        return BROKEN;
    }
    if (strcmp(format, FORMATS[file->format]) != 0 || asked_size != file->asked_size ||
        memcmp(asked, file->asked, asked_size) != 0) {
        return "the export that was cut off has another format or filter";
    }
    return read_place(file, part) ? NULL : BROKEN;
}

/* Where it goes on. */
static bool read_place(struct export_file *file, FILE *part)
{
    char line[LINE_BYTES], bytes[32], *end;
    if (!read_line(part, "filter", line, sizeof(line)) ||
        !read_hex(line, file->filter, sizeof(file->filter), &file->filter_size) ||
        !read_line(part, "bytes", bytes, sizeof(bytes)) ||
        !read_line(part, "token", file->token, sizeof(file->token))) {
        return false;
    }
    file->bytes = strtoll(bytes, &end, 10);
    if (strcmp(file->token, "-") == 0) {
        file->token[0] = '\0';
    }
    return file->bytes >= 0 && *end == '\0';
}

/* "key value\n" */
static bool read_line(FILE *part, const char *key, char *value, size_t room)
{
    char line[LINE_BYTES];
    if (fgets(line, sizeof(line), part) == NULL || strchr(line, '\n') == NULL) {
        return false;
    }
    line[strcspn(line, "\n")] = '\0';
    size_t size = strlen(key);
    if (strncmp(line, key, size) != 0 || line[size] != ' ' || strlen(line + size + 1) >= room) {
        return false;
    }
    memcpy(value, line + size + 1, strlen(line + size + 1) + 1);
    return true;
}

int export_file_keep(struct export_file *file, struct cli *cli, const char *token)
{
    if (file->is_output) {
        (void)snprintf(file->token, sizeof(file->token), "%s", token != NULL ? token : "");
        return fflush(file->out) == 0 ? CLI_OK : fail_writing(cli, "output", strerror(errno));
    }
    if (fflush(file->out) != 0 || ferror(file->out) != 0 || fsync(fileno(file->out)) != 0) {
        return fail_writing(cli, file->path, strerror(errno));
    }
    file->bytes = (int64_t)ftello(file->out);
    if (token == NULL) {
        return unlink(file->part) == 0 ? CLI_OK : fail_writing(cli, file->part, strerror(errno));
    }
    if (strlen(token) >= sizeof(file->token)) {
        return fail_writing(cli, file->part, "the server's page token is too long");
    }
    (void)snprintf(file->token, sizeof(file->token), "%s", token);
    return write_part(file) ? CLI_OK : fail_writing(cli, file->part, strerror(errno));
}

static void put_hex(FILE *out, const char *key, const uint8_t *bytes, size_t size)
{
    fprintf(out, "%s ", key);
    for (size_t i = 0; i < size; i++) {
        fprintf(out, "%02x", bytes[i]);
    }
    fputc('\n', out);
}

/* Whole or not at all. */
static bool write_part(struct export_file *file)
{
    FILE *out = fopen(file->next, "w");
    if (out == NULL) {
        return false;
    }
    fprintf(out, "%s\nformat %s\n", MAGIC, FORMATS[file->format]);
    put_hex(out, "asked", file->asked, file->asked_size);
    put_hex(out, "filter", file->filter, file->filter_size);
    fprintf(out, "bytes %" PRId64 "\ntoken %s\n", file->bytes,
            file->token[0] != '\0' ? file->token : "-");
    bool good = fflush(out) == 0 && fsync(fileno(out)) == 0;
    return fclose(out) == 0 && good && rename(file->next, file->part) == 0;
}

int export_file_close(struct export_file *file, struct cli *cli, int code)
{
    if (file->is_output) {
        return code;
    }
    bool good = fclose(file->out) == 0;
    if (code != CLI_OK) {
        fprintf(cli->err, "orderctl: %s is not complete; go on with --resume\n", file->path);
        return code;
    }
    return good ? CLI_OK : fail_writing(cli, file->path, strerror(errno));
}

/* A full disk and the like: what was kept before is still good. */
static int fail_writing(struct cli *cli, const char *path, const char *why)
{
    (void)complain(cli, path, why);
    return CLI_BROKEN;
}

static int complain(struct cli *cli, const char *path, const char *why)
{
    fprintf(cli->err, "orderctl: %s: %s\n", path, why);
    return CLI_USAGE;
}
