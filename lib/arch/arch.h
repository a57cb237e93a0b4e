/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch.h - a network: weights bound to an architecture, and one pass over it
 *
 * A net is read-only and borrows its model.  A pass is the memory that a run
 * of up to n_batch tokens, of any number of timelines, needs; keys and values
 * live beside it, since they outlive the run.
 */
#ifndef SOV_ARCH_ARCH_H
#define SOV_ARCH_ARCH_H

#include "arch/bind.h"
#include "arch/hparams.h"
#include "nn/attn.h"
#include "nn/fn.h"
#include "nn/low.h"
#include "nn/mat.h"
#include "nn/rope.h"
#include "sov/run.h"
#include "sys/ahead.h"
#include "sov/lora.h"
#include "sys/par.h"

/* Matrices of one input that are multiplied together. */
#define SOV_MULS_MAX 3

struct sov_layer {
    struct sov_norm attn_norm; /* of the stream, for q, k and v */
    struct sov_norm attn_post; /* of what attention adds to the stream */
    struct sov_norm attn_end;  /* of the stream with that */
    struct sov_norm ffn_norm;  /* and the same of the feed-forward */
    struct sov_norm ffn_post;
    struct sov_norm ffn_end;
    const float *q_norm;       /* see enum sov_qk_norm */
    const float *k_norm;
    const float *sink;         /* [n_head], or NULL */
    struct sov_mat qkv[3];     /* q, k, v; or the three as one, rows q | k | v */
    size_t n_qkv;
    struct sov_mat attn_out;
    struct sov_mat router;     /* data NULL: the feed-forward has no experts */
    /* of the first expert, where there are some: those of the others follow */
    struct sov_mat up[2];      /* gate, up; rows gate | up as one; or only up */
    size_t n_up;
    struct sov_mat down;
};

/* Which turns of rotary positions. */
enum sov_turns {
    SOV_TURNS_ALL,   /* of layers that see all keys */
    SOV_TURNS_LOCAL, /* of those that see a window */
    SOV_TURNS_LONG,  /* in place of ALL in a context longer than n_ctx_orig */
    SOV_N_TURNS,
};

struct sov_net {
    const struct sov_arch *arch;
    struct sov_hparams hp;
    size_t n_vocab;
    struct sov_mat embd;        /* a row for each token */
    struct sov_mat places;      /* a row for each position; data NULL: none */
    const float *kind;          /* added to every token, or NULL */
    struct sov_norm embd_norm;
    struct sov_norm out_norm;
    struct sov_mat head;        /* embd itself where a model ties them; data
                                   NULL: there are no logits */
    struct sov_mat dense[2];    /* what an embedding goes through at the end;
                                   data NULL: nothing */
    struct sov_mat rank;        /* layers that give a text scores; each, or */
    struct sov_mat rank_out;    /* both, may have data NULL */
    struct sov_layer *layer;    /* [n_layer] */
    double *freq[SOV_N_TURNS];  /* [n_rot / 2], or NULL */
    double turn_size[SOV_N_TURNS];
    struct sov_vec *own;
    uint64_t types;             /* sov_type_bit() of each matrix */
    size_t n_lows;              /* thin matrices of a product; 0: no adapters */
    size_t low_rank;            /* the largest */
    uint64_t low_types;         /* of those that are multiplied last */
    uint64_t low_bytes;         /* of copies of them */
    /* the largest over all layers */
    size_t q_max;               /* numbers of q */
    size_t qkv_max;             /* of q, k and v, and a little more */
    size_t o_max;               /* of the heads' values */
    size_t ff_max;              /* and a little more */
    size_t in_max;              /* of any matrix's input */
    size_t part_stride;         /* n_embd, and a little more */
};

enum sov_norm_kind {
    SOV_NORM_RMS,
    SOV_NORM_LAYER, /* with biases */
    SOV_NORM_MEAN,  /* the same without */
};

enum sov_qk_norm {
    SOV_QK_PLAIN,
    SOV_QK_HEADS, /* each head of queries and keys is normed */
    SOV_QK_WHOLE, /* all heads together are */
};

