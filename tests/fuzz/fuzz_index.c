/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_index.c - any bytes as the index of a folder with two shards
 */
#include "fuzz_model.h"

#include "base/buf.h"

#define INDEX "model.safetensors.index.json"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[64];
static const char *const shards[] = { "a.safetensors", "b.safetensors" };

static void
write_in(const char *name, const void *p, size_t len)
{
    char path[128];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    (void)remove(path); /* cutting a file short may wait for the disk */
    f = fopen(path, "wb");
    if (f == NULL || fwrite(p, 1, len, f) != len || fclose(f) != 0)
        abort();
}

static void
clean(void)
{
    static const char *const names[] = { "a.safetensors", "b.safetensors",
                                         INDEX, "" };
    char path[128];

    for (size_t i = 0; i < 4; i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        (void)remove(path);
    }
}

/* One tensor in each shard, named as the shard without its suffix. */
static void
set_up(void)
{
    const char *tmp = getenv("TMPDIR");
    char json[128];

    snprintf(dir, sizeof(dir), "%.40s/sov-fuzz-XXXXXX",
             tmp != NULL ? tmp : "/tmp");
    if (mkdtemp(dir) == NULL)
        abort();
    atexit(clean);
    for (size_t i = 0; i < 2; i++) {
        struct sov_buf b = { 0 };

        snprintf(json, sizeof(json), "{\"%c\":{\"dtype\":\"U8\",\"shape\":[2],"
                 "\"data_offsets\":[0,2]}}", shards[i][0]);
        sov_buf_u64(&b, strlen(json));
        sov_buf_add(&b, json, strlen(json));
        sov_buf_u16(&b, 7);
        write_in(shards[i], b.p, b.len);
        sov_buf_free(&b);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sov_model *m;

    if (dir[0] == '\0')
        set_up();
    write_in(INDEX, data, size);
    if (sov_model_load(&m, dir, SOV_ACCESS_STREAM, NULL) < 0)
        return 0;
    fuzz_use_tensors(m, true);
    sov_model_close(m);
    return 0;
}
