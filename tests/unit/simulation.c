/* SPDX-License-Identifier: Apache-2.0 */
/* simulation - traffic, and what becomes of environments under it */
#include "emulator/simulation.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "emulator/clock.h"
#include "tests/unit/test.h"

#define MS CLOCK_NS_PER_MS

static struct traffic traffic;
static struct measurement measurement;

/* A function whose cold starts take 'cold_ms' and whose warm invocations 'warm_ms'. */
static struct simulation_plan make_plan(const char *text, uint64_t cold_ms, uint64_t warm_ms)
{
	struct error err = { .code = 0 };

	traffic_finish(&traffic);
	measurement_finish(&measurement);
	if (!CHECK(traffic_parse(text, &traffic, &err)))
		printf("# %s\n", err.text);
	*measurement_add_cold(&measurement) = (struct cold_start){ .total_ns = cold_ms * MS,
		                                                   .billed_ms = cold_ms };
	*measurement_add_warm(&measurement) = (struct warm_invoke){ .invoke_ns = warm_ms * MS,
		                                                    .billed_ms = warm_ms };
	return (struct simulation_plan){ .traffic = &traffic,
		                         .measurement = &measurement,
		                         .requests = 1000,
		                         .idle_seconds = 600,
		                         .seed = 1 };
}

static bool is_near(double actual, double expected, double share)
{
	if (fabs(actual - expected) <= share * expected)
		return true;
	printf("# %g, and not about %g\n", actual, expected);
	return false;
}

/* ---- traffic ---- */

static void test_traffic_is_read(void)
{
	static const struct {
		const char *text;
		enum traffic_kind kind;
		double per_second;
	} cases[] = {
		{ "5/s", TRAFFIC_STEADY, 5 },
		{ "steady:2.5/second", TRAFFIC_STEADY, 2.5 },
		{ "10M/month", TRAFFIC_STEADY, 10e6 / (30 * 86400) },
		{ "120/minute", TRAFFIC_STEADY, 2 },
		{ "poisson:1k/s", TRAFFIC_POISSON, 1000 },
		{ "burst:100x36/hour", TRAFFIC_BURST, 1 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		test_case(cases[i].text);
		CHECK(traffic_parse(cases[i].text, &traffic, NULL));
		CHECK_INT(traffic.kind, cases[i].kind);
		CHECK(is_near(traffic.per_second, cases[i].per_second, 1e-9));
	}
}

static void test_what_is_no_traffic(void)
{
	static const char *const texts[] = {
		"",
		"5",
		"5/",
		"/s",
		"5/week",
		"0/s",
		"-5/s",
		"nan/s",
		"inf/s",
		"0x5/s",
		"1e5/s",
		"5K/s",
		"5 /s",
		"5/s ",
		"poisson:",
		"poisson:5",
		"burst:5/s",
		"burst:0x5/s",
		"burst:0.5x5/s",
		"burst:5x/s",
		"burst:2Mx1/s",
		"2000M/s",
		"rush:5/s",
		"1G/s5",
		"0.00000000001/month",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct error err = { .code = 0 };

		test_case(texts[i]);
		CHECK(!traffic_parse(texts[i], &traffic, &err));
		CHECK(strstr(err.text, "is no traffic; it is written") != NULL);
	}
}

static char *make_trace(const char *text)
{
	static char path[64];
	char spec[80];

	snprintf(path, sizeof(path), "/tmp/lrie-trace.XXXXXX");
	int fd = mkstemp(path);
	CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
	snprintf(spec, sizeof(spec), "trace:%s", path);
	return strdup(spec);
}

static void test_a_trace_is_read_in_order(void)
{
	char *spec = make_trace("# comment\n10\n\n12.5\r\n11\n");
	struct arrivals arrivals;
	double at;

	CHECK(traffic_parse(spec, &traffic, NULL));
	CHECK_INT(traffic.count, 3);
	CHECK(is_near(traffic.per_second, 2 / 2.5, 1e-9));
	arrivals_begin(&arrivals, &traffic, 1);
	CHECK(arrivals_next(&arrivals, &at) && at == 0);
	CHECK(arrivals_next(&arrivals, &at) && at == 1);
	CHECK(arrivals_next(&arrivals, &at) && at == 2.5);
	CHECK(!arrivals_next(&arrivals, &at));
	traffic_finish(&traffic);
	unlink(spec + strlen("trace:"));
	free(spec);
}

static void test_a_trace_that_is_none(void)
{
	static const struct {
		const char *text, *words;
	} cases[] = { { "", "has no times" },
		      { "# nothing\n\n", "has no times" },
		      { "1\nsoon\n", ":2: no time in seconds" },
		      { "1\nnan\n", ":2: no time in seconds" } };
	struct error err;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *spec = make_trace(cases[i].text);

		test_case(cases[i].text);
		CHECK(!traffic_parse(spec, &traffic, &err));
		if (!CHECK(strstr(err.text, cases[i].words) != NULL))
			printf("# %s\n", err.text);
		unlink(spec + strlen("trace:"));
		free(spec);
	}
	CHECK(!traffic_parse("trace:/nonexistent", &traffic, &err));
}

