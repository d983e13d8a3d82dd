/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file_count - how many files the programs of a box open.
 *
 * By fanotify(7), which only root may use: init marks the mounts of its box, and the owner counts
 * what is told. Files are regular ones, each counts once. The kernel keeps some 16 thousand
 * events that were not taken yet; of files, 64 thousand can be told apart.
 */
#ifndef SANDBOX_FILE_COUNT_H
#define SANDBOX_FILE_COUNT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* In init, where the box's own mounts are. Returns a descriptor, or -1 and errno. */
int file_count_open(void);

/* Of one box. */
struct file_count;

/* Takes over 'fd', and adds it to the epoll descriptor, which is borrowed. What 'init' opens does
 * not count. */
struct file_count *file_count_create(int fd, int epoll, pid_t init);

/* Waits, 15 to 40 milliseconds, until nobody in the kernel looks at the marks. NULL is fine. */
void file_count_destroy(struct file_count *files);

/* Takes what was told. Never blocks. */
void file_count_take(struct file_count *files);

/* How many there were, up to now. Returns false when some were lost. */
bool file_count_get(struct file_count *files, uint64_t *count);

#endif
