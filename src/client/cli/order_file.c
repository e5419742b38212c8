/* See order_file.h. */
#include "client/cli/order_file.h"

#include <errno.h>
#include <string.h>

#include "json/json_read.h"

#define FILE_BYTES_MAX (1024 * 1024) /* the largest request there is is below that */

static struct bytes read_all(struct cli *cli, FILE *file);

int order_file_read(struct cli *cli, const char *path, Shop__V1__CreateOrderRequest **request_out)
{
    bool is_input = strcmp(path, "-") == 0;
    FILE *file = is_input ? cli->environment->in : fopen(path, "re");
    if (file == NULL) {
        return cli_usage(cli, "%s: %s", path, strerror(errno));
    }
    struct bytes text = read_all(cli, file);
    if (!is_input) {
        (void)fclose(file);
    }
    if (text.data == NULL) {
        return cli_usage(cli, "%s: it cannot be read, or is larger than 1 MiB", path);
    }
    static const struct json_read_options STRICT = {.ignore_unknown = false};
    ProtobufCMessage *message;
    struct failure failure;
    if (json_read(&shop__v1__create_order_request__descriptor, text, &STRICT, &cli->arena, &message,
                  &failure) != STATUS_OK) {
        return cli_usage(cli, "%s: %s", path, failure.message); /* it names the field */
    }
    *request_out = (Shop__V1__CreateOrderRequest *)message;
    return CLI_OK;
}

/* NULL data when it is too large or cannot be read. */
static struct bytes read_all(struct cli *cli, FILE *file)
{
    char *text = arena_alloc(&cli->arena, FILE_BYTES_MAX + 1);
    size_t size = text != NULL ? fread(text, 1, FILE_BYTES_MAX + 1, file) : 0;
    if (text == NULL || size > FILE_BYTES_MAX || ferror(file) != 0) {
        return (struct bytes){0};
    }
    return bytes_of(text, size);
}
