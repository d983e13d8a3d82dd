/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stats - what a sample of durations says, and whether two of them differ.
 *
 * Pure functions of their arguments; the same seed gives the same numbers on every
 * machine. lrie(7) defines each figure in words, tests/unit/stats.c holds them
 * against numpy and scipy.
 *
 * A percentile is only told when at least two values lie beyond it: p90 needs 20
 * values, p95 40, p99 200. Otherwise it would be the largest value by another name.
 * NAN stands for "not told" everywhere.
 */
#ifndef EMULATOR_STATS_H
#define EMULATOR_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- one sample --------------------------------------------------------- */

struct stats {
	size_t count;
	double min, max, mean; /* NAN of an empty sample, like the median */
	double median;
	double p10, p90, p95, p99;
	double low, high; /* 95 % interval of the median; NAN below STATS_INTERVAL_COUNT values */
	size_t outliers;  /* beyond 1.5 times the interquartile range (Tukey); they stay in */
};

/* Fewer values say nothing about how far the median may be off. */
#define STATS_INTERVAL_COUNT 5

/* Describes 'count' finite values, in any order, but for the interval. */
struct stats stats_figures(const double *values, size_t count);

/*
 * All of it, which takes some thousand times as long. The interval is found by drawing
 * STATS_RESAMPLES samples with replacement and taking the middle 95 % of their
 * medians, with random numbers from 'seed'. Of more than 5000 values the medians are
 * drawn from the distribution that they then have, so that a million take no longer.
 */
#define STATS_RESAMPLES 2000
struct stats stats_of(const double *values, size_t count, uint64_t seed);

/* The value below which 'permille' thousandths of the sorted 'values' lie, by linear
 * interpolation between neighbours (numpy's default, Hyndman and Fan's type 7). 'count' > 0. */
double stats_quantile(const double *sorted, size_t count, unsigned permille);

/* Whether at least two of 'count' values lie beyond this quantile, on its nearer side. */
bool stats_supports(size_t count, unsigned permille);

/* ---- two samples -------------------------------------------------------- */

enum stats_verdict {
	STATS_WITHIN_NOISE,
	STATS_IMPROVED,  /* the second is smaller */
	STATS_REGRESSED, /* the second is larger */
};

struct stats_comparison {
	double ratio;     /* of the medians, second to first; NAN when it cannot be told */
	double low, high; /* its 95 % interval, by resampling both */
	double p_value;   /* Mann-Whitney, two-sided */
	enum stats_verdict verdict;
};

/*
 * Compares 'second' to 'first'. They differ when all three say so: the interval of
 * the ratio leaves out 1, the Mann-Whitney test is below 0.05, and the ratio is off
 * by at least 'noise' (0.03 for 3 %). With fewer than STATS_INTERVAL_COUNT values on
 * a side the verdict is STATS_WITHIN_NOISE.
 */
struct stats_comparison stats_compare(const double *first, size_t first_count, const double *second,
                                      size_t second_count, double noise, uint64_t seed);

/*
 * The probability that two samples from one distribution differ in rank as much as
 * these. Exact for up to 20 values each without ties, else by the normal approximation
 * with corrections for ties and continuity. NAN when a sample is empty.
 */
double stats_mann_whitney(const double *first, size_t first_count, const double *second,
                          size_t second_count);

/* "improved", "within noise", "regressed" */
const char *stats_verdict_name(enum stats_verdict verdict);

#endif
