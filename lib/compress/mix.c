/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mix.c - which type each tensor of a model gets
 *
 * Walks the tables of mixes.def.  What a tensor is for, and its layer, are read
 * off its name and never counted, so that neither a missing tensor nor a rule
 * of the user's shifts what the others get.
 */
#include "compress/mix.h"

#include "sov/quant.h"

#include "base/limits.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum role {
    NO_ROLE, /* also ends a list of rules */
    ANY,     /* of a rule only */
    EMBD,
    ATTN_V,
    ATTN_K,
    ATTN_Q,
    ATTN_OUT,
    FFN_UP,
    FFN_GATE,
    FFN_DOWN,
};

enum condition {
    ALWAYS = 0,
    MORE = 1,
    EIGHTH = 2,
    SIXTEENTH = 4,
    FIRST4 = 8,
    MOE8 = 16,
    FALCON = 32,
    OTHERS = 64,
    FIRST2 = 128,
    MIDDLE = 256,
    GQA4 = 512,
    MOE4 = 1024,
    STACKED = 2048,
    BLIND = 4096,
    WEIGHED = 8192,
};

struct sov_mix_rule {
    enum role role;
    unsigned when; /* all of these conditions; 0: always */
    enum sov_type type;
};

#define SAME SOV_TYPE_NONE
#define F32  SOV_TYPE_F32

#define RULE(role, when, type) { role, when, SOV_TYPE_##type },
#define NO_RULES
#define MIX(name, ftype, base, head, rules)
#define LOW(name, ftype, base, head, rules)
#define COMMON(rules)
#define PURE(type, ftype)
#define COARSE(type, mix)
#define FALLBACK(type, other)
#define ROLE(part, role)
#define KEEP(part, type)
#define WIDE(arch, layers, grouped)

/* Each table takes its own kind of row, and skips the others. */
#undef MIX
#undef LOW
#define MIX(mix, ftype, first, last, rules) \
    { .name = mix,                          \
      .file_type = ftype,                   \
      .base = SOV_TYPE_##first,             \
      .head = SOV_TYPE_##last,              \
      .rule = (const struct sov_mix_rule[]){ rules{ NO_ROLE, 0, SAME } } },
#define LOW(mix, ftype, first, last, rules) \
    { .name = mix,                          \
      .file_type = ftype,                   \
      .base = SOV_TYPE_##first,             \
      .head = SOV_TYPE_##last,              \
      .low = true,                          \
      .rule = (const struct sov_mix_rule[]){ rules{ NO_ROLE, 0, SAME } } },
static const struct sov_mix mixes[] = {
#include "compress/mixes.def"
};
#undef MIX
#undef LOW
#define MIX(name, ftype, base, head, rules)
#define LOW(name, ftype, base, head, rules)

#undef COMMON
#define COMMON(rules) rules
static const struct sov_mix_rule common[] = {
#include "compress/mixes.def"
    { NO_ROLE, 0, SAME },
};
#undef COMMON
#define COMMON(rules)

#undef PURE
#define PURE(type, ftype) { SOV_TYPE_##type, ftype },
static const struct pure {
    enum sov_type type;
    uint32_t file_type;
} pures[] = {
#include "compress/mixes.def"
};
#undef PURE
#define PURE(type, ftype)

#undef COARSE
#define COARSE(type, mix) { SOV_TYPE_##type, mix },
static const struct coarse {
    enum sov_type type;
    const char *mix;
} coarse[] = {
#include "compress/mixes.def"
};
#undef COARSE
#define COARSE(type, mix)

#undef FALLBACK
#define FALLBACK(type, other) { SOV_TYPE_##type, SOV_TYPE_##other },
static const struct fallback {
    enum sov_type type;
    enum sov_type other;
} fallbacks[] = {
#include "compress/mixes.def"
};
#undef FALLBACK
#define FALLBACK(type, other)

#undef ROLE
#define ROLE(part, role) { part, role },
static const struct role_name {
    const char *part;
    enum role role;
} roles[] = {
#include "compress/mixes.def"
};
#undef ROLE
#define ROLE(part, role)

#undef KEEP
#define KEEP(part, type) { part, type },
static const struct keep {
    const char *part;
    enum sov_type type;
} keeps[] = {
#include "compress/mixes.def"
};
#undef KEEP
#define KEEP(part, type)