static void test_random_arrivals_have_the_rate_and_the_spread(void)
{
	struct arrivals arrivals;
	double at = 0, last = 0, square = 0;
	size_t count = 200000;

	CHECK(traffic_parse("poisson:4/s", &traffic, NULL));
	arrivals_begin(&arrivals, &traffic, 7);
	for (size_t i = 0; i < count; i++) {
		last = at;
		arrivals_next(&arrivals, &at);
		square += (at - last) * (at - last);
	}
	CHECK(is_near(at / (double)count, 0.25, 0.01));
	/* of an exponential distribution the mean square is twice the squared mean */
	CHECK(is_near(square / (double)count, 2 * 0.25 * 0.25, 0.02));
}

/* ---- environments ---- */

static void test_one_after_the_other_needs_one_environment(void)
{
	struct simulation_plan plan = make_plan("10/s", 90, 50);
	struct simulation result = simulate(&plan);

	CHECK_INT(result.requests, 1000);
	CHECK_INT(result.cold, 1);
	CHECK_INT(result.environments, 1);
	CHECK(result.latencies_ms[0] == 90 && result.latencies_ms[999] == 50);
	CHECK(is_near(result.mean_billed_ms, (90 + 999 * 50) / 1000.0, 1e-9));
	CHECK(is_near(result.seconds, 99.9, 1e-9));
	simulation_finish(&result);
}

static void test_those_that_overlap_need_more(void)
{
	/* one every 100 ms that takes 250: three at a time */
	struct simulation_plan plan = make_plan("10/s", 250, 250);
	struct simulation result = simulate(&plan);

	CHECK_INT(result.environments, 3);
	CHECK_INT(result.cold, 3);
	simulation_finish(&result);
}

static void test_a_burst_starts_all_at_once(void)
{
	struct simulation_plan plan = make_plan("burst:100x1/hour", 100, 10);
	plan.requests = 300;
	struct simulation result = simulate(&plan);

	/* they have ended before the next burst */
	CHECK_INT(result.cold, 300);
	CHECK_INT(result.environments, 100);
	simulation_finish(&result);
	plan.idle_seconds = 3600;
	result = simulate(&plan);
	CHECK_INT(result.cold, 100);
	simulation_finish(&result);
}

static void test_the_one_used_last_is_used_again(void)
{
	/* Two overlap once a minute, and one comes every second: the other one ends. */
	struct simulation_plan plan = make_plan("burst:2x1/minute", 1, 1);
	plan.idle_seconds = 59;
	plan.requests = 20;
	struct simulation result = simulate(&plan);
	CHECK_INT(result.cold, 20);
	simulation_finish(&result);

	char *spec = make_trace("0\n0\n10\n20\n30\n40\n50\n60\n60\n");
	plan.requests = 9;
	traffic_finish(&traffic);
	CHECK(traffic_parse(spec, &traffic, NULL));
	result = simulate(&plan);
	CHECK_INT(result.cold, 3); /* two at first, and the second one again after a minute */
	simulation_finish(&result);
	unlink(spec + strlen("trace:"));
	free(spec);
}

