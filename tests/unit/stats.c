/* SPDX-License-Identifier: Apache-2.0 */
/* stats - figures of samples, held against numpy and scipy */
#include "emulator/stats.h"

#include <math.h>
#include <stdlib.h>

#include "tests/unit/stats_reference.h"
#include "tests/unit/test.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define SEEDS 100

static bool is_close(double actual, double expected)
{
	if (fabs(actual - expected) <= 1e-9 * (fabs(expected) > 1 ? fabs(expected) : 1))
		return true;
	printf("# %.17g, and not %.17g\n", actual, expected);
	return false;
}

/* Reproducible noise around 'centre', a little skewed as durations are. */
static void make_sample(double *values, size_t count, double centre, unsigned seed)
{
	uint64_t state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;

	for (size_t i = 0; i < count; i++) {
		double sum = 0;
		for (int draw = 0; draw < 4; draw++) {
			state = state * UINT64_C(6364136223846793005) +
			        UINT64_C(1442695040888963407);
			sum += (double)(state >> 40) / (1 << 24);
		}
		values[i] = centre * (0.9 + sum * sum / 40);
	}
}

static int compare_doubles(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

static void test_figures_are_numpys(void)
{
	for (size_t i = 0; i < COUNT_OF(reference_samples); i++) {
		size_t count = reference_samples[i].count;
		struct stats stats = stats_of(reference_samples[i].values, count, 1);

		test_case(reference_samples[i].name);
		CHECK_INT(stats.count, count);
		CHECK(is_close(stats.min, reference_samples[i].min));
		CHECK(is_close(stats.max, reference_samples[i].max));
		CHECK(is_close(stats.mean, reference_samples[i].mean));
		CHECK(is_close(stats.median, reference_samples[i].median));
		CHECK(count < 20 ? isnan(stats.p10)
		                 : is_close(stats.p10, reference_samples[i].p10));
		CHECK(count < 20 ? isnan(stats.p90)
		                 : is_close(stats.p90, reference_samples[i].p90));
		CHECK(count < 40 ? isnan(stats.p95)
		                 : is_close(stats.p95, reference_samples[i].p95));
		CHECK(count < 200 ? isnan(stats.p99)
		                  : is_close(stats.p99, reference_samples[i].p99));
		CHECK_INT(stats.outliers, reference_samples[i].outliers);
	}
}

static void test_quantiles_are_numpys(void)
{
	for (size_t i = 0; i < COUNT_OF(reference_samples); i++) {
		size_t count = reference_samples[i].count;
		double *sorted = malloc(count * sizeof(*sorted));

		memcpy(sorted, reference_samples[i].values, count * sizeof(*sorted));
		qsort(sorted, count, sizeof(*sorted), compare_doubles);
		test_case(reference_samples[i].name);
		CHECK(is_close(stats_quantile(sorted, count, 250), reference_samples[i].p25));
		CHECK(is_close(stats_quantile(sorted, count, 750), reference_samples[i].p75));
		CHECK(is_close(stats_quantile(sorted, count, 0), reference_samples[i].min));
		CHECK(is_close(stats_quantile(sorted, count, 1000), reference_samples[i].max));
		free(sorted);
	}
}

static void test_percentiles_need_values_beyond_them(void)
{
	CHECK(!stats_supports(19, 900) && stats_supports(20, 900));
	CHECK(!stats_supports(19, 100) && stats_supports(20, 100));
	CHECK(!stats_supports(39, 950) && stats_supports(40, 950));
	CHECK(!stats_supports(199, 990) && stats_supports(200, 990));
	CHECK(!stats_supports(0, 500) && stats_supports(4, 500));
}

static void test_an_empty_sample_says_nothing(void)
{
	struct stats stats = stats_of(NULL, 0, 1);

	CHECK_INT(stats.count, 0);
	CHECK(isnan(stats.min) && isnan(stats.max) && isnan(stats.mean) && isnan(stats.median));
	CHECK(isnan(stats.p10) && isnan(stats.p99) && isnan(stats.low) && isnan(stats.high));
	CHECK_INT(stats.outliers, 0);
}

static void test_the_interval_holds_the_true_median(void)
{
	double values[60];
	int hits = 0;

	/* The median of the recipe, from a sample so large that its own error does not count. */
	double *many = malloc(200000 * sizeof(*many));
	make_sample(many, 200000, 100, 999);
	double true_median = stats_of(many, 200000, 1).median;
	free(many);
	for (unsigned seed = 0; seed < SEEDS; seed++) {
		make_sample(values, COUNT_OF(values), 100, seed);
		struct stats stats = stats_of(values, COUNT_OF(values), seed);
		CHECK(stats.low <= stats.median && stats.median <= stats.high);
		hits += stats.low <= true_median && true_median <= stats.high;
	}
	/* 95 are expected; fewer than 88 come once in a hundred times. */
	CHECK(hits >= 88);
	printf("# the interval holds the median in %d of %d samples\n", hits, SEEDS);
}

static void test_the_interval_needs_five_values(void)
{
	static const double values[] = { 1, 2, 3, 4, 5 };
	struct stats four = stats_of(values, 4, 1), five = stats_of(values, 5, 1);

	CHECK(isnan(four.low) && isnan(four.high));
	CHECK(five.low >= 1 && five.low <= 3 && five.high >= 3 && five.high <= 5);
}

/* Where medians are not drawn value by value any more, they are spread as those that are. */
static void test_large_samples_have_such_an_interval_too(void)
{
	double *values = malloc(20000 * sizeof(*values));

	make_sample(values, 20000, 100, 3);
	struct stats small = stats_of(values, 5000, 1), large = stats_of(values, 20000, 1);
	double ratio = (small.high - small.low) / (large.high - large.low);
	CHECK(large.low < large.median && large.median < large.high);
	CHECK(ratio > 1.4 && ratio < 2.8); /* four times the values: half the interval */
	free(values);
}

static void test_a_seed_gives_the_same_numbers(void)
{
	double values[30];

	make_sample(values, COUNT_OF(values), 100, 5);
	struct stats one = stats_of(values, COUNT_OF(values), 42);
	struct stats same = stats_of(values, COUNT_OF(values), 42);
	struct stats other = stats_of(values, COUNT_OF(values), 43);
	CHECK(one.low == same.low && one.high == same.high);
	CHECK(one.low != other.low || one.high != other.high);
	CHECK(one.median == other.median);
}

static void test_mann_whitney_is_scipys(void)
{
	for (size_t i = 0; i < COUNT_OF(reference_pairs); i++) {
		test_case(reference_pairs[i].name);
		double forth = stats_mann_whitney(reference_pairs[i].first,
		                                  reference_pairs[i].first_count,
		                                  reference_pairs[i].second,
		                                  reference_pairs[i].second_count);
		double back = stats_mann_whitney(reference_pairs[i].second,
		                                 reference_pairs[i].second_count,
		                                 reference_pairs[i].first,
		                                 reference_pairs[i].first_count);
		CHECK(is_close(forth, reference_pairs[i].p_value));
		CHECK(is_close(back, forth));
	}
	CHECK(isnan(stats_mann_whitney(NULL, 0, first_apart, 5)));
}

static void test_ratios_are_numpys(void)
{
	for (size_t i = 0; i < COUNT_OF(reference_pairs); i++) {
		struct stats_comparison comparison = stats_compare(reference_pairs[i].first,
		                                                   reference_pairs[i].first_count,
		                                                   reference_pairs[i].second,
		                                                   reference_pairs[i].second_count,
		                                                   0.03, 1);
		test_case(reference_pairs[i].name);
		CHECK(is_close(comparison.ratio, reference_pairs[i].ratio));
		CHECK(is_close(comparison.p_value, reference_pairs[i].p_value));
		CHECK(comparison.low <= comparison.ratio && comparison.ratio <= comparison.high);
	}
}

static int count_verdicts(double factor, size_t count, enum stats_verdict verdict)
{
	double first[200], second[200];
	int found = 0;

	for (unsigned seed = 0; seed < SEEDS; seed++) {
		make_sample(first, count, 100, 2 * seed);
		make_sample(second, count, 100 * factor, 2 * seed + 1);
		found += stats_compare(first, count, second, count, 0.03, seed).verdict == verdict;
	}
	return found;
}

static void test_a_sample_against_its_like_is_within_noise(void)
{
	CHECK(count_verdicts(1, 30, STATS_WITHIN_NOISE) >= 95);
	CHECK(count_verdicts(1, 200, STATS_WITHIN_NOISE) >= 95);
	CHECK(count_verdicts(1, 5, STATS_WITHIN_NOISE) >= 95);
}

static void test_differences_are_found(void)
{
	CHECK_INT(count_verdicts(1.2, 100, STATS_REGRESSED), SEEDS);
	CHECK_INT(count_verdicts(0.8, 100, STATS_IMPROVED), SEEDS);
}

/* However certain: what is smaller than the noise that the user names is not worth a word. */
static void test_differences_below_the_noise_do_not_count(void)
{
	double first[200], second[200];

	for (size_t i = 0; i < 200; i++) {
		first[i] = 100 + (double)i / 1000;
		second[i] = 102 + (double)i / 1000;
	}
	struct stats_comparison comparison = stats_compare(first, 200, second, 200, 0.03, 1);
	CHECK(comparison.p_value < 1e-9 && comparison.low > 1);
	CHECK_INT(comparison.verdict, STATS_WITHIN_NOISE);
	CHECK_INT(stats_compare(first, 200, second, 200, 0.01, 1).verdict, STATS_REGRESSED);
}

static void test_too_little_to_compare(void)
{
	static const double low[] = { 1, 2, 3, 4, 0 }, high[] = { 101, 102, 103, 104 };

	CHECK_INT(stats_compare(low, 4, high, 4, 0.03, 1).verdict, STATS_WITHIN_NOISE);
	CHECK(isnan(stats_compare(low, 0, high, 4, 0.03, 1).ratio));
	CHECK(isnan(stats_compare(low, 5, high, 4, 0.03, 1).ratio)); /* a duration of 0 */
	CHECK_STR(stats_verdict_name(STATS_REGRESSED), "regressed");
}

TEST_MAIN(test_figures_are_numpys, test_quantiles_are_numpys,
          test_percentiles_need_values_beyond_them, test_an_empty_sample_says_nothing,
          test_the_interval_holds_the_true_median, test_the_interval_needs_five_values,
          test_large_samples_have_such_an_interval_too, test_a_seed_gives_the_same_numbers,
          test_mann_whitney_is_scipys, test_ratios_are_numpys,
          test_a_sample_against_its_like_is_within_noise, test_differences_are_found,
          test_differences_below_the_noise_do_not_count, test_too_little_to_compare)
