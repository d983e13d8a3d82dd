/* SPDX-License-Identifier: Apache-2.0 */
/* workload - what one function needs to run */
#include "emulator/workload.h"

#include "emulator/log.h"

/* Where boxes cannot merge layers, we do it for them. */
static bool settle_layers(struct package *package, const struct sandbox_host *host,
                          size_t layer_count, struct error *err)
{
	struct sandbox_spec spec = { .task_root = NULL };

	package_fill_spec(package, &spec);
	if (!sandbox_host_has_root(host)) {
		if (layer_count > 0)
			log_warning("layers are not in /opt, since boxes have no root of their own "
			            "here");
		return true;
	}
	return sandbox_merges_layers(host, &spec) || package_merge_layers(package, err);
}

bool workload_init_beside(struct workload *workload, const struct environment_context *shared,
                          const struct config *config, const struct workload *other,
                          struct error *err)
{
	const struct package *package = other ? other->package : NULL;

	workload->package = package_create_beside(config, sandbox_host_has_root(shared->host),
	                                          package, err);
	if (!workload->package ||
	    (!(package && package_shares_layers(workload->package, package)) &&
	     !settle_layers(workload->package, shared->host, config->layers.count, err)))
		return false;
	workload->context = *shared;
	workload->context.config = config;
	workload->context.package = workload->package;
	return true;
}

bool workload_init(struct workload *workload, const struct environment_context *shared,
                   const struct config *config, struct error *err)
{
	return workload_init_beside(workload, shared, config, NULL, err);
}

bool workload_renew(struct workload *workload, const struct workload *old, bool has_changed,
                    struct error *err)
{
	const struct environment_context *context = &old->context;

	workload->package = package_renew(old->package, has_changed, err);
	if (!workload->package ||
	    (!package_shares_layers(workload->package, old->package) &&
	     !settle_layers(workload->package, context->host, context->config->layers.count, err)))
		return false;
	workload->context = *context;
	workload->context.package = workload->package;
	return true;
}

void workload_finish(struct workload *workload)
{
	package_destroy(workload->package);
	workload->package = NULL;
}
