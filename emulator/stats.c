/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stats - what a sample of durations says, and whether two of them differ
 *
 * Does without libm: loading it would take a tenth of the time in which lrie starts,
 * and this is the only place that could use it.
 */
#include "emulator/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/buffer.h"
#include "emulator/random.h"

#define EXACT_COUNT 20 /* values on a side, up to which ranks are counted out */
#define SIGNIFICANT 0.05
#define LARGE 5000 /* values, beyond which a resample is not drawn one by one */

/* ---- one sample ---- */

static double root_of(double square)
{
	double root = square > 1 ? square : 1;

	/* From above, each step of Newton's comes nearer, until rounding is all that is left. */
	for (double next = (root + square / root) / 2; next < root;
	     next = (root + square / root) / 2)
		root = next;
	return root;
}

static int compare_values(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

static double *sorted_copy(const double *values, size_t count)
{
	double *copy = xmalloc((count + 1) * sizeof(*copy));

	if (count > 0)
		memcpy(copy, values, count * sizeof(*copy));
	qsort(copy, count, sizeof(*copy), compare_values);
	return copy;
}

double stats_quantile(const double *sorted, size_t count, unsigned permille)
{
	double place = (double)(count - 1) * permille / 1000;
	size_t below = (size_t)place;

	if (below + 1 >= count)
		return sorted[count - 1];
	return sorted[below] + (sorted[below + 1] - sorted[below]) * (place - (double)below);
}

bool stats_supports(size_t count, unsigned permille)
{
	unsigned beyond = permille < 500 ? permille : 1000 - permille;

	return count * beyond >= 2000;
}

/*
 * How many values of a large resample lie below the sample's median is a sum of coin tosses,
 * and so is the place at which the resample's own median stands: it is drawn at once. Twelve
 * uniform numbers add up to a normal one of variance 1.
 */
static double median_of_large_resample(const double *sorted, size_t count, struct random *random)
{
	double deviation = -6, place;

	for (int i = 0; i < 12; i++)
		deviation += random_unit(random);
	place = (double)count / 2 + deviation * root_of((double)count) / 2;
	return sorted[(size_t)place];
}

/*
 * The median of a sample of the same size, drawn with replacement from the sorted
 * values. How often each was drawn is enough to find the middle: nothing is sorted.
 */
static double resampled_median(const double *sorted, size_t count, unsigned *drawn,
                               struct random *random)
{
	size_t lower = (count - 1) / 2, upper = count / 2, seen = 0, index = 0;

	if (count > LARGE)
		return median_of_large_resample(sorted, count, random);
	memset(drawn, 0, count * sizeof(*drawn));
	for (size_t i = 0; i < count; i++)
		drawn[random_below(random, count)]++;
	while (seen + drawn[index] <= lower)
		seen += drawn[index++];
	double low = sorted[index];
	while (seen + drawn[index] <= upper)
		seen += drawn[index++];
	return (low + sorted[index]) / 2;
}

/* The middle 95 % of the values, which get sorted. */
static void middle(double *values, size_t count, double *low, double *high)
{
	qsort(values, count, sizeof(*values), compare_values);
	*low = stats_quantile(values, count, 25);
	*high = stats_quantile(values, count, 975);
}

static void find_interval(struct stats *stats, const double *sorted, uint64_t seed)
{
	double medians[STATS_RESAMPLES];

	if (stats->min == stats->max) { /* whatever is drawn */
		stats->low = stats->high = stats->median;
		return;
	}
	unsigned *drawn = xcalloc(stats->count, sizeof(*drawn));
	struct random random;

	random_seed(&random, seed);
	for (size_t i = 0; i < STATS_RESAMPLES; i++)
		medians[i] = resampled_median(sorted, stats->count, drawn, &random);
	middle(medians, STATS_RESAMPLES, &stats->low, &stats->high);
	free(drawn);
}

static double told_quantile(const double *sorted, size_t count, unsigned permille)
{
	return stats_supports(count, permille) ? stats_quantile(sorted, count, permille) : NAN;
}

static size_t count_outliers(const double *sorted, size_t count)
{
	double first = stats_quantile(sorted, count, 250),
	       third = stats_quantile(sorted, count, 750);
	double reach = 1.5 * (third - first);
	size_t outliers = 0;

	for (size_t i = 0; i < count; i++)
		outliers += sorted[i] < first - reach || sorted[i] > third + reach;
	return outliers;
}

static double mean_of(const double *values, size_t count)
{
	double sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += values[i];
	return sum / (double)count;
}

/* 'sorted' has at least one value. */
static struct stats figures_of(const double *sorted, size_t count)
{
	return (struct stats){ .count = count,
		               .min = sorted[0],
		               .max = sorted[count - 1],
		               .mean = mean_of(sorted, count),
		               .median = stats_quantile(sorted, count, 500),
		               .p10 = told_quantile(sorted, count, 100),
		               .p90 = told_quantile(sorted, count, 900),
		               .p95 = told_quantile(sorted, count, 950),
		               .p99 = told_quantile(sorted, count, 990),
		               .low = NAN,
		               .high = NAN,
		               .outliers = count_outliers(sorted, count) };
}

static struct stats figures_of_nothing(void)
{
	return (struct stats){ .min = NAN,
		               .max = NAN,
		               .mean = NAN,
		               .median = NAN,
		               .p10 = NAN,
		               .p90 = NAN,
		               .p95 = NAN,
		               .p99 = NAN,
		               .low = NAN,
		               .high = NAN };
}

struct stats stats_figures(const double *values, size_t count)
{
	if (count == 0)
		return figures_of_nothing();

	double *sorted = sorted_copy(values, count);
	struct stats stats = figures_of(sorted, count);
	free(sorted);
	return stats;
}

struct stats stats_of(const double *values, size_t count, uint64_t seed)
{
	if (count == 0)
		return figures_of_nothing();

	double *sorted = sorted_copy(values, count);
	struct stats stats = figures_of(sorted, count);
	if (count >= STATS_INTERVAL_COUNT)
		find_interval(&stats, sorted, seed);
	free(sorted);
	return stats;
}

/* ---- the normal distribution ---- */

#define TAIL_SERIES 3.0 /* up to here the series is as exact as the fraction beyond it */
#define TAIL_TERMS 200

/* Taken by halves until it is small, then squared as often. */
static double exponential(double x)
{
	unsigned halvings = 0;
	double sum = 1, term = 1;

	for (; x < -0.5 || x > 0.5; x /= 2)
		halvings++;
	for (int i = 1; i < 20; i++)
		sum += term *= x / i;
	while (halvings--)
		sum *= sum;
	return sum;
}

/* The part of the normal distribution beyond 'x' standard deviations, x >= 0. */
static double normal_tail(double x)
{
	double density = exponential(-x * x / 2) / 2.5066282746310005024; /* sqrt(2 pi) */
	double term = x, sum = x, fraction = x;

	if (x > TAIL_SERIES) { /* Laplace's continued fraction */
		for (int i = TAIL_TERMS; i > 0; i--)
			fraction = x + i / fraction;
		return density / fraction;
	}
	for (int i = 1; i < TAIL_TERMS; i++)
		sum += term *= x * x / (2 * i + 1);
	return 0.5 - density * sum;
}

/* ---- Mann-Whitney ---- */

/* Both samples in one row, by size. */
struct ranked {
	double value;
	bool is_first;
};

static int compare_ranked(const void *left, const void *right)
{
	const struct ranked *a = left, *b = right;

	return (a->value > b->value) - (a->value < b->value);
}

static struct ranked *rank(const double *first, size_t first_count, const double *second,
                           size_t second_count)
{
	size_t count = first_count + second_count;
	struct ranked *row = xmalloc(count * sizeof(*row));

	for (size_t i = 0; i < count; i++) {
		bool is_first = i < first_count;
		row[i] = (struct ranked){ .value = is_first ? first[i] : second[i - first_count],
			                  .is_first = is_first };
	}
	qsort(row, count, sizeof(*row), compare_ranked);
	return row;
}

/* The sum of the first sample's ranks, those of equals averaged; and the sum of t^3 - t over
 * groups of t equals. */
static double sum_ranks(const struct ranked *row, size_t count, double *ties)
{
	double sum = 0;

	*ties = 0;
	for (size_t begin = 0, end; begin < count; begin = end) {
		size_t of_first = 0;
		for (end = begin; end < count && row[end].value == row[begin].value; end++)
			of_first += row[end].is_first;
		double size = (double)(end - begin);
		sum += (double)of_first * ((double)(begin + end + 1) / 2);
		*ties += size * size * size - size;
	}
	return sum;
}

/*
 * In how many ways 'first_count' of the ranks 1 to 'count' add up to 'sum' or more, as a
 * part of all ways. Each rank is taken or not, in turn; ways[k][s] counts k taken of sum s.
 */
static double exact_tail(size_t first_count, size_t count, size_t sum)
{
	static double ways[EXACT_COUNT + 1][2 * EXACT_COUNT * EXACT_COUNT + EXACT_COUNT + 1];
	size_t most = sizeof(ways[0]) / sizeof(ways[0][0]) - 1;
	double all = 0, tail = 0;

	memset(ways, 0, sizeof(ways));
	ways[0][0] = 1;
	for (size_t number = 1; number <= count; number++)
		for (size_t taken = first_count; taken > 0; taken--)
			for (size_t total = most; total >= number; total--)
				ways[taken][total] += ways[taken - 1][total - number];
	for (size_t total = 0; total <= most; total++) {
		all += ways[first_count][total];
		tail += total >= sum ? ways[first_count][total] : 0;
	}
	return tail / all;
}

static double exact_p_value(size_t first_count, size_t count, double sum)
{
	/* The distribution is symmetric about its mean: take the upper side. */
	double both_ends = (double)(first_count * (count + 1));
	double upper = sum * 2 < both_ends ? both_ends - sum : sum;

	double p_value = 2 * exact_tail(first_count, count, (size_t)upper);
	return p_value < 1 ? p_value : 1;
}

static double normal_p_value(double first_count, double second_count, double sum, double ties)
{
	double count = first_count + second_count;
	double expected = first_count * (count + 1) / 2;
	double variance = first_count * second_count / 12 *
	                  (count + 1 - ties / (count * (count - 1)));

	if (variance <= 0)
		return 1; /* all are equal */
	double distance = fabs(sum - expected) - 0.5;
	return distance > 0 ? 2 * normal_tail(distance / root_of(variance)) : 1;
}

double stats_mann_whitney(const double *first, size_t first_count, const double *second,
                          size_t second_count)
{
	size_t count = first_count + second_count;
	double ties;

	if (first_count == 0 || second_count == 0)
		return NAN;
	struct ranked *row = rank(first, first_count, second, second_count);
	double sum = sum_ranks(row, count, &ties);
	free(row);
	if (ties == 0 && first_count <= EXACT_COUNT && second_count <= EXACT_COUNT)
		return exact_p_value(first_count, count, sum);
	return normal_p_value((double)first_count, (double)second_count, sum, ties);
}

/* ---- two samples ---- */

static void compare_medians(struct stats_comparison *comparison, const double *first,
                            size_t first_count, const double *second, size_t second_count,
                            uint64_t seed)
{
	size_t larger = first_count > second_count ? first_count : second_count;
	double ratios[STATS_RESAMPLES];
	unsigned *drawn = xcalloc(larger, sizeof(*drawn));
	struct random random;

	random_seed(&random, seed);
	for (size_t i = 0; i < STATS_RESAMPLES; i++) {
		double divisor = resampled_median(first, first_count, drawn, &random);
		ratios[i] = resampled_median(second, second_count, drawn, &random) / divisor;
	}
	middle(ratios, STATS_RESAMPLES, &comparison->low, &comparison->high);
	free(drawn);
}

static enum stats_verdict judge(const struct stats_comparison *comparison, double noise)
{
	if (!(comparison->p_value < SIGNIFICANT))
		return STATS_WITHIN_NOISE;
	if (comparison->low > 1 && comparison->ratio >= 1 + noise)
		return STATS_REGRESSED;
	if (comparison->high < 1 && comparison->ratio <= 1 - noise)
		return STATS_IMPROVED;
	return STATS_WITHIN_NOISE;
}

struct stats_comparison stats_compare(const double *first, size_t first_count, const double *second,
                                      size_t second_count, double noise, uint64_t seed)
{
	struct stats_comparison comparison = { .ratio = NAN, .low = NAN, .high = NAN };

	comparison.p_value = stats_mann_whitney(first, first_count, second, second_count);
	if (first_count == 0 || second_count == 0)
		return comparison;
	double *a = sorted_copy(first, first_count), *b = sorted_copy(second, second_count);
	bool is_positive = a[0] > 0;
	if (is_positive)
		comparison.ratio = stats_quantile(b, second_count, 500) /
		                   stats_quantile(a, first_count, 500);
	if (is_positive && first_count >= STATS_INTERVAL_COUNT &&
	    second_count >= STATS_INTERVAL_COUNT) {
		compare_medians(&comparison, a, first_count, b, second_count, seed);
		comparison.verdict = judge(&comparison, noise);
	}
	free(a);
	free(b);
	return comparison;
}

const char *stats_verdict_name(enum stats_verdict verdict)
{
	static const char *const names[] = { [STATS_WITHIN_NOISE] = "within noise",
		                             [STATS_IMPROVED] = "improved",
		                             [STATS_REGRESSED] = "regressed" };

	return names[verdict];
}
