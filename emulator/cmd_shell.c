/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_shell - a command, or a shell, in the box that the function would get
 *
 * Nothing that is ours is given to the command: bytes are relayed, through a pipe where our stream
 * is none of a terminal's, and else through a pseudo-terminal that is the command's alone. When the
 * command ends, so does the box; what it wrote before is still passed on.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "emulator/box.h"
#include "emulator/commands.h"
#include "emulator/log.h"
#include "emulator/preflight.h"
#include "emulator/relay.h"
#include "emulator/service.h"
#include "emulator/terminal.h"
#include "emulator/variables.h"
#include "sandbox/fd.h"

/* Exit codes of shells (POSIX, "Exit Status for Commands"). */
#define EXIT_NOT_EXECUTABLE 126
#define EXIT_NOT_FOUND 127
#define EXIT_SIGNALLED 128

#define COMMAND 1 /* the program of the box */

enum { RELAY_INPUT, RELAY_TERMINAL, RELAY_OUTPUT, RELAY_ERRORS, RELAY_COUNT };

enum { SIGNAL_SIZE, SIGNAL_STOP, SIGNAL_CONTINUE, SIGNAL_COUNT };

struct shell {
	struct service service;
	struct sandbox *box;
	struct loop_watch box_watch;
	struct relay relays[RELAY_COUNT];
	struct loop_signal signals[SIGNAL_COUNT];
	int master;      /* of the command's terminal, or -1 */
	int input;       /* where the command's input goes, until it is relayed */
	int runtime_api; /* a socket that nobody listens to; it keeps the port free */
	char runtime_api_address[32];
	int code;
	bool has_code;
	bool is_cut_short; /* by a signal: nobody waits for the rest of the output */
};

/* There is one in the process; callbacks of relays and signals find it here. */
static struct shell shell;

/* ---- the end ---- */

static void set_code(int code)
{
	if (!shell.has_code)
		shell.code = code;
	shell.has_code = true;
}

static void end_box(void)
{
	relay_stop(&shell.relays[RELAY_INPUT]);
	if (shell.box)
		sandbox_kill(shell.box);
}

static void stop_if_over(void)
{
	bool is_writing = shell.relays[RELAY_TERMINAL].runs || shell.relays[RELAY_OUTPUT].runs ||
	                  shell.relays[RELAY_ERRORS].runs;

	if (!shell.box && (!is_writing || shell.is_cut_short))
		loop_stop(shell.service.loop);
}

static void cut_short(int number)
{
	shell.is_cut_short = true;
	set_code(EXIT_SIGNALLED + number);
	end_box();
	stop_if_over();
}

static void on_signal(struct loop_signal *signal)
{
	if (shell.is_cut_short) {
		terminal_restore();
		_exit(EXIT_SIGNALLED + signal->number);
	}
	cut_short(signal->number);
}

/* ---- the terminal's signals ---- */

static void on_size(struct loop_signal *signal)
{
	(void)signal;
	if (shell.master != -1)
		terminal_copy_size(STDIN_FILENO, shell.master);
}

/* From outside, since Ctrl-Z goes to the command. */
static void on_stop(struct loop_signal *signal)
{
	(void)signal;
	terminal_restore();
	raise(SIGSTOP);
}

static void on_continue(struct loop_signal *signal)
{
	struct error err;

	if (shell.master == -1)
		return;
	on_size(signal);
	terminal_restore();
	if (!terminal_take(STDIN_FILENO, &err))
		log_warning("%s", err.text);
}

static bool watch_terminal(struct error *err)
{
	static const struct {
		int number;
		void (*on_signal)(struct loop_signal *signal);
	} watched[SIGNAL_COUNT] = { [SIGNAL_SIZE] = { SIGWINCH, on_size },
		                    [SIGNAL_STOP] = { SIGTSTP, on_stop },
		                    [SIGNAL_CONTINUE] = { SIGCONT, on_continue } };

	for (size_t i = 0; i < SIGNAL_COUNT; i++) {
		shell.signals[i].on_signal = watched[i].on_signal;
		if (!loop_signal_start(shell.service.loop, &shell.signals[i], watched[i].number,
		                       err))
			return false;
	}
	return true;
}

/* ---- relays ---- */

/* Where a command finds nobody who reads, it hears so when it writes. */
static void on_output_end(struct relay *relay, enum relay_end end, int code)
{
	(void)relay;
	if (end == RELAY_TARGET_GONE && code != EPIPE && code != EIO)
		log_error("write the output: %s", strerror(code));
	stop_if_over();
}

