/* SPDX-License-Identifier: Apache-2.0 */
/*
 * optim_adamw.c - Adam with decoupled decay of weights
 *
 * D. Kingma, J. Ba, "Adam: A Method for Stochastic Optimization", 2015;
 * I. Loshchilov, F. Hutter, "Decoupled Weight Decay Regularization", 2019.
 * The two arrays are the moments.  optim.c does the step itself, as every
 * optimiser has tensors for it.
 */
#include "train/optim_in.h"

const struct sov_optim_row sov_optim_row_adamw = {
    .name = "adamw",
    .lr = 1e-3,
    .beta1 = 0.9,
    .beta2 = 0.95,
    .eps = 1e-8,
    .decay = 0.1,
    .clip = 1,
    .arrays = 2,
};