/* One row for each architecture; what is left out is none of it. */
struct sov_arch {
    const char *name; /* general.architecture, and the prefix of the keys */
    enum sov_rope_pairs rope;
    enum sov_norm_kind norm;
    /* tensors blk.N.NAME of each norm of struct sov_layer */
    const char *attn_norm, *attn_post, *attn_end;
    const char *attn_norm_2;     /* in place of attn_norm where it is there */
    bool bare_first;             /* the first layer may lack attn_norm */
    const char *ffn_norm, *ffn_post, *ffn_end;
    enum sov_qk_norm qk_norm;
    enum sov_fn fn;
    bool gated;                  /* down(fn(gate) * up), not down(fn(up)) */
    bool gate_in_up;             /* the rows of ffn_up are gate | up */
    bool parallel;               /* attention and feed-forward both read what
                                    the layer begins with */
    bool places;                 /* positions are learned: position_embd */
    bool kinds;                  /* row 0 of token_types is added */
    bool embd_norm;              /* token_embd_norm */
    bool embd_root;              /* embeddings are taken times sqrt(n_embd) */
    bool temperature;            /* key attention.temperature_scale */
    bool sinks;
    bool scales;                 /* keys embedding_scale, residual_scale,
                                    logit_scale */
    bool encoder;                /* every token sees all; no logits */
    bool end_norm;               /* an encoder has output_norm, too */
    bool dense;                  /* may have dense_2 and dense_3 */
    bool ranks;                  /* may have a head that gives texts scores */
    bool rank_last;              /* from the last token, as shares of one */
    bool experts;                /* may have some */
    bool softmax_chosen;         /* over the chosen experts, not over all */
    bool caps;                   /* soft limits; the model's keys go before */
    float attn_cap, logit_cap;
    bool windows;                /* some layers see a window; likewise */
    uint32_t window;
    uint32_t window_pattern;     /* every such layer sees all; 0: none does */
    bool window_first;           /* the first of them, not the last */
    bool window_both;            /* half of a window lies before a token, and
                                    half behind it */
    bool says_fn;                /* key hidden_activation goes before fn */
    bool local_plain;            /* rotary positions are not scaled there */
    double local_base;           /* 0: as elsewhere */
    uint32_t layers_by_width;    /* a model of so many layers scales its scores
                                    by its width, not by its heads' length */
};

#define ARCH(sym) extern const struct sov_arch sov_arch_##sym;
#include "arch/archs.def"
#undef ARCH

/* The row that a model's metadata name; SOV_EUNSUP: there is none. */
int sov_arch_find(const struct sov_arch **arch, const sov_meta *meta,
                  struct sov_err *err) SOV_MUST_CHECK;

/* SOV_EUNSUP for an architecture that has no row.  The adapters are borrowed,
 * as the model is. */
int sov_net_open(struct sov_net **net, const sov_model *model,
                 const struct sov_lora_use *lora, size_t n_lora,
                 struct sov_err *err) SOV_MUST_CHECK;
void sov_net_close(struct sov_net *net);

/*
 * The bytes of all weights in the order in which a pass goes over them:
 * SOV_NET_PARTS for each layer, some of them empty, then the end.  With part
 * NULL they are only counted.
 */
#define SOV_NET_PARTS 7
size_t sov_net_parts(const struct sov_net *net, struct sov_span *part);

/*
 * What the experts of a layer need.  A slot is a column for one of its
 * experts; those of an expert follow each other, so that its matrices see
 * them as their columns.
 */
struct sov_experts {
    float *score;         /* [n_batch, n_expert] */
    uint32_t *pick;       /* [n_batch, n_used] experts */
    float *weight;        /* [n_batch, n_used] */
    uint32_t *slot;       /* [n_batch, n_used] */
    uint32_t *column;     /* [n_slots] */
    uint32_t *first;      /* [n_expert + 1] slots of an expert */
    uint32_t *busy;       /* [n_expert] experts that have any */
    float *x;             /* [n_slots, n_embd] in, then out */
    float *ff;            /* [n_slots, 2 ff_max] */
    struct sov_a32 *a32;  /* [n_slots, in_max / 256] */
    struct sov_a256 *a256;
    float *half;
    uint16_t *bf16;
};

/* A token of a run. */
struct sov_column {
    int32_t id;
    uint32_t place;        /* position in its text */
    uint32_t slot;         /* where key and value are kept, */
    const uint32_t *block; /* in this table, */
    const uint32_t *local; /* of layers that see a window in this one */
};

/* What adapters need: n_lows places of cols columns of up to low_rank. */
struct sov_low_room {
    size_t cols;
    float *x;
    struct sov_a32 *a32;
    struct sov_a256 *a256;
    float *half;
    uint16_t *bf16;
};

