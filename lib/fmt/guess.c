/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guess.c - what a file looks like that is no model
 *
 * Only for the message: people hand over download pages, pointers of git-lfs
 * and archives, and "bad magic" does not help them.
 */
#include "fmt/format.h"

#include "base/text.h"

#include <string.h>
#include <strings.h>

#define LFS "version https://git-lfs"

#define AT(off, bytes, what) { off, bytes, sizeof(bytes) - 1, what }

static const struct {
    size_t off;
    const char *bytes;
    size_t len;
    const char *what;
} looks[] = {
    AT(0, "PK\003\004", "a zip archive (or a PyTorch checkpoint: convert it "
                        "to safetensors first)"),
    AT(0, "PK\005\006", "an empty zip archive"),
    AT(0, LFS, "a git-lfs pointer, not the file itself: run git lfs "
               "pull"),
    AT(0, "\200\002", "a Python pickle: convert it to safetensors first"),
    AT(0, "\200\003", "a Python pickle: convert it to safetensors first"),
    AT(0, "\200\004", "a Python pickle: convert it to safetensors first"),
    AT(0, "\200\005", "a Python pickle: convert it to safetensors first"),
    AT(0, "\037\213", "gzip data: decompress it first"),
    AT(0, "BZh", "bzip2 data: decompress it first"),
    AT(0, "\375" "7zXZ", "xz data: decompress it first"),
    AT(0, "\050\265\057\375", "zstd data: decompress it first"),
    AT(257, "ustar", "a tar archive: unpack it first"),
    AT(0, "tjgg", "an old GGML file (GGJT): convert it again"),
    AT(0, "lmgg", "an old GGML file: convert it again"),
    AT(0, "\211HDF", "an HDF5 file"),
    AT(0, "\177ELF", "a program"),
    AT(0, "<!doctype html", "a web page, not a download"),
    AT(0, "<html", "a web page, not a download"),
    AT(0, "<?xml", "an XML document"),
    AT(0, "{", "JSON text, not a model"),
};

/* Text of a page or pointer may be in any case; magic numbers do not care. */
static bool
looks_like(struct sov_span head, size_t i)
{
    return head.len >= looks[i].off + looks[i].len &&
           strncasecmp((const char *)head.p + looks[i].off, looks[i].bytes,
                       looks[i].len) == 0;
}

const char *
sov_looks(struct sov_span head)
{
    for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++)
        if (looks_like(head, i))
            return looks[i].what;
    return NULL;
}

bool
sov_is_lfs_pointer(struct sov_span head)
{
    return head.len >= sizeof(LFS) - 1 &&
           memcmp(head.p, LFS, sizeof(LFS) - 1) == 0;
}

int
sov_guess(const struct sov_taste *taste, struct sov_err *err)
{
    static const unsigned char zero[8];
    struct sov_span head = taste->head;
    const char *what = sov_looks(head);
    char shown[24];

    if (head.len == 0)
        return sov_fail(err, SOV_EFORMAT, "is empty");
    if (what != NULL)
        return sov_fail(err, SOV_EFORMAT,
                        "not a GGUF or safetensors file: looks like %s",
                        what);
    if (head.len < 8)
        return sov_fail(err, SOV_EFORMAT,
                        "not a GGUF or safetensors file: too short (%d B)",
                        (int)head.len);
    if (memcmp(head.p, zero, sizeof(zero)) == 0)
        return sov_fail(err, SOV_EFORMAT, "not a GGUF or safetensors file: "
                        "starts with zeros (an unfinished download?)");
    return sov_fail(err, SOV_EFORMAT,
                    "not a GGUF or safetensors file: starts with \"%s\"",
                    sov_text_safe(head.p, 4, shown, sizeof(shown)));
}
