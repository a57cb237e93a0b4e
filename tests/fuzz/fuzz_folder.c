/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_folder.c - any bytes as a folder of model files
 *
 *   u8 which to open | files: u8 which | u16 length | bytes
 *
 * Which is a number into names[]; the last name, the empty one, is the folder
 * itself.  What the input does not name does not exist.
 */
#include "fuzz_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = {
    "m-00001-of-00002.gguf",
    "m-00002-of-00002.gguf",
    "model.safetensors.index.json",
    "model.safetensors",
    "a-00001-of-00002.safetensors",
    "a-00002-of-00002.safetensors",
    "config.json",
    "pytorch_model.bin",
    "",
};

#define N_NAMES (sizeof(names) / sizeof(names[0]))

static char dir[64];

static const char *
path_of(size_t i)
{
    static char path[128];

    snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
    return path;
}

static void
empty_folder(void)
{
    for (size_t i = 0; i < N_NAMES - 1; i++)
        (void)remove(path_of(i));
}

static void
clean(void)
{
    empty_folder();
    (void)remove(dir);
}

static void
set_up(void)
{
    const char *tmp = getenv("TMPDIR");

    snprintf(dir, sizeof(dir), "%.40s/sov-fuzz-XXXXXX",
             tmp != NULL ? tmp : "/tmp");
    if (mkdtemp(dir) == NULL)
        abort();
    atexit(clean);
}

static void
fill(const uint8_t *data, size_t size)
{
    while (size >= 3) {
        size_t len = data[1] + 256u * data[2];
        const char *path = path_of(data[0] % (N_NAMES - 1));
        FILE *f;

        if (len > size - 3)
            len = size - 3;
        (void)remove(path); /* cutting it short may wait for the disk */
        f = fopen(path, "wb");
        if (f == NULL || fwrite(data + 3, 1, len, f) != len ||
            fclose(f) != 0)
            abort();
        data += 3 + len;
        size -= 3 + len;
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sov_err err = { 0 };
    char *text = NULL;
    sov_model *m;
    size_t len;

    if (size == 0)
        return 0;
    if (dir[0] == '\0')
        set_up();
    fill(data + 1, size - 1);
    if (sov_model_load(&m, path_of(data[0] % N_NAMES),
                       size % 2 ? SOV_ACCESS_MAP : SOV_ACCESS_STREAM,
                       &err) < 0) {
        if (err.rc == SOV_OK || strchr(err.msg, '\n') != NULL)
            abort();
    } else {
        fuzz_use_meta(sov_model_meta(m));
        fuzz_use_tensors(m, true);
        fuzz_use_plan(m, &(struct sov_layout){ .name = "x" });
        if (sov_model_side_file(m, "config.json", 1000, &text, &len,
                                &err) == 0)
            free(text);
        sov_model_close(m);
    }
    empty_folder();
    return 0;
}