struct sov_pass {
    struct sov_nn nn;
    struct sov_ahead *ahead; /* reads those parts, or NULL */
    struct sov_cache *kv;    /* [n_layer] */
    size_t n_batch;
    const double *freq[2];   /* ALL or LONG, and LOCAL */
    double turn_size[2];
    float *x;             /* [n_batch, n_embd] the stream of the layers */
    float *part;          /* [n_batch, part_stride] what is added to it next */
    float *norm;          /* [n_batch, n_embd] */
    float *qkv;           /* [n_batch, qkv_max] */
    float *heads;         /* [n_batch, o_max] */
    float *ff;            /* [n_batch, 2 ff_max] gate | up */
    float *turn[2];       /* [n_batch, n_rot] */
    uint32_t *begin;      /* [n_batch] slot of the first key that is seen, */
    uint32_t *end;        /* [n_batch] and the one behind the last */
    uint32_t *first;      /* [n_batch] the same in a window */
    uint32_t *last;       /* [n_batch] */
    struct sov_column *column; /* [n_batch] */
    uint32_t *wanted;     /* [n_batch] columns that get logits */
    struct sov_attn_seq *seq;  /* [n_batch] timelines, those together that
                                  share their first blocks, */
    struct sov_attn_seq *near; /* [n_batch] the same with tables of windows */
    struct sov_tile *tile;
    float *dense;         /* [rows of dense_2] */
    struct sov_a32 *a32;  /* [n_batch, in_max / 256] */
    struct sov_a256 *a256;
    float *half;          /* [n_batch, in_max] */
    uint16_t *bf16;       /* [n_batch, sov_input_bf16(in_max)] */
    struct sov_experts ex;
    struct sov_low_room low;
};

/*
 * Cut the memory of a pass from an arena (or count it).  n_batch, nn.k,
 * nn.precise and the sizes of kv are set; nn.room is set here.
 * Gives 0, or SOV_EMEM if it cannot be counted.
 */
int sov_pass_place(struct sov_pass *pass, const struct sov_net *net,
                   struct sov_arena *a) SOV_MUST_CHECK;

/*
 * Tokens ids[n], n > 0, at positions pos on of a timeline whose table has
 * blocks for all of them that no other timeline of the run writes to; of the
 * last n_out of them something is wanted.
 */
struct sov_stretch {
    const int32_t *ids;
    size_t n;
    size_t pos;
    const uint32_t *block; /* borrowed until the run is over */
    const uint32_t *local; /* likewise, of caches that are local, or NULL */
    size_t n_out;
};

/*
 * Stretches of different timelines, n_batch tokens at most; keys and values
 * are kept.  Logits of those that are wanted go to logits [, n_vocab], in the
 * order of the stretches; without logits, what the head would have seen of
 * these is left in pass->norm [, n_embd].  What comes out for a stretch is the
 * same bits whatever other stretches there are.
 */
void sov_net_run(const struct sov_net *net, struct sov_pass *pass,
                 const struct sov_stretch *stretch, size_t n_stretches,
                 float *logits);

/*
 * Several texts from their beginnings, n_batch tokens at most.  Their keys
 * begin at multiples of align, one text behind the other, in the blocks of one
 * timeline; what the head would have seen of each token is left in pass->norm
 * [all tokens, n_embd].
 */
void sov_net_run_texts(const struct sov_net *net, struct sov_pass *pass,
                       const struct sov_text_ids *text, size_t n_texts,
                       size_t align, const uint32_t *block,
                       const uint32_t *local);

/* An adapter's part in a product: to be added to y. */
struct sov_walk_low {
    const struct sov_low *low;
    struct sov_input in; /* of low->out */
    float *y;
    size_t y_stride;
};

/* Matrices of a layer that one input enters. */
enum sov_enters {
    SOV_ENTERS_NONE,
    SOV_ENTERS_QKV,
    SOV_ENTERS_OUT,
    SOV_ENTERS_UP, /* and the router, where there are experts */
    SOV_ENTERS_DOWN,
    SOV_N_ENTERS,
};

/*
 * A run on its way.  It is one region of the team: a loop over columns
 * (tokens) or over rows of weights follows the other, and between them one
 * thread has the walk for itself and says what the next loop is.
 */
struct sov_walk {
    const struct sov_net *net;
    struct sov_pass *pass;
    size_t n;          /* columns */
    size_t n_seq;      /* timelines */
    float *logits;
    size_t n_out;
    bool begun;
    bool from_stream;  /* what the layer begins with is in x */
    size_t layer;
    size_t last;       /* the first layer that is not done */
    size_t step;       /* in the layer */
    bool in_parts;     /* every product of a layer waits to be looked at */
    bool seen;         /* this one was */
    enum sov_enters enters;
    /* what the last step left to the stream: part, or what experts made */
    bool add;
    bool add_experts;
    const struct sov_norm *post; /* of part */
    const struct sov_norm *end;  /* of the stream then */
    size_t n_busy;               /* experts */
    /* for the present loop */
    const struct sov_norm *norm; /* of the stream */
    struct sov_input in;
    struct sov_mul mul[SOV_MULS_MAX * (1 + SOV_LORAS_MAX)];
    size_t n_mul;
    struct sov_walk_low low[SOV_MULS_MAX * SOV_LORAS_MAX];
    size_t n_low;
    bool low_by_expert; /* columns are slots */
    struct sov_attn attn;
};

