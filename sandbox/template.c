/* SPDX-License-Identifier: Apache-2.0 */
/* template - the part of a box's root that is the same in each, ready for the next one */
#include "sandbox/template.h"

#include "sandbox/fd.h"

int templates_take(struct templates *templates, uint64_t state)
{
	while (templates->count > 0) {
		struct template *last = &templates->kept[--templates->count];
		if (last->state == state)
			return steal_fd(&last->tree);
		fd_close(&last->tree);
	}
	return -1;
}

void templates_keep(struct templates *templates, int tree, uint64_t state)
{
	tree = fd_above_stdio(tree);
	if (tree == -1 || templates->count == TEMPLATES)
		fd_close(&tree);
	else
		templates->kept[templates->count++] = (struct template){ tree, state };
}

void templates_clear(struct templates *templates)
{
	while (templates->count > 0)
		fd_close(&templates->kept[--templates->count].tree);
}