static void test_provisioned_ones_are_warm_and_stay(void)
{
	struct simulation_plan plan = make_plan("burst:5x1/hour", 100, 10);
	plan.requests = 50;
	plan.provisioned = 3;
	struct simulation result = simulate(&plan);

	CHECK_INT(result.cold, 2 * 10);
	CHECK_INT(result.environments, 2);
	CHECK(is_near(result.provisioned_share, 3.0 / 5, 1e-9));
	CHECK(result.latencies_ms[0] == 10 && result.latencies_ms[3] == 100);
	simulation_finish(&result);
}

static void test_concurrency_refuses(void)
{
	struct simulation_plan plan = make_plan("burst:10x1/hour", 100, 10);
	plan.requests = 100;
	plan.concurrency = 4;
	struct simulation result = simulate(&plan);

	CHECK_INT(result.refused, 60);
	CHECK_INT(result.latency_count, 40);
	simulation_finish(&result);
}

static void test_a_trace_ends(void)
{
	char *spec = make_trace("5\n6\n7\n");
	struct simulation_plan plan = make_plan(spec, 10, 10);
	struct simulation result = simulate(&plan);

	CHECK_INT(result.requests, 3);
	CHECK(is_near(result.seconds, 2, 1e-9));
	simulation_finish(&result);
	unlink(spec + strlen("trace:"));
	free(spec);
}

/* Random arrivals that are refused when all are at work: the one case with a formula, whatever the
 * distribution of the time that each takes. */
static void test_losses_are_erlangs(void)
{
	static const struct {
		const char *traffic;
		size_t servers;
	} cases[] = { { "poisson:5/s", 8 }, { "poisson:20/s", 20 }, { "poisson:1/s", 1 } };

	CHECK(is_near(erlang_loss(1, 1), 0.5, 1e-12));
	CHECK(is_near(erlang_loss(8, 5), 0.070048, 1e-4));
	CHECK(erlang_loss(0, 5) == 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct simulation_plan plan = make_plan(cases[i].traffic, 500, 500);

		/* half of them take 1.5 s, so that the mean is 1 s */
		*measurement_add_warm(&measurement) = (struct warm_invoke){ .invoke_ns = 1500 *
			                                                                 MS };
		plan.provisioned = plan.concurrency = cases[i].servers;
		plan.requests = 500000;
		test_case(cases[i].traffic);
		struct simulation result = simulate(&plan);
		CHECK_INT(result.cold, 0);
		CHECK(is_near((double)result.refused / (double)result.requests,
		              erlang_loss(cases[i].servers, traffic.per_second), 0.02));
		simulation_finish(&result);
	}
}

static void test_a_seed_gives_the_same(void)
{
	struct simulation_plan plan = make_plan("poisson:50/s", 300, 40);
	struct simulation one = simulate(&plan), same = simulate(&plan);

	CHECK(one.cold == same.cold && one.seconds == same.seconds);
	simulation_finish(&one);
	simulation_finish(&same);
	plan.seed = 2;
	struct simulation other = simulate(&plan);
	CHECK(one.seconds != other.seconds);
	simulation_finish(&other);
	traffic_finish(&traffic);
	measurement_finish(&measurement);
}

TEST_MAIN(test_traffic_is_read, test_what_is_no_traffic, test_a_trace_is_read_in_order,
          test_a_trace_that_is_none, test_random_arrivals_have_the_rate_and_the_spread,
          test_one_after_the_other_needs_one_environment, test_those_that_overlap_need_more,
          test_a_burst_starts_all_at_once, test_the_one_used_last_is_used_again,
          test_provisioned_ones_are_warm_and_stay, test_concurrency_refuses, test_a_trace_ends,
          test_losses_are_erlangs, test_a_seed_gives_the_same)