/*
 * A run in parts, for who looks at what enters the matrices.  begin takes one
 * stretch; then embed makes the stream of it in pass->x, layer goes from there
 * to the end of one layer, and end leaves what the head sees in pass->norm, all
 * of it [columns, n_embd].
 *
 * on goes up to the next product: what it gives is what now stands in w->in, as
 * floats; for an expert's matrices see sov_walk_entering.  SOV_ENTERS_NONE: it
 * is done.  A layer needs what the begin of the same pass has set, and nothing
 * of other layers; so the caches of all may be the same memory.
 */
void sov_walk_begin(struct sov_walk *w, const struct sov_net *net,
                    struct sov_pass *pass, const struct sov_stretch *stretch);
void sov_walk_embed(struct sov_walk *w);
void sov_walk_layer(struct sov_walk *w, size_t layer);
enum sov_enters sov_walk_on(struct sov_walk *w);
void sov_walk_end(struct sov_walk *w);

/* Columns of an input: those of all experts, the first of expert i is number
 * first[i]; or, with first NULL, one for each token. */
struct sov_entering {
    const float *x;
    size_t stride;
    size_t n;
    size_t n_cols;
    const uint32_t *first; /* [n_expert + 1] */
};
struct sov_entering sov_walk_entering(const struct sov_walk *w);

/* The input of the next product: n numbers a column from x, in the forms that
 * these matrices take. */
void sov_walk_input(struct sov_walk *w, const float *x, size_t stride,
                    size_t n, const struct sov_mat *mat, size_t n_mat);

/* The next column: token i of a text of n, whose keys begin at a slot. */
void sov_walk_seat(struct sov_walk *w, int32_t id, const uint32_t *block,
                   const uint32_t *local, size_t begin, size_t i, size_t n);

/* The columns of a stretch; and when all are there, the order of timelines. */
void sov_walk_add(struct sov_walk *w, const struct sov_stretch *s);
void sov_walk_sort(struct sov_walk *w);

/* The columns that are wanted become all that there are: their stream, their
 * queries and what they see. */
void sov_walk_narrow(struct sov_walk *w);

/* The next loop: fn over n columns, the product mul of the input, attention. */
void sov_walk_columns(struct sov_walk *w, struct sov_phase *phase,
                      sov_par_fn fn, size_t n);
void sov_walk_product(struct sov_walk *w, struct sov_phase *phase);
void sov_walk_attn(struct sov_walk *w, struct sov_phase *phase);

/* A loop of n items of about `work` multiplications each. */
void sov_walk_loop(struct sov_walk *w, struct sov_phase *phase, sov_par_fn fn,
                   size_t n, uint64_t work);

/* y[n_embd] = the norm of x, which may be y. */
void sov_walk_norm(const struct sov_walk *w, const struct sov_norm *norm,
                   const float *x, float *y);

/* Column c: what is to be added to the stream is. */
void sov_walk_join(const struct sov_walk *w, size_t c);

/*
 * low.c: adapters.  products adds theirs to those of w->mul; forms and sum are
 * steps behind every product, and say whether there is a loop to do.  embed
 * adds to x, of column c, what they change of token id; tmp has room for as
 * many numbers.
 */
int sov_low_place(struct sov_pass *pass, const struct sov_net *net,
                  struct sov_arena *a) SOV_MUST_CHECK;
void sov_low_products(struct sov_walk *w, bool by_expert);
bool sov_low_forms(struct sov_walk *w, struct sov_phase *phase);
bool sov_low_sum(struct sov_walk *w, struct sov_phase *phase);
void sov_low_embed(const struct sov_walk *w, size_t c, int32_t id, float *x,
                   float *tmp, unsigned worker);

/*
 * dense.c: the layers that all architectures have.  next describes loop
 * w->step of layer w->layer; false: there is none, the layer is done but for
 * what is still to be added to the stream.
 */
int sov_dense_load(struct sov_net *net, struct sov_bind *b) SOV_MUST_CHECK;
bool sov_dense_next(struct sov_walk *w, struct sov_phase *phase);

/* What the step that comes next multiplies. */
enum sov_enters sov_dense_enters(const struct sov_walk *w);

/*
 * experts.c: the steps of a feed-forward of experts, in this order, after the
 * norm; each says whether there is a loop to do.  sum gives column c of part.
 */
int sov_experts_place(struct sov_pass *pass, const struct sov_net *net,
                      struct sov_arena *a) SOV_MUST_CHECK;
bool sov_experts_score(struct sov_walk *w, struct sov_phase *phase);
bool sov_experts_pick(struct sov_walk *w, struct sov_phase *phase);
bool sov_experts_gather(struct sov_walk *w, struct sov_phase *phase);
bool sov_experts_up(struct sov_walk *w, struct sov_phase *phase);
bool sov_experts_act(struct sov_walk *w, struct sov_phase *phase);
bool sov_experts_down(struct sov_walk *w, struct sov_phase *phase);
void sov_experts_sum(const struct sov_walk *w, size_t c);

#endif
