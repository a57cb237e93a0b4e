/* SPDX-License-Identifier: Apache-2.0 */
/*
 * benchstat.c - our statistics of two files of numbers, for others to check
 *
 * usage: benchstat A B
 * A line "a N MIN MAX MEDIAN" for each; "t HALF", half of the interval of 95 %
 * of the difference of their means by Student's t; "u P" of Mann and Whitney.
 */
#include "bench/dist.h"
#include "base/order.h"
#include "sov/bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define MOST 10000

static size_t
read_numbers(const char *path, double *v)
{
    FILE *f = fopen(path, "r");
    size_t n = 0;

    if (f == NULL) {
        perror(path);
        exit(66);
    }
    while (n < MOST && fscanf(f, "%lf", &v[n]) == 1)
        n++;
    fclose(f);
    return n;
}

static double
squares(const double *v, size_t n)
{
    double mean = 0, sum = 0;

    for (size_t i = 0; i < n; i++)
        mean += v[i] / (double)n;
    for (size_t i = 0; i < n; i++)
        sum += (v[i] - mean) * (v[i] - mean);
    return sum;
}

int
main(int argc, char **argv)
{
    static double v[2][MOST];
    struct sov_bench_u u;
    struct sov_err err;
    double half;
    size_t n[2];

    if (argc != 3)
        return 64;
    for (int k = 0; k < 2; k++) {
        n[k] = read_numbers(argv[k + 1], v[k]);
        if (n[k] < 2)
            return 65;
    }
    if (sov_bench_u_test(v[0], n[0], v[1], n[1], &u, &err) < 0)
        return 70;
    half =
        (squares(v[0], n[0]) + squares(v[1], n[1])) / (double)(n[0] + n[1] - 2);
    half = sqrt(half * (1 / (double)n[0] + 1 / (double)n[1])) *
           sov_dist_t_at(0.025, n[0] + n[1] - 2);
    for (int k = 0; k < 2; k++) {
        sov_order_sort(v[k], n[k]);
        printf("%c %zu %.10g %.10g %.10g\n", "ab"[k], n[k], v[k][0],
               v[k][n[k] - 1], sov_order_median(v[k], n[k]));
    }
    printf("t %.10g\nu %.10g\n", half, u.p);
    return 0;
}
