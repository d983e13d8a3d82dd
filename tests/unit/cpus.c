/* SPDX-License-Identifier: Apache-2.0 */
/* cpus - which CPUs a box gets, on machines of every size */
#include "sandbox/cpus.h"

#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/test.h"

static cpu_set_t set_of(const char *list)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	for (const char *at = list; *at; at++) {
		if (*at == '1')
			CPU_SET((size_t)(at - list), &set);
	}
	return set;
}

static const char *text_of(const cpu_set_t *set)
{
	static char text[33];
	size_t end = 0;

	for (size_t cpu = 0; cpu < sizeof(text) - 1; cpu++) {
		text[cpu] = CPU_ISSET(cpu, set) ? '1' : '.';
		end = CPU_ISSET(cpu, set) ? cpu + 1 : end;
	}
	text[end] = '\0';
	return text;
}

static void test_boxes_are_spread(void)
{
	static const struct {
		const char *from;
		unsigned count, turn;
		const char *chosen;
	} cases[] = {
		{ "1111", 2, 0, "11" },
		{ "1111", 2, 1, "..11" },
		{ "1111", 2, 2, "11" },
		{ "11111", 2, 2, "1...1" },
		{ "11", 2, 7, "11" },
		{ "1", 2, 3, "1" },
		{ "..1.1.11", 2, 0, "..1.1" },
		{ "..1.1.11", 2, 1, "......11" },
		{ "11111111", 6, 1, "1111..11" },
		{ "1111", 1, 4294967295u, "...1" },
		{ "1111", 0, 1, "" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cpu_set_t from = set_of(cases[i].from), chosen;

		test_case(cases[i].chosen);
		unsigned count = cpus_choose(&from, cases[i].count, cases[i].turn, &chosen);
		CHECK_INT(CPU_COUNT(&chosen), count);
		CHECK_STR(text_of(&chosen), cases[i].chosen);
	}
}

/* In a child: what is given up does not come back by itself. */
static void test_a_process_is_restricted(void)
{
	pid_t child = fork();
	int status = -1;

	if (child == 0) {
		cpu_set_t own;
		bool fine = cpus_restrict(0, 5) && cpus_restrict(100000, 5) &&
		            cpus_restrict(1, 5) && sched_getaffinity(0, sizeof(own), &own) == 0 &&
		            CPU_COUNT(&own) == 1;
		_exit(fine ? 0 : 1);
	}
	CHECK(waitpid(child, &status, 0) == child);
	CHECK_INT(status, 0);
}

TEST_MAIN(test_boxes_are_spread, test_a_process_is_restricted)
