/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client - the HTTP client of the benchmarks: one request at a time on each connection.
 *
 * It waits in read(2), like an SDK, and looks at a reply only to find its end. Whatever goes wrong
 * ends the program.
 */
#ifndef TESTS_BENCH_CLIENT_H
#define TESTS_BENCH_CLIENT_H

#include <stddef.h>
#include <stdint.h>

/* Monotonic nanoseconds. */
uint64_t now_ns(void);

/* Connects to 127.0.0.1:'port'. Returns -1 and errno when that fails. */
int client_connect(unsigned port);

/* Makes the bytes of a POST with this body; the caller frees them. 'headers' are whole lines. */
char *client_make_post(const char *path, const char *headers, const char *body, size_t length,
                       size_t *total);

/* Sends a request and reads the whole reply; ends the program unless it is a 200 or 202 without a
 * function error. */
void client_ask(int fd, const char *request, size_t length);

/* The two halves of that. */
void client_send(int fd, const char *request, size_t length);
void client_receive(int fd);

/* Sorts 'values'. */
void sort_values(uint64_t *values, size_t count);

/* The value that 'percent' of the sorted 'values' do not exceed, in microseconds. */
double percentile_us(const uint64_t *values, size_t count, double percent);

#endif
