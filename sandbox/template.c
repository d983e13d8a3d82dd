/* SPDX-License-Identifier: Apache-2.0 */
/* template - the part of a box's root that is the same in each, ready for the next one */
#include "sandbox/template.h"

#include <fcntl.h>
#include <sched.h>

#include "sandbox/fd.h"

enum template_kind template_kind(unsigned long namespaces)
{
	return namespaces & CLONE_NEWUSER ? TEMPLATE_TREE : TEMPLATE_NAMESPACE;
}

int templates_take(struct templates *templates, enum template_kind kind, uint64_t state)
{
	while (templates->count > 0) {
		struct template *last = &templates->kept[templates->count - 1];
		if (last->state == state && kind == TEMPLATE_NAMESPACE)
			return fcntl(last->fd, F_DUPFD_CLOEXEC, 0);
		templates->count--;
		if (last->state == state)
			return steal_fd(&last->fd);
		fd_close(&last->fd);
	}
	return -1;
}

void templates_keep(struct templates *templates, int template, uint64_t state)
{
	template = fd_above_stdio(template);
	if (template == -1 || templates->count == TEMPLATES)
		fd_close(&template);
	else
		templates->kept[templates->count++] = (struct template){ template, state };
}

void templates_clear(struct templates *templates)
{
	while (templates->count > 0)
		fd_close(&templates->kept[--templates->count].fd);
}
