/* SPDX-License-Identifier: Apache-2.0 */
/* service - what it takes to run functions, whatever command asks for it */
#include "emulator/service.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "emulator/invoke_api.h"
#include "emulator/log.h"

/* How long the reader of stdout may take for what is left at the end. */
#define OUTPUT_GRACE_MS 2000

/* The same of files of records. */
#define RECORD_GRACE_MS 2000

#define INVOKE_CONNECTIONS 10000

/* All that a box of 1024 descriptors can hold, and some that are about to be closed. */
#define RUNTIME_CONNECTIONS 1100

/* A connection is a descriptor: take as many as we may. The box has its own limit. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* A wall never falls away silently. */
static void report_walls(const struct service *service)
{
	if (service->config->only_apis != CONFIG_APIS_OFF) {
		log_warning("nothing that the runtime does is limited (--only-apis), and its "
		            "memory is not measured");
		return;
	}
	if (service->config->sandbox == SANDBOX_OFF) {
		log_warning("the sandbox is off: nothing that the function does is limited");
		return;
	}
	for (int wall = 0; wall < SANDBOX_WALL_COUNT; wall++) {
		const struct sandbox_wall_state *state = sandbox_host_wall(service->host,
		                                                           (enum sandbox_wall)wall);

		if (state->standing != SANDBOX_YES && !state->by_choice)
			log_warning("sandbox: %s %s: %s",
			            sandbox_wall_name((enum sandbox_wall)wall),
			            state->standing == SANDBOX_NO ? "not enforced"
			                                          : "enforced in part",
			            state->detail);
	}
}

/* Where there is one invocation, or none, there is no time between two. */
static bool has_idle_times(const struct config *config)
{
	return config->command == CONFIG_SERVE || config->command == CONFIG_BENCH;
}

static bool raise_walls(struct service *service, struct error *err)
{
	const struct config *config = service->config;
	unsigned required = config->require_sandbox ? config->required_walls : 0;

	/* Asked for, this wall stands or lrie does not start. */
	if (config->network == SANDBOX_NETWORK_NONE)
		required &= ~(1u << SANDBOX_WALL_NETWORK);
	service->host = sandbox_probe(config->sandbox, required, err);
	if (!service->host || !sandbox_host_set_network(service->host, config->network, err))
		return false;
	sandbox_host_set_syscalls(service->host, config->syscalls);
	sandbox_host_set_freezing(service->host, config->freeze && has_idle_times(config));
	report_walls(service);
	return true;
}

/* Servers run in this order, and the caller is to have its answer before the runtime its receipt.
 */
static bool start_servers(struct service *service, struct error *err)
{
	const struct http_server_config invoke = { .head_limit = INVOKE_API_HEAD_LIMIT,
		                                   .max_connections = INVOKE_CONNECTIONS };
	/* Boxes of how many functions, a reload may change. */
	const struct http_server_config runtime = {
		.head_limit = API_PORT_HEAD_LIMIT,
		.max_connections = service->config->file ? INVOKE_CONNECTIONS : RUNTIME_CONNECTIONS,
	};

	if (service->config->command == CONFIG_SERVE) {
		service->invoke_server = http_server_create(service->loop, &invoke, err);
		if (!service->invoke_server)
			return false;
	}
	service->runtime_server = http_server_create(service->loop, &runtime, err);
	return service->runtime_server;
}

static bool prepare(struct service *service, int output_fd, struct error *err)
{
	service->output = output_create(service->loop, output_fd, err);
	if (!service->output)
		return false;
	if (service->config->command != CONFIG_BENCH) {
		service->observer = observer_create(service->config, service->loop, err);
		if (!service->observer)
			return false;
	}
	service->delivery = telemetry_delivery_create(service->loop);
	if (!start_servers(service, err))
		return false;
	service->ports = api_ports_create(service->runtime_server, service->config, err);
	return service->ports;
}

/* What all functions get, as far as the command has it. */
static void fill_shared(struct service *service)
{
	service->account.limit = service->config->account_concurrency;
	service->shared = (struct environment_context){
		.loop = service->loop,
		.account = &service->account,
		.output = service->output,
		.host = service->host,
		.observer = service->observer,
		.ports = service->ports ? api_ports_runtime_ports(service->ports) : NULL,
		.telemetry_sinks = service->delivery &&
		                                   service->config->telemetry == CONFIG_TELEMETRY_ON
		                           ? telemetry_delivery_sinks(service->delivery)
		                           : NULL,
	};
}

