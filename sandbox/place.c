/* SPDX-License-Identifier: Apache-2.0 */
/* place - what is put where in the root of a box that is being built */
#include "sandbox/place.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/fd.h"
#include "sandbox/mount.h"

const char *place_below(const char *path)
{
	assert(path[0] == '/');
	return path + 1;
}

bool place_folder(int root, const char *path, struct error *err)
{
	return mkdirat(root, place_below(path), 0755) == 0 || errno == EEXIST ||
	       error_set(err, errno, "create folder '%s' in the box", path);
}

bool place_link(int root, const char *path, const char *link, struct error *err)
{
	return symlinkat(link, root, place_below(path)) == 0 ||
	       error_set(err, errno, "create link '%s' in the box", path);
}

bool place_file(int root, const char *path, const char *text, struct error *err)
{
	autoclose int fd = openat(root, place_below(path),
	                          O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
	size_t size = strlen(text);

	if (fd == -1 || (size && write(fd, text, size) != (ssize_t)size))
		return error_set(err, errno, "create file '%s' in the box", path);
	return true;
}

bool place_tree(int root, const char *source, const char *path, struct error *err)
{
	autoclose int tree = mount_clone(source, MOUNT_READ_ONLY, err);

	if (tree == -1)
		return false;
	return mount_move(tree, root, place_below(path)) == 0 ||
	       error_set(err, errno, "show '%s' as '%s'", source, path);
}