#undef WIDE
#define WIDE(arch, layers, grouped) { arch, layers, grouped },
static const struct wide {
    const char *arch;
    uint32_t layers;
    bool grouped;
} wides[] = {
#include "compress/mixes.def"
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const struct sov_mix copy = { .name = "copy",
                                     .base = SOV_TYPE_F32,
                                     .head = SOV_TYPE_F32,
                                     .pure = true,
                                     .copy = true };

bool
sov_mix_find(struct sov_mix *mix, const char *name)
{
    const struct sov_type_info *info;

    for (size_t i = 0; i < COUNT(mixes); i++) {
        if (strcmp(mixes[i].name, name) == 0) {
            *mix = mixes[i];
            return true;
        }
    }
    if (strcmp(name, copy.name) == 0) {
        *mix = copy;
        return true;
    }
    info = sov_type_by_name(name);
    for (size_t i = 0; info != NULL && i < COUNT(pures); i++) {
        if (pures[i].type == info->type) {
            *mix = (struct sov_mix){ .name = info->name,
                                     .file_type = pures[i].file_type,
                                     .base = info->type,
                                     .head = info->type,
                                     .pure = true };
            return true;
        }
    }
    return false;
}

void
sov_mix_own(struct sov_mix *mix, enum sov_type base)
{
    *mix = (struct sov_mix){ .name = "plan",
                             .base = base,
                             .head = base,
                             .pure = true };
    for (size_t i = 0; i < COUNT(pures); i++)
        if (pures[i].type == base)
            mix->file_type = pures[i].file_type;
    for (size_t i = COUNT(mixes); i-- > 0;)
        if (mixes[i].base == base && strcmp(mixes[i].name, "mxfp4_moe") != 0)
            mix->file_type = mixes[i].file_type;
}

const char *
sov_mix_name(size_t i)
{
    if (i < COUNT(mixes))
        return mixes[i].name;
    i -= COUNT(mixes);
    if (i == COUNT(pures))
        return copy.name;
    return i < COUNT(pures) ? sov_type_info((int)pures[i].type)->name : NULL;
}

const char *
sov_quant_file_type(uint64_t file_type)
{
    for (size_t i = 0; i < COUNT(mixes); i++)
        if (mixes[i].file_type == file_type)
            return mixes[i].name;
    for (size_t i = 0; i < COUNT(pures); i++)
        if (pures[i].file_type == file_type)
            return sov_type_info((int)pures[i].type)->name;
    return NULL;
}

static enum role
role_of(const char *name)
{
    for (size_t i = 0; i < COUNT(roles); i++)
        if (strstr(name, roles[i].part) != NULL)
            return roles[i].role;
    return NO_ROLE;
}

/* The number behind "blk."; false if there is none. */
static bool
layer_of(const char *name, uint32_t *layer)
{
    const char *p = strstr(name, "blk.");
    unsigned long n;
    char *end;

    if (p == NULL || p[4] < '0' || p[4] > '9')
        return false;
    n = strtoul(p + 4, &end, 10);
    if (*end != '.' || n >= UINT32_MAX)
        return false;
    *layer = (uint32_t)n;
    return true;
}

static int
by_number(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* The layers of all value matrices, so that a rank can be found in them. */
static int
find_values(struct sov_mix_facts *f, const sov_model *model,
            struct sov_err *err)
{
    size_t n = sov_model_count(model);
    uint32_t top = 0;

    f->value_layer = sov_mem_array(n, sizeof(*f->value_layer));
    if (f->value_layer == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < n; i++) {
        const char *name = sov_model_at(model, i)->name;
        uint32_t layer = 0;

        if (layer_of(name, &layer) && layer >= top)
            top = layer + 1;
        if (role_of(name) == ATTN_V)
            f->value_layer[f->n_values++] = layer;
    }
    qsort(f->value_layer, f->n_values, sizeof(uint32_t), by_number);
    if (f->n_layers == 0)
        f->n_layers = top;
    return 0;
}

/* A number of the model's own architecture; 0 if it is not there. */
static uint64_t
arch_number(const sov_meta *meta, const char *arch, const char *key)
{
    char name[128];
    const struct sov_kv *kv;
    int64_t n;

    snprintf(name, sizeof(name), "%s.%s", arch, key);
    kv = sov_meta_find(meta, name);
    if (kv == NULL || kv->n == 0 || kv->type == SOV_V_STR ||
        (kv->type == SOV_V_ARR && kv->elem == SOV_V_STR))
        return 0;
    n = sov_kv_int(kv, 0);
    return n > 0 ? (uint64_t)n : 0;
}

int
sov_mix_facts(struct sov_mix_facts *facts, const sov_model *model,
              struct sov_err *err)
{
    const sov_meta *meta = sov_model_meta(model);
    struct sov_mix_facts f = { .tied = true };
    struct sov_span name = { 0 };
    char arch[64] = "";
    uint64_t layers, heads, keys;
    int rc;

    if (sov_meta_str(meta, "general.architecture", &name, NULL) == 0 &&
        name.len < sizeof(arch))
        memcpy(arch, name.p, name.len);
    layers = arch_number(meta, arch, "block_count");
    heads = arch_number(meta, arch, "attention.head_count");
    keys = arch_number(meta, arch, "attention.head_count_kv");
    f.n_layers = layers <= SOV_LAYERS_MAX ? (uint32_t)layers : 0;
    f.falcon = strcmp(arch, "falcon") == 0;
    f.gqa4 = keys > 0 && heads / keys >= 4;
    f.moe4 = arch_number(meta, arch, "expert_count") >= 4;
    f.moe8 = arch_number(meta, arch, "expert_count") == 8;
    f.tied = sov_model_find(model, "output.weight") < 0;
    for (size_t i = 0; i < COUNT(wides); i++)
        if (strcmp(arch, wides[i].arch) == 0 && layers == wides[i].layers &&
            !(wides[i].grouped && (keys == 0 || keys == heads)))
            f.wide = true;
    rc = find_values(&f, model, err);
    if (rc < 0) {
        sov_mix_facts_free(&f);
        return rc;
    }
    *facts = f;
    return 0;
}

void
sov_mix_facts_free(struct sov_mix_facts *facts)
{
    free(facts->value_layer);
    facts->value_layer = NULL;
}

static const struct keep *
keep_of(const char *name)
{
    for (size_t i = 0; i < COUNT(keeps); i++)
        if (strstr(name, keeps[i].part) != NULL)
            return &keeps[i];
    return NULL;
}

/* Dimensions that matter: a column is a vector. */
static bool
is_vector(const struct sov_tensor *t)
{
    return t->dim[1] <= 1 && t->dim[2] <= 1 && t->dim[3] <= 1;
}

static bool
ends_with(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);

    return n >= m && memcmp(name + n - m, end, m) == 0;
}

bool
sov_mix_is_matrix(const struct sov_tensor *t)
{
    const struct sov_type_info *info = sov_type_info((int)t->type);

    return (info->kind == SOV_KIND_FLOAT || info->kind == SOV_KIND_BLOCK) &&
           !is_vector(t) && ends_with(t->name, "weight") &&
           keep_of(t->name) == NULL;
}

/*
 * Vectors, and what no rule knows, are computed with in F32 by everybody who
 * reads the file; blocks and integers stay what they are.
 */
enum sov_type
sov_mix_keep(const struct sov_tensor *t)
{
    const struct sov_type_info *info = sov_type_info((int)t->type);
    const struct keep *keep = keep_of(t->name);
    bool loads = t->type == SOV_TYPE_F16 || t->type == SOV_TYPE_BF16;

    if (info->kind != SOV_KIND_FLOAT)
        return t->type;
    if (loads && !is_vector(t) && keep != NULL && keep->type == SAME)
        return t->type;
    return SOV_TYPE_F32;
}

/* How many value matrices lie in lower layers. */
static size_t
value_rank(const struct sov_mix_facts *f, uint32_t layer)
{
    size_t lo = 0, hi = f->n_values;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (f->value_layer[mid] < layer)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* Conditions on i of n: a layer, or the rank of a value matrix. */
static bool
lies(unsigned when, uint64_t i, uint64_t n)
{
    bool begins = i < n / 8, ends = i >= 7 * n / 8;

    if ((when & MORE) != 0 && !(begins || ends || (i - n / 8) % 3 == 2))
        return false;
    if ((when & EIGHTH) != 0 && !begins)
        return false;
    if ((when & SIXTEENTH) != 0 && !(i < n / 16))
        return false;
    if ((when & MIDDLE) != 0 && (begins || ends))
        return false;
    if ((when & FIRST2) != 0 && !(i < 2))
        return false;
    return (when & FIRST4) == 0 || i < 4;
}

/* Conditions on the model and the tensor's shape. */
static bool
holds(const struct sov_mix_facts *f, const struct sov_tensor *t, unsigned when)
{
    if ((when & GQA4) != 0 && !f->gqa4)
        return false;
    if ((when & MOE4) != 0 && !f->moe4)
        return false;
    if ((when & MOE8) != 0 && !f->moe8)
        return false;
    if ((when & FALCON) != 0 && !f->falcon)
        return false;
    if ((when & OTHERS) != 0 && f->falcon)
        return false;
    if ((when & STACKED) != 0 && t->dim[2] <= 1)
        return false;
    if ((when & WEIGHED) != 0 && !f->weighed)
        return false;
    return (when & BLIND) == 0 || !f->weighed;
}

static enum sov_type
walk(const struct sov_mix_rule *rule, const struct sov_mix_facts *f,
     enum role role, const struct sov_tensor *t)
{
    const unsigned layered =
        MORE | EIGHTH | SIXTEENTH | MIDDLE | FIRST2 | FIRST4;
    uint32_t layer = 0;
    bool known = layer_of(t->name, &layer);
    uint64_t i = layer, n = f->n_layers;

    if (role == ATTN_V) {
        i = value_rank(f, layer);
        n = f->n_values;
    }
    for (; rule->role != NO_ROLE; rule++)
        if ((rule->role == role || rule->role == ANY) &&
            (known || (rule->when & layered) == 0) && lies(rule->when, i, n) &&
            holds(f, t, rule->when))
            return rule->type;
    return SAME;
}

static enum sov_type
pick_head(const struct sov_mix *mix, const struct sov_mix_facts *f, uint64_t n)
{
    if (f->falcon || n % sov_type_info((int)mix->base)->block != 0)
        return SOV_TYPE_Q8_0;
    return mix->head;
}

enum sov_type
sov_mix_pick(const struct sov_mix *mix, const struct sov_mix_facts *facts,
             const struct sov_tensor *t)
{
    enum role role = role_of(t->name);
    enum sov_type type;
    bool embd = strcmp(t->name, "token_embd.weight") == 0 ||
                strcmp(t->name, "per_layer_token_embd.weight") == 0;

    if (mix->copy)
        return t->type;
    if (mix->pure || sov_type_info((int)mix->base)->kind != SOV_KIND_BLOCK)
        return mix->base;
    if (strcmp(t->name, "output.weight") == 0 || (embd && facts->tied))
        return pick_head(mix, facts, t->dim[0]);
    type = mix->low ? SAME : walk(common, facts, role, t);
    if (type != SAME)
        return type;
    type = walk(mix->rule, facts, role, t);
    if (type == SAME)
        type = mix->base;
    if (!mix->low && facts->wide && role == ATTN_V &&
        (type == SOV_TYPE_Q3_K || type == SOV_TYPE_Q4_K))
        type = SOV_TYPE_Q5_K;
    return type;
}

static bool
divides(enum sov_type type, uint64_t n)
{
    return n % sov_type_info((int)type)->block == 0;
}

enum sov_type
sov_mix_fit(enum sov_type type, uint64_t n)
{
    if (divides(type, n))
        return type;
    for (size_t i = 0; i < COUNT(fallbacks); i++)
        if (fallbacks[i].type == type && divides(fallbacks[i].other, n))
            return fallbacks[i].other;
    return SOV_TYPE_F16;
}

bool
sov_mix_is_coarse(const struct sov_mix *mix, enum sov_type type)
{
    for (size_t i = 0; i < COUNT(coarse); i++)
        if (coarse[i].type == type && (coarse[i].mix == NULL ||
                                       strcmp(coarse[i].mix, mix->name) == 0))
            return true;
    return false;
}
