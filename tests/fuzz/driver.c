/* SPDX-License-Identifier: Apache-2.0 */
/*
 * driver.c - a main() for fuzz targets when there is no libFuzzer
 *
 * Every file named on the command line (a folder stands for the files in it;
 * without operands, the target's own corpus) is given to the target whole,
 * then cut short at some lengths, then with some bytes changed.  The choice
 * follows from the file's bytes alone, so a run can be repeated.  With --whole
 * as the first operand it is given whole, and that is all.
 *
 * Exit status: 0 all inputs survived; a finding dies by a signal or sanitizer.
 */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define CUTS      64
#define MUTATIONS 192
#define FILE_MAX  (16u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t n_inputs;
static bool whole;

/* xorshift64*: good enough to choose bytes, and the same everywhere. */
static uint64_t
next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(0x2545F4914F6CDD1D);
}

/* A fresh allocation of exactly size bytes, so that a sanitizer or valgrind
 * sees the first byte read past the end. */
static void
feed(const uint8_t *data, size_t size)
{
    uint8_t *copy = calloc(size > 0 ? size : 1, 1);

    if (copy == NULL) {
        perror("malloc");
        exit(1);
    }
    if (size > 0)
        memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
    n_inputs++;
}

static void
feed_mutations(uint8_t *data, size_t size)
{
    static const uint8_t nasty[] = { 0x00, 0x01, 0x7f, 0x80, 0xff, '"', '{' };
    uint64_t state = UINT64_C(0x9E3779B97F4A7C15) ^ size;

    for (size_t i = 0; i < size && i < 4096; i++)
        state = (state ^ data[i]) * UINT64_C(0x100000001B3);
    state |= 1;
    for (int i = 0; i < CUTS && size > 0; i++)
        feed(data, (size_t)(next_random(&state) % size));
    for (int i = 0; i < MUTATIONS && size > 0; i++) {
        size_t span = i % 2 == 0 && size > 256 ? 256 : size;
        size_t at = (size_t)(next_random(&state) % span);
        uint8_t old = data[at];
        uint64_t r = next_random(&state);

        data[at] = r & 1 ? nasty[(r >> 8) % sizeof(nasty)] : (uint8_t)(r >> 8);
        feed(data, size);
        data[at] = old;
    }
}

static void
run_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data = malloc(FILE_MAX);
    size_t size;

    if (f == NULL || data == NULL) {
        perror(path);
        exit(1);
    }
    size = fread(data, 1, FILE_MAX, f);
    if (ferror(f)) {
        perror(path);
        exit(1);
    }
    fclose(f);
    feed(data, size);
    if (!whole)
        feed_mutations(data, size);
    free(data);
}

static void
run_path(const char *path)
{
    struct dirent **names;
    struct stat st;
    int n;

    if (stat(path, &st) != 0) {
        perror(path);
        exit(1);
    }
    if (!S_ISDIR(st.st_mode)) {
        run_file(path);
        return;
    }
    n = scandir(path, &names, NULL, alphasort);
    if (n < 0) {
        perror(path);
        exit(1);
    }
    for (int i = 0; i < n; i++) {
        char *inner;

        if (names[i]->d_name[0] != '.') {
            if (asprintf(&inner, "%s/%s", path, names[i]->d_name) < 0)
                abort();
            run_path(inner);
            free(inner);
        }
        free(names[i]);
    }
    free(names);
}

/* .../fuzz_gguf and .../lt-fuzz_gguf both have corpus/gguf. */
static void
run_own_corpus(const char *argv0)
{
    const char *top = getenv("top_srcdir");
    const char *name = strstr(argv0, "fuzz_");
    const char *later;
    char *dir;

    while (name != NULL && (later = strstr(name + 5, "fuzz_")) != NULL)
        name = later;
    if (name == NULL || top == NULL) {
        fprintf(stderr, "usage: fuzz_NAME [--whole] FILE|FOLDER...\n");
        exit(64);
    }
    if (asprintf(&dir, "%s/tests/fuzz/corpus/%s", top, name + 5) < 0)
        abort();
    run_path(dir);
    free(dir);
}

int
main(int argc, char **argv)
{
    whole = argc > 1 && strcmp(argv[1], "--whole") == 0;
    feed((const uint8_t *)"", 0);
    if (argc < 2 + whole)
        run_own_corpus(argv[0]);
    for (int i = 1 + whole; i < argc; i++)
        run_path(argv[i]);
    printf("%zu inputs\n", n_inputs);
    return 0;
}
