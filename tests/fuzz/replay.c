/* Replay: a fuzz target without libFuzzer, over every file of a folder. With it the seeds, and all
 * that fuzzing ever found, are unit tests in each build. */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool replay_file(const char *folder, const char *name);

int main(int argc, char **argv)
{
    size_t count = 0;
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
    if (folder == NULL) {
        fprintf(stderr, "usage: %s CORPUS\n", argv[0]);
        return 2;
    }
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] != '.' && !replay_file(argv[1], entry->d_name)) {
            return 1;
        }
        count += entry->d_name[0] != '.';
    }
    (void)closedir(folder);
    printf("%zu inputs\n", count);
    return count > 0 ? 0 : 1;
}

/* A buffer of just that size: a step too far is seen. */
static bool replay_file(const char *folder, const char *name)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
        perror(path);
        return false;
    }
    long size = ftell(file);
    uint8_t *data = size >= 0 ? malloc(size > 0 ? (size_t)size : 1) : NULL;
    rewind(file);
    bool is_read = data != NULL && fread(data, 1, (size_t)size, file) == (size_t)size;
    (void)fclose(file);
    if (is_read) {
        (void)LLVMFuzzerTestOneInput(data, (size_t)size);
    } else {
        fprintf(stderr, "%s cannot be read\n", path);
    }
    free(data);
    return is_read;
}
