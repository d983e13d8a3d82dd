/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wall - the walls of a box: their names, and in words what stands of them and what does not.
 *
 * probe.c finds out; this turns it into the states that sandbox.h shows, with the reason and what
 * the user can do about it. Changes nothing else.
 */
#ifndef SANDBOX_WALL_H
#define SANDBOX_WALL_H

#include "sandbox/probe.h"

/* All that stand wherever they can. */
#define ALL_WALLS (((1u << SANDBOX_WALL_COUNT) - 1) & ~(1u << SANDBOX_WALL_NETWORK))

/* States all walls by what 'host' holds otherwise. 'no_namespaces' is why there are none, read only
 * when there are none. */
void walls_state(struct sandbox_host *host, const struct error *no_namespaces);

/* States the one against the network again; 'why_not' is why there cannot be one, or NULL. */
void walls_state_network(struct sandbox_host *host, const struct error *why_not);

/* States that nothing stands, since nothing is to. */
void walls_state_off(struct sandbox_host *host);

/* Whether the walls of a mask stand; if not, 'err' names those that are missing. One with a gap
 * stands: the gap is said, and is no reason to refuse. */
bool walls_have(const struct sandbox_host *host, unsigned required, struct error *err);

#endif