/* Walls and loop, which all commands need. */
static int open_machine(struct service *service, const struct config *config)
{
	struct error err;

	*service = (struct service){ .config = config };
	/* A write that fails is an error like others. The box gives its programs the defaults back.
	 */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	raise_descriptor_limit();
	if (!raise_walls(service, &err)) {
		log_error("%s", err.text);
		return EXIT_WALL_MISSING;
	}
	service->loop = loop_create(&err);
	if (!service->loop) {
		log_error("%s", err.text);
		return EXIT_USAGE;
	}
	return EXIT_FINE;
}

int service_init_box(struct service *service, const struct config *config)
{
	int code = open_machine(service, config);
	struct error err;

	if (code != EXIT_FINE)
		return code;
	fill_shared(service);
	if (workload_init(&service->workload, &service->shared, config, &err))
		return EXIT_FINE;
	log_error("%s", err.text);
	return EXIT_USAGE;
}

int service_open(struct service *service, const struct config *config, int output_fd)
{
	struct error err;
	int code = open_machine(service, config);

	if (code != EXIT_FINE)
		return code;
	if (!prepare(service, output_fd, &err)) {
		log_error("%s", err.text);
		return EXIT_USAGE;
	}
	fill_shared(service);
	return EXIT_FINE;
}

static bool add_functions(struct service *service, struct error *err)
{
	for (const struct config *config = service->config; config; config = config->next) {
		if (!functions_add(service->functions, config, err))
			return config->file ? error_prefix(err, "%s", config->function_name)
			                    : false;
	}
	return true;
}

static bool open_store(struct service *service, struct error *err)
{
	const char *state = service->config->state;

	if (!state)
		return true;
	service->store = event_store_open(state, service->loop, err);
	return service->store;
}

static bool make_functions(struct service *service, struct error *err)
{
	struct event_means means = { .loop = service->loop };

	if (!open_store(service, err))
		return false;
	service->letters = event_delivery_create(service->loop, service->store);
	means.store = service->store;
	means.servers = event_delivery_servers(service->letters);
	service->functions = functions_create(&service->shared, &means);
	return add_functions(service, err);
}

static int start_functions(struct service *service)
{
	struct error err;

	if (make_functions(service, &err)) {
		functions_start(service->functions);
		if (service->store)
			event_store_tell_untaken(service->store);
		return EXIT_FINE;
	}
	log_error("%s", err.text);
	return EXIT_USAGE;
}

int service_init(struct service *service, const struct config *config, int output_fd)
{
	/* The first process of a container loses signals that it has not asked for: one that comes
	 * before the loop runs would be lost, and "docker stop" wait ten seconds. */
	signals_mask_ending(SIG_BLOCK);

	int code = service_open(service, config, output_fd);

	return code == EXIT_FINE ? start_functions(service) : code;
}

/*
 * What became an orphan and then our child: where lrie is the first process of a container, all
 * that "docker exec" or a program there left behind; where a box has no pid namespace, what is left
 * of it. Not the init of a box: it has no signal for its end, and is waited for by who made it.
 */
static void on_child(struct loop_signal *signal)
{
	(void)signal;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

bool service_watch_signals(struct service *service, void (*on_signal)(struct loop_signal *signal),
                           struct error *err)
{
	for (size_t i = 0; i < SIGNALS_ENDING; i++) {
		service->signals[i].on_signal = on_signal;
		if (!loop_signal_start(service->loop, &service->signals[i], signals_ending[i], err))
			return false;
	}
	service->child.on_signal = on_child;
	if (!loop_signal_start(service->loop, &service->child, SIGCHLD, err))
		return false;
	on_child(&service->child); /* what had ended before */
	return true;
}

void service_finish(struct service *service)
{
	for (size_t i = 0; i < SIGNALS_ENDING; i++)
		loop_signal_stop(&service->signals[i]);
	loop_signal_stop(&service->child);
	functions_destroy(service->functions, RECORD_GRACE_MS);
	event_delivery_destroy(service->letters);
	event_store_close(service->store);
	workload_finish(&service->workload);
	telemetry_delivery_destroy(service->delivery);
	api_ports_destroy(service->ports);
	http_server_destroy(service->runtime_server);
	http_server_destroy(service->invoke_server);
	observer_destroy(service->observer, OUTPUT_GRACE_MS);
	output_destroy(service->output, OUTPUT_GRACE_MS);
	loop_destroy(service->loop);
	sandbox_host_destroy(service->host);
}