/* At the end of a pipe or file the command finds it, too; the end of a terminal is that of all. */
static void on_input_end(struct relay *relay, enum relay_end end, int code)
{
	(void)relay;
	(void)code;
	if (end == RELAY_SOURCE_ENDED && shell.master != -1)
		cut_short(SIGHUP);
}

static bool start_relay(unsigned which, struct stream *from, struct stream *to, struct error *err)
{
	struct relay *relay = &shell.relays[which];

	relay->on_end = which == RELAY_INPUT ? on_input_end : on_output_end;
	return relay_start(relay, shell.service.loop, from, to, err);
}

static bool start_input(struct error *err)
{
	struct stream from, to;

	stream_take(&to, steal_fd(&shell.input));
	if (stream_open(&from, STDIN_FILENO, O_RDONLY, err))
		return start_relay(RELAY_INPUT, &from, &to, err);
	stream_close(&to);
	return false;
}

/* Takes over 'fd', our end of what the command writes to. */
static bool start_output(unsigned which, int fd, int target, struct error *err)
{
	struct stream from, to;

	stream_take(&from, fd);
	if (stream_open(&to, target, O_WRONLY, err))
		return start_relay(which, &from, &to, err);
	stream_close(&from);
	return false;
}

/* ---- the command's streams ---- */

/* The command's ends, which are ours until it has them. */
struct ends {
	int input, output, errors; /* -1: the input, which is a terminal */
};

static void ends_close(struct ends *ends)
{
	fd_close(&ends->input);
	fd_close(&ends->output);
	fd_close(&ends->errors);
}

/* Our ends do not block; the command's are ordinary pipes. Whoever opens one anew, as a script does
 * that writes to /dev/stderr, has the rights of the box's user. */
static bool make_pipe(int *ours, int *theirs, bool we_write, struct error *err)
{
	int pair[2];

	if (pipe2(pair, O_CLOEXEC) == -1)
		return error_set(err, errno, "make a pipe for the command");
	*ours = pair[we_write];
	*theirs = pair[!we_write];
	if (fchmod(*theirs, 0666) == -1 || fcntl(*ours, F_SETFL, O_NONBLOCK) == -1)
		return error_set(err, errno, "prepare a pipe for the command");
	return true;
}

static bool make_output(unsigned which, int target, int *theirs, struct error *err)
{
	int ours = -1;

	if (make_pipe(&ours, theirs, false, err))
		return start_output(which, ours, target, err);
	fd_close(&ours);
	return false;
}

/* One descriptor for each relay: the loop wants them apart. */
static bool make_terminal(struct ends *ends, struct error *err)
{
	int target = isatty(STDOUT_FILENO)   ? STDOUT_FILENO
	             : isatty(STDERR_FILENO) ? STDERR_FILENO
	                                     : STDIN_FILENO;

	if (!terminal_make(STDIN_FILENO, &shell.master, &ends->input, err))
		return false;
	shell.input = fcntl(shell.master, F_DUPFD_CLOEXEC, 3);
	int ours = fcntl(shell.master, F_DUPFD_CLOEXEC, 3);
	return start_output(RELAY_TERMINAL, ours, target, err);
}

