/* SPDX-License-Identifier: Apache-2.0 */
/* template - the part of a box's root that is the same in each, ready for the next one */
#include "sandbox/template.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>

#include "sandbox/fd.h"

enum template_kind template_kind(unsigned long namespaces)
{
	return namespaces & CLONE_NEWUSER ? TEMPLATE_TREE : TEMPLATE_NAMESPACE;
}

int templates_take(struct templates *templates, enum template_kind kind, uint64_t state)
{
	for (unsigned i = templates->count; i-- > 0;) {
		struct template *found = &templates->kept[i];
		if (found->state != state)
			continue;
		if (kind == TEMPLATE_NAMESPACE)
			return fcntl(found->fd, F_DUPFD_CLOEXEC, 0);
		int fd = found->fd;
		*found = templates->kept[--templates->count];
		return fd;
	}
	return -1;
}

/* The oldest gives way: what it shows may be there no more. */
void templates_keep(struct templates *templates, int template, uint64_t state)
{
	template = fd_above_stdio(template);
	if (template == -1)
		return;
	if (templates->count == TEMPLATES) {
		fd_close(&templates->kept[0].fd);
		templates->count--;
		memmove(templates->kept, templates->kept + 1,
		        templates->count * sizeof(templates->kept[0]));
	}
	templates->kept[templates->count++] = (struct template){ template, state };
}

void templates_clear(struct templates *templates)
{
	while (templates->count > 0)
		fd_close(&templates->kept[--templates->count].fd);
}
