/* Make key: adds a key to a file and prints its text and id, or revokes one; for the gateway's
 * tests. make_key FILE NAME CUSTOMER SCOPES     CUSTOMER "" for none make_key FILE --revoke ID */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access/keys.h"

static int save(struct keys *keys, const char *path)
{
    struct failure failure;
    enum status status = keys_save(keys, path, &failure);
    keys_fini(keys);
    return status == STATUS_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    struct keys keys = {0};
    struct key wanted = {0};
    struct failure failure;
    char text[KEY_TEXT_BYTES];
    if (argc < 4) {
        return EXIT_FAILURE;
    }
    enum status status = keys_load(argv[1], &keys, &failure);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
        return EXIT_FAILURE;
    }
    if (strcmp(argv[2], "--revoke") == 0) {
        return keys_revoke(&keys, argv[3]) ? save(&keys, argv[1]) : EXIT_FAILURE;
    }
    if (argc != 5) {
        return EXIT_FAILURE;
    }
    (void)snprintf(wanted.name, sizeof wanted.name, "%s", argv[2]);
    (void)snprintf(wanted.customer_id, sizeof wanted.customer_id, "%s", argv[3]);
    (void)snprintf(wanted.scopes, sizeof wanted.scopes, "%s", argv[4]);
    if (keys_create(&keys, &wanted, clock_system(), text, &failure) != STATUS_OK) {
        (void)fprintf(stderr, "make_key: %s\n", failure.message);
        return EXIT_FAILURE;
    }
    (void)printf("%s %s\n", text, keys.list[keys.count - 1].id);
    return save(&keys, argv[1]);
}