static bool is_same_file(int one, int other)
{
	struct stat a, b;

	return fstat(one, &a) == 0 && fstat(other, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

/* Outputs that are one stay one, so that the order of what is written stays. */
static bool make_ends(struct ends *ends, struct error *err)
{
	bool has_terminal = isatty(STDIN_FILENO);

	if (has_terminal ? !make_terminal(ends, err)
	                 : !make_pipe(&shell.input, &ends->input, true, err))
		return false;
	if (!(has_terminal && isatty(STDOUT_FILENO)) &&
	    !make_output(RELAY_OUTPUT, STDOUT_FILENO, &ends->output, err))
		return false;
	if (has_terminal && isatty(STDERR_FILENO))
		return true;
	if (ends->output != -1 && is_same_file(STDOUT_FILENO, STDERR_FILENO)) {
		ends->errors = fcntl(ends->output, F_DUPFD_CLOEXEC, 3);
		return true;
	}
	return make_output(RELAY_ERRORS, STDERR_FILENO, &ends->errors, err);
}

/* ---- the command ---- */

/* Where a shell would find it. Each entry of PATH, then NULL; free() each and the list. */
static char **search_paths(const char *name, const char *path)
{
	size_t count = 0;
	char **paths = xcalloc(strlen(path) + 3, sizeof(*paths));

	if (strchr(name, '/') || !*name) {
		paths[0] = xstrdup(name);
		return paths;
	}
	for (;;) {
		size_t length = strcspn(path, ":");

		paths[count++] = xasprintf("%.*s%s%s", (int)length, path, length ? "/" : "", name);
		if (!path[length])
			return paths;
		path += length + 1;
	}
}

static void free_paths(char **paths)
{
	for (char **path = paths; *path; path++)
		free(*path);
	free(paths);
}

/* What the box shows of programs is what this machine has. Not the user's own shell, which would
 * miss its home. */
static const char *const *default_command(void)
{
	static const char *const bash[] = { "/bin/bash", NULL }, *const sh[] = { "/bin/sh", NULL };

	return access(bash[0], X_OK) == 0 ? bash : sh;
}

static const char *find_value(const char *const *envp, const char *name)
{
	size_t length = strlen(name);

	for (; *envp; envp++) {
		if (strncmp(*envp, name, length) == 0 && (*envp)[length] == '=')
			return *envp + length + 1;
	}
	return NULL;
}

/* A port that is bound but not listened to refuses connections, and nobody else can have it: no
 * other function's Runtime API is met by mistake. */
static const char *runtime_api(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);

	if (shell.service.config->runtime_api_address)
		return shell.service.config->runtime_api_address;
	if (shell.service.config->network == SANDBOX_NETWORK_NONE)
		return "127.0.0.1:9001"; /* where nobody listens either */
	shell.runtime_api = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (shell.runtime_api == -1 ||
	    bind(shell.runtime_api, (struct sockaddr *)&address, size) == -1 ||
	    getsockname(shell.runtime_api, (struct sockaddr *)&address, &size) == -1)
		return "127.0.0.1:9001";
	snprintf(shell.runtime_api_address, sizeof(shell.runtime_api_address), "127.0.0.1:%u",
	         (unsigned)ntohs(address.sin_port));
	return shell.runtime_api_address;
}

static const char **make_environment(void)
{
	const struct config *config = shell.service.config;
	char log_stream[BOX_LOG_STREAM_SIZE];
	const struct variables_place place = {
		.runtime_api = runtime_api(),
		.log_stream = log_stream,
		.task_root = package_task_root(shell.service.workload.package),
		.runtime_root = package_runtime_root(shell.service.workload.package),
		.terminal = shell.master == -1 ? NULL : config->terminal,
	};

	box_make_log_stream(config, log_stream);
	return variables_make(config, &place);
}

static bool exec_command(const struct ends *ends, struct error *err)
{
	const struct config_list *words = &shell.service.config->arguments;
	const char *const *argv = words->count ? words->items : default_command();
	const char **envp = make_environment();
	const char *path = find_value(envp, "PATH");
	char **paths = search_paths(argv[0], path ? path : "/usr/bin:/bin");
	const struct sandbox_streams streams = {
		.input = ends->input,
		.output = ends->output == -1 ? ends->input : ends->output,
		.errors = ends->errors == -1 ? ends->input : ends->errors,
		.is_terminal = shell.master != -1,
	};
	const struct sandbox_program program = { .argv = argv,
		                                 .paths = (const char *const *)paths,
		                                 .envp = envp,
		                                 .cwd = package_cwd(shell.service.workload.package),
		                                 .streams = &streams };
	bool asked = sandbox_exec(shell.box, COMMAND, &program, err);

	free_paths(paths);
	free(envp);
	return asked;
}

/* ---- events of the box ---- */

static void on_started(void)
{
	struct error err;

	if (shell.is_cut_short)
		return;
	if ((shell.master != -1 && !terminal_take(STDIN_FILENO, &err)) || !start_input(&err)) {
		log_error("%s", err.text);
		set_code(EXIT_USAGE);
		end_box();
	}
}

static void on_exec_failed(const struct sandbox_event *event)
{
	autobuffer struct buffer words = BUFFER_INIT;
	bool is_missing = event->error.code == ENOENT || event->error.code == ENOTDIR;

	terminal_restore();
	if (event->bad_cwd)
		preflight_explain_cwd(shell.service.workload.package, &words);
	log_error("%s%s%s", event->error.text, words.length > 0 ? ": " : "", words.data);
	set_code(is_missing && !event->bad_cwd ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE);
	end_box();
}

static int code_of(int status)
{
	return WIFSIGNALED(status) ? EXIT_SIGNALLED + WTERMSIG(status) : WEXITSTATUS(status);
}

static void on_exited(const struct sandbox_event *event)
{
	terminal_begin_lines();
	if (event->out_of_memory)
		log_warning("out of memory: the command needs more than %llu MB (--memory)",
		            (unsigned long long)shell.service.config->memory_bytes >> 20);
	terminal_end_lines();
	set_code(code_of(event->status));
	end_box();
}

static void on_oom(void)
{
	terminal_begin_lines();
	log_warning("the memory limit of %llu MB killed a process in the shell (--memory)",
	            (unsigned long long)shell.service.config->memory_bytes >> 20);
	terminal_end_lines();
}

static void on_denied(const struct sandbox_denial *denial)
{
	terminal_begin_lines();
	box_tell_denial("", denial, "in the shell");
	terminal_end_lines();
}

static void on_write_refused(const struct sandbox_write *write)
{
	terminal_begin_lines();
	box_tell_write("", write, "in the shell");
	terminal_end_lines();
}

static void on_failed(const struct error *error)
{
	terminal_restore();
	log_error("%s", error->text);
	set_code(EXIT_USAGE);
	end_box();
}

static void on_gone(void)
{
	loop_watch_stop(&shell.box_watch);
	sandbox_destroy(shell.box);
	shell.box = NULL;
	set_code(EXIT_USAGE); /* unless it is known how the command ended */
	relay_stop(&shell.relays[RELAY_INPUT]);
	stop_if_over();
}

static void on_box_event(const struct sandbox_event *event)
{
	switch (event->type) {
	case SANDBOX_READY:
	case SANDBOX_CONNECTED: /* nobody asks */
		break;
	case SANDBOX_STARTED:
		on_started();
		break;
	case SANDBOX_EXEC_FAILED:
		on_exec_failed(event);
		break;
	case SANDBOX_EXITED:
		on_exited(event);
		break;
	case SANDBOX_OOM:
		on_oom();
		break;
	case SANDBOX_DENIED:
		on_denied(&event->denial);
		break;
	case SANDBOX_WRITE_REFUSED:
		on_write_refused(&event->write);
		break;
	case SANDBOX_FAILED:
		on_failed(&event->error);
		break;
	case SANDBOX_GONE:
		on_gone();
		break;
	}
}

static void on_box_ready(struct loop_watch *watch, uint32_t events)
{
	struct sandbox_event event;

	(void)watch;
	(void)events;
	while (shell.box && sandbox_next_event(shell.box, &event))
		on_box_event(&event);
}

/* ---- all together ---- */

static bool start_box(struct error *err)
{
	struct service *service = &shell.service;
	struct sandbox_spec spec;

	box_fill_spec(service->config, service->workload.package, &spec);
	shell.box = sandbox_create(service->host, &spec, err);
	if (!shell.box)
		return false;
	if (service->config->throttle)
		sandbox_set_cpu(shell.box, SANDBOX_CPU_THROTTLED);
	shell.box_watch = (struct loop_watch){ .on_ready = on_box_ready };
	return loop_watch_start(service->loop, &shell.box_watch, sandbox_fd(shell.box), EPOLLIN,
	                        err);
}

static bool start(struct error *err)
{
	__attribute__((cleanup(ends_close))) struct ends ends = { -1, -1, -1 };

	return service_watch_signals(&shell.service, on_signal, err) && make_ends(&ends, err) &&
	       (shell.master == -1 || watch_terminal(err)) && start_box(err) &&
	       exec_command(&ends, err);
}

static void finish(void)
{
	terminal_restore();
	for (size_t i = 0; i < RELAY_COUNT; i++)
		relay_stop(&shell.relays[i]);
	for (size_t i = 0; i < SIGNAL_COUNT; i++)
		loop_signal_stop(&shell.signals[i]);
	loop_watch_stop(&shell.box_watch);
	sandbox_destroy(shell.box);
	fd_close(&shell.input);
	fd_close(&shell.master);
	fd_close(&shell.runtime_api);
	service_finish(&shell.service);
}

int cmd_shell(const struct config *config)
{
	struct error err;

	shell = (struct shell){ .master = -1, .input = -1, .runtime_api = -1 };
	shell.code = service_init_box(&shell.service, config);
	if (shell.code == EXIT_FINE) {
		if (start(&err)) {
			loop_run(shell.service.loop);
		} else {
			log_error("%s", err.text);
			shell.code = EXIT_USAGE;
		}
	}
	finish();
	return shell.code;
}
