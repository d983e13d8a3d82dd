/* SPDX-License-Identifier: Apache-2.0 */
/* workload - what one function needs to run */
#include "emulator/workload.h"

static bool fill(struct workload *workload, const struct environment_context *context,
                 struct error *err)
{
	if (!workload->package || !package_settle_layers(workload->package, context->host, err))
		return false;
	workload->context = *context;
	workload->context.package = workload->package;
	return true;
}

bool workload_init_with(struct workload *workload, const struct environment_context *shared,
                        const struct config *config, struct layers *layers, struct error *err)
{
	bool own_root = sandbox_host_has_root(shared->host);

	workload->package = package_create_with(config, own_root, layers, err);
	if (!fill(workload, shared, err))
		return false;
	workload->context.config = config;
	return true;
}

bool workload_init(struct workload *workload, const struct environment_context *shared,
                   const struct config *config, struct error *err)
{
	return workload_init_with(workload, shared, config, NULL, err);
}

bool workload_renew(struct workload *workload, const struct workload *old, bool has_changed,
                    struct error *err)
{
	workload->package = package_renew(old->package, old->context.host, has_changed, err);
	return fill(workload, &old->context, err);
}

void workload_finish(struct workload *workload)
{
	package_destroy(workload->package);
	workload->package = NULL;
}
