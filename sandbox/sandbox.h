/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandbox - a box in which the programs of one execution environment run.
 *
 * A box holds one bootstrap and several extensions, 64 programs at most. It is as tight as
 * the machine allows; sandbox_probe() finds out, by building each wall in a
 * throw-away child, which walls can stand here.
 *
 * PID 1 of the box is a small init process, forked without exec from the
 * calling process (which must therefore be single-threaded). It stays outside
 * the limited cgroup, never runs the function's code, reaps everything and dies
 * with its parent. Nothing here waits for the box: what happens in it arrives
 * as events, read with sandbox_next_event() whenever sandbox_fd() is readable.
 *
 * All times are CLOCK_MONOTONIC nanoseconds, stamped where the thing happened.
 */
#ifndef SANDBOX_SANDBOX_H
#define SANDBOX_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "sandbox/error.h"

/* ---- walls ---------------------------------------------------------- */

enum sandbox_wall {
	SANDBOX_WALL_FILES,     /* own root, read-only but for /tmp */
	SANDBOX_WALL_TMP,       /* /tmp bounded in size */
	SANDBOX_WALL_PROCESSES, /* own pid namespace: nothing outside can be seen or signalled */
	SANDBOX_WALL_IPC,       /* own System V IPC and POSIX queues */
	SANDBOX_WALL_HOSTNAME,  /* own host name */
	SANDBOX_WALL_IDENTITY,  /* uid 993, no capabilities, no new privileges */
	SANDBOX_WALL_MEMORY,    /* memory limit, out of memory told apart */
	SANDBOX_WALL_CPU,       /* CPU share by memory size */
	SANDBOX_WALL_PIDS,      /* number of processes and threads */
	SANDBOX_WALL_SYSCALLS,  /* system calls that Lambda does not permit are refused */
	SANDBOX_WALL_FREEZE,    /* nothing runs between invocations */
	SANDBOX_WALL_NETWORK,   /* a network of its own; only for those who want it */
	SANDBOX_WALL_COUNT,
};

enum sandbox_standing {
	SANDBOX_NO,     /* does not stand */
	SANDBOX_PARTLY, /* stands with a gap that 'detail' names */
	SANDBOX_YES,
};

struct sandbox_wall_state {
	enum sandbox_standing standing;
	char mechanism[64]; /* "memory cgroup v1", "user namespace"; "" when it does not stand */
	char detail[384];   /* why not, and what the user can do about it; "" when all is well */
	bool by_choice;     /* it does not stand since nobody wants it: nothing is amiss */
};

enum sandbox_mode {
	SANDBOX_AUTO, /* every wall this machine allows */
	SANDBOX_FULL, /* all walls but that against the network, or sandbox_probe() fails */
	SANDBOX_OFF,  /* a plain child process; for debugging */
};

/* The word for a wall on the command line and in reports ("files", "memory"). */
const char *sandbox_wall_name(enum sandbox_wall wall);

/* What it keeps apart or limits, in a few words ("own root, read-only but for /tmp"). */
const char *sandbox_wall_summary(enum sandbox_wall wall);

/* Parses "memory,files" into a mask of BIT(wall); "" or NULL mean all walls, but not that
 * against the network, which is only meant when it is named.
 * An unknown word is an error that lists the known ones. */
bool sandbox_walls_parse(const char *text, unsigned *mask, struct error *err);

/* ---- the machine ---------------------------------------------------- */

/*
 * What was found out about this machine, and what all boxes share: the parent
 * cgroups and the choice of mechanism. One per process; outlives its boxes.
 */
struct sandbox_host;

/*
 * Probes the machine. Returns NULL and fills 'err' when 'mode' is SANDBOX_FULL
 * and a wall is missing, or when a wall in the mask 'required' is; 'err' then
 * names every missing wall with its reason.
 */
struct sandbox_host *sandbox_probe(enum sandbox_mode mode, unsigned required, struct error *err);

/* Removes the parent cgroups. All boxes must be gone. NULL is fine. */
void sandbox_host_destroy(struct sandbox_host *host);

const struct sandbox_wall_state *sandbox_host_wall(const struct sandbox_host *host,
                                                   enum sandbox_wall wall);

/* Whether boxes have a root of their own. Where they do not, paths in them are this machine's, and
 * what 'struct sandbox_spec' would show is not shown. */
bool sandbox_host_has_root(const struct sandbox_host *host);

enum sandbox_syscalls {
	SANDBOX_SYSCALLS_DEFAULT, /* what Lambda is known to refuse is refused */
	SANDBOX_SYSCALLS_STRICT,  /* and so is what is not known to be allowed */
	SANDBOX_SYSCALLS_OFF,     /* no filter */
};

/* Decides for the boxes that are created from now on; DEFAULT before. Changes the wall's state
 * where it stands: without a filter there is none. */
void sandbox_host_set_syscalls(struct sandbox_host *host, enum sandbox_syscalls policy);

enum sandbox_network {
	SANDBOX_NETWORK_HOST, /* boxes use the network of the machine */
	SANDBOX_NETWORK_NONE, /* each has a loopback of its own, and nothing else */
};

/*
 * Decides for the boxes that are created from now on; HOST before. Whether NONE is possible is
 * tried: false and 'err' tell that it is not, and the boxes stay in the machine's network.
 */
bool sandbox_host_set_network(struct sandbox_host *host, enum sandbox_network network,
                              struct error *err);

/* Decides for the boxes that are created from now on whether sandbox_freeze() has an effect on
 * them; it has before. Changes the wall's state where it stands. Boxes that are never frozen are
 * built quicker: they need one cgroup less. */
void sandbox_host_set_freezing(struct sandbox_host *host, bool on);

/* ---- building a box ------------------------------------------------- */

/* A folder or file of the host that the box shows. Read-only, no devices, no
 * setuid; what is mounted below it comes along. */
struct sandbox_bind {
	const char *source; /* absolute path on the host */
	const char *target; /* absolute path in the box */
};

/* Whether each box with a root of its own has this machine's 'path' (absolute, without links) under
 * the same name, as far as this machine has it: programs, libraries, a part of /etc. */
bool sandbox_shows(const char *path);

/*
 * The /tmp of an environment: what is in it outlives its boxes, which have it one after another, at
 * most one at a time. The first one that is built makes it, and decides on its size. It is lost
 * with a box that could not be built. Costs a few microseconds per box; what it holds is memory, of
 * whom had it charged. Where boxes have no root of their own /tmp is the machine's, and this keeps
 * the user that files belong to.
 */
struct sandbox_tmp;

struct sandbox_tmp *sandbox_tmp_create(void);

/* No box has it any more. NULL is fine. */
void sandbox_tmp_destroy(struct sandbox_tmp *tmp);

struct sandbox_spec {
	const char *task_root;    /* folder shown as /var/task, or NULL for an empty one */
	const char *runtime_root; /* folder shown as /var/runtime, or NULL for an empty one */
	const char *const
		*layers; /* folders shown merged as /opt, later ones win; NULL for an empty one */
	size_t layer_count;
	const struct sandbox_bind *binds;
	size_t bind_count;
	const char *hostname;
	uint64_t memory_bytes;   /* limit of all processes together; 0 for none */
	uint64_t tmp_bytes;      /* size of /tmp */
	struct sandbox_tmp *tmp; /* outlives the box; NULL: nobody else gets its /tmp */
	unsigned cpu_millis;     /* thousandths of one CPU while throttled; 0 for no limit */
	unsigned processes;      /* processes and threads; 0 for no limit */
	unsigned cpus;           /* CPUs to run on, of those that the caller may use; 0 for all */
	unsigned open_files;     /* RLIMIT_NOFILE, soft and hard; 0 leaves it alone */
	uint16_t listen_port;    /* on 127.0.0.1 of its own network; 0: nothing. See below */
	uint16_t datagram_port;  /* the same, by UDP */

	/* Tells of writes that fail since the files are read-only: SANDBOX_WRITE_REFUSED. Opening
	 * for writing, and what else changes files by name, then takes some 10 us longer. */
	bool report_writes;
	const char *const *unreported; /* patterns as of fnmatch(3) of paths that nobody wants to
	                                * hear of; ends with NULL; NULL for none */

	bool counts_usage; /* sandbox_usage() will be asked: a microsecond before each execve */
	bool counts_files; /* and for files: opening one then takes some microseconds longer, and
	                    * sandbox_destroy() 15 to 40 milliseconds */
};

/*
 * Whether boxes can show the layers of 'spec' as one folder, tried in a child that is thrown away.
 * Where the kernel has no overlayfs for user namespaces (before Linux 5.11), or file systems do not
 * go with it, they cannot; the caller then gives them a single one.
 */
bool sandbox_merges_layers(const struct sandbox_host *host, const struct sandbox_spec *spec);

/*
 * Starts to build a box. 'spec' is only read during the call. Returns NULL and
 * fills 'err' when not even the init process could be started; all later
 * failures arrive as SANDBOX_FAILED.
 */
struct sandbox *sandbox_create(struct sandbox_host *host, const struct sandbox_spec *spec,
                               struct error *err);

/*
 * Kills what still runs (thawed first where that matters), removes the cgroups,
 * frees the box. May wait a few milliseconds for the kernel to finish the dead;
 * call sandbox_kill() and wait for SANDBOX_GONE to avoid that. NULL is fine.
 */
void sandbox_destroy(struct sandbox *box);

/* ---- running programs ----------------------------------------------- */

/* For a program that somebody talks to. */
struct sandbox_streams {
	int input, output, errors; /* stay the caller's */
	bool is_terminal; /* 'input' is one, of nobody else: the program's session gets it */
};

/* A descriptor that a program finds open, beside its standard streams. */
struct sandbox_descriptor {
	int fd;          /* stays the caller's */
	unsigned number; /* in the program: 3 to 255 */
};

#define SANDBOX_DESCRIPTORS 4

struct sandbox_program {
	const char *const *argv;  /* argv[0] is the path, inside the box */
	const char *const *paths; /* unless these are, tried in order as execvp(3) does; or NULL */
	const char *const *envp;
	const char *cwd; /* inside the box */
	int output;      /* becomes stdout and stderr; stays the caller's. stdin is empty */
	const struct sandbox_streams *streams; /* unless these are the standard streams; or NULL */
	const struct sandbox_descriptor *descriptors; /* SANDBOX_DESCRIPTORS of them at most */
	size_t descriptor_count;
};

/*
 * Asks the box to start a program; 'id' is the caller's name for it in later
 * events (a small number, unique in the box). May be called before the box is
 * ready: the program then starts as soon as it is. 'program' is only read
 * during the call. Returns false when it could not even be asked (arguments
 * and environment of more than 192 KiB in total: E2BIG, a box that is gone).
 */
bool sandbox_exec(struct sandbox *box, unsigned id, const struct sandbox_program *program,
                  struct error *err);

/*
 * The socket that listens inside, at the spec's 'listen_port', where the box has a network of its
 * own: the caller's, who is the only one that can reach into it. Programs find it listening from
 * their start on. Once, from SANDBOX_READY on; -1 where there is none. The other is for datagrams,
 * at the spec's 'datagram_port'. Neither blocks.
 */
int sandbox_take_listener(struct sandbox *box);
int sandbox_take_datagram_listener(struct sandbox *box);

/*
 * Asks for a connection to what a program has at 127.0.0.1:'port', in the network of the box, which
 * may be the machine's. SANDBOX_CONNECTED with 'id', the caller's name for it, follows, in the
 * order of asking, unless the box ends. A frozen box stays frozen: the kernel takes what is sent to
 * it. Returns false when it could not be asked; EAGAIN when the box is too busy, which passes.
 */
bool sandbox_connect(struct sandbox *box, unsigned id, uint16_t port, struct error *err);

/*
 * Sends 'signal' to the process group of program 'id', which is its own session's; no other program
 * hears of it. Nothing happens if the program has ended. What has left the group, or outlives the
 * program, lives until the box ends.
 */
void sandbox_signal(struct sandbox *box, unsigned id, int signal);

/* Begins to kill everything in the box; SANDBOX_GONE follows. */
void sandbox_kill(struct sandbox *box);

/* ---- what happens in it --------------------------------------------- */

enum sandbox_event_type {
	SANDBOX_READY,         /* root, namespaces and limits stand; programs can start */
	SANDBOX_STARTED,       /* program 'id' was executed; 'at_ns' is just before its execve */
	SANDBOX_EXEC_FAILED,   /* program 'id' could not be executed: 'error.code' is the errno */
	SANDBOX_EXITED,        /* program 'id' ended with 'status' */
	SANDBOX_OOM,           /* the memory limit killed processes other than a program. Told half
	                        * a second later, when that is sure, or when the box ends */
	SANDBOX_CONNECTED,     /* for 'id': 'socket', which is the caller's, or -1 and 'error' */
	SANDBOX_DENIED,        /* a system call was refused; 'denial' tells which */
	SANDBOX_WRITE_REFUSED, /* a write fails; 'write' tells where */
	SANDBOX_FAILED, /* the box could not be built: 'error' names the step. GONE follows */
	SANDBOX_GONE,   /* no process is left; always the last event */
};

/*
 * System calls of one kind. The first is told at once; so that a program which is refused
 * thousands a second floods nobody, later ones are counted and told together, in growing
 * distances, and what is left when the box ends.
 */
struct sandbox_denial {
	char call[40];    /* "ptrace(2)" */
	const char *with; /* what of its arguments was refused ("CLONE_NEWUSER"), or NULL */
	bool is_strict;   /* SANDBOX_SYSCALLS_STRICT alone refuses it */
	char name[16];    /* of the process, "" if unknown. It chose it: it may hold anything */
	pid_t pid;        /* as the process itself sees it, 0 if unknown */
	unsigned count;   /* how many calls */
	bool is_repeated; /* such calls were told before */
	unsigned phase;   /* see sandbox_set_phase() */
};

enum sandbox_write_kind {
	SANDBOX_WRITE_CONTENT, /* of a file that exists */
	SANDBOX_WRITE_CREATE,
	SANDBOX_WRITE_REMOVE,
	SANDBOX_WRITE_RENAME, /* to 'path' */
	SANDBOX_WRITE_CHANGE, /* mode, owner, times or attributes */
};

/*
 * A write that fails where the box's files are read-only. Told once for each path, or folder that
 * is missing, and name of a process, whatever the number of boxes; of what is beyond a fixed number
 * of them, the count.
 */
struct sandbox_write {
	enum sandbox_write_kind kind;
	char path[256];   /* absolute, in the box; it may hold anything. "": several others */
	bool is_cut;      /* 'path' is longer than that */
	unsigned missing; /* how much of 'path' names the first folder that is not there, and
	                   * cannot be made; 0: all are there */
	char name[16];    /* as in struct sandbox_denial */
	pid_t pid;
	unsigned count; /* how many; 1 unless 'path' is "" */
	unsigned phase;
};

struct sandbox_event {
	enum sandbox_event_type type;
	uint64_t at_ns;
	unsigned id;
	pid_t pid;  /* STARTED: the program's pid in the caller's pid namespace, 0 if unknown */
	int status; /* EXITED: as from waitpid(2) */
	bool out_of_memory; /* EXITED: the memory limit killed it */
	unsigned kills;     /* OOM: how many */
	bool bad_cwd;       /* EXEC_FAILED: it is 'cwd' that could not be entered */
	int socket;         /* CONNECTED: by TCP, does not block; once it is writable it is
	                     * connected, or SO_ERROR tells why not. Otherwise meaningless */
	struct error error;
	struct sandbox_denial denial;
	struct sandbox_write write;
};

/* Readable (poll(2)) when an event may be waiting. Owned by the box. */
int sandbox_fd(const struct sandbox *box);

/* Takes the next event. Returns false when none is waiting. Never blocks. */
bool sandbox_next_event(struct sandbox *box, struct sandbox_event *event);

/* ---- who connects ---------------------------------------------------- */

enum sandbox_peer {
	SANDBOX_PEER_INSIDE,  /* a process of the box */
	SANDBOX_PEER_OUTSIDE, /* somebody else */
	SANDBOX_PEER_GONE,    /* it has closed its end, or has ended: nobody can tell any more */
	SANDBOX_PEER_UNKNOWN, /* this machine does not tell */
};

/*
 * Who is at the other end of a TCP connection: in the machine's network anybody can connect to
 * what is meant for the programs of a box. Takes some 20 microseconds, and more for programs with
 * many descriptors or children, up to a bound.
 * With the sandbox off, or a network of its own, everybody is inside.
 */
enum sandbox_peer sandbox_find_peer(const struct sandbox *box, int connection);

/*
 * The process that has made 'connection', of this machine and whatever box: a descriptor that is
 * readable once it has ended, and the caller's. -1 when nobody can tell. Takes some milliseconds,
 * unless it is 'pid', one that is likely or 0; which it is, that then tells.
 */
int sandbox_open_peer(int connection, pid_t *pid);

/* ---- measuring and steering ----------------------------------------- */

enum sandbox_cpu {
	SANDBOX_CPU_FULL,      /* init phase: no quota */
	SANDBOX_CPU_THROTTLED, /* invoke phase: spec.cpu_millis */
};

/* Tells what the programs are doing, as a number of the caller's own, 0 at first:
 * SANDBOX_DENIED has the one that was set when the calls were made. */
void sandbox_set_phase(struct sandbox *box, unsigned phase);

/* Switches the CPU share of all programs. Costs about a microsecond. */
void sandbox_set_cpu(struct sandbox *box, enum sandbox_cpu cpu);

/*
 * Stops everything in the box but its init, threads and children of programs included, and lets it
 * go on. Both return at once, before the last process has followed, which is within microseconds
 * unless it is deep in the kernel; nobody needs to wait, since what is frozen late is frozen all
 * the same, and what is thawed before it was frozen just goes on. Doing it twice is doing it once.
 *
 * sandbox_exec(), sandbox_signal() and sandbox_kill() thaw by themselves. Sockets stay open and
 * keep what arrives; timers that run out meanwhile fire at the thaw. A call that waits may end with
 * EINTR then, epoll_wait(2) above all: that is the kernel's way with every mechanism.
 *
 * Both together cost the caller, in microseconds: 12 in cgroup version 2, 180 in version 1, and by
 * signals, which init sends, two messages. No frozen process is left behind: who of lrie and init
 * dies last thaws the box or kills it; if both are killed at once in version 1, the next lrie does.
 */
void sandbox_freeze(struct sandbox *box);
void sandbox_thaw(struct sandbox *box);

/*
 * Peak memory that the programs and their children really used since the box
 * was created, in bytes: resident high-water marks, not page cache that
 * happened to be charged to the cgroup. A few microseconds.
 * Returns false when it could not be measured.
 *
 * Of children that ended, what is known depends: those that their parent left
 * to init count as they are. Others leave a mark in the memory cgroup: what it
 * held at its peak without file cache, or the page faults of the ended ones if
 * those were less. It is a lower bound, unless files in /tmp of that size were
 * deleted since. Without a memory cgroup they count when their program ends, the
 * largest of them for all, and not before.
 */
bool sandbox_memory_peak(struct sandbox *box, uint64_t *bytes);

/*
 * What the programs of a box have used so far, from just before their execve on: processes that
 * ended count, init and what lrie did for them before do not.
 */
enum sandbox_usage_figure {
	/* CPU time of all threads, in nanoseconds, by microseconds. From the box's cgroup, of
	 * version 2 or with the cpuacct controller; else from the clocks of its processes, as long
	 * as none has ended. */
	SANDBOX_USAGE_CPU_NS,

	/* That part of it which the kernel spent. It is told apart by what the ticks of the clock
	 * interrupt, so that this is unknown below ten ticks, 40 ms with 250 a second. Version 2.
	 */
	SANDBOX_USAGE_SYSTEM_NS,

	/* How long its threads were kept from running by their CPU share, those on several CPUs
	 * added up. What is being waited for is added at its end. Both versions. */
	SANDBOX_USAGE_THROTTLED_NS,

	/* Page faults without and with a wait for storage: /proc/PID/stat. */
	SANDBOX_USAGE_MINOR_FAULTS,
	SANDBOX_USAGE_MAJOR_FAULTS,

	/* What calls like read(2) returned, of files, pipes and terminals, and of sockets unless
	 * recv(2) and its kin were called; and what execve(2) reads of a program's head: rchar of
	 * /proc/PID/io. It takes the right to trace the program. */
	SANDBOX_USAGE_READ_BYTES,

	/* What storage had to deliver, since the page cache did not have it: read_bytes there. */
	SANDBOX_USAGE_STORAGE_BYTES,

	/* Pages of files, mapped and present now, in each process that has them: RssFile of
	 * /proc/PID/status. Of files that were cached, the neighbours of a page that was asked for
	 * are among them. */
	SANDBOX_USAGE_MAPPED_BYTES,

	/* Regular files that were opened, executed and loaded ones too, each once; in all places
	 * but /proc, /sys and /dev. Where boxes have a root of their own, and spec.counts_files is
	 * set; it takes root and fanotify(7). */
	SANDBOX_USAGE_FILES,

	SANDBOX_USAGE_COUNT,
};

#define SANDBOX_UNKNOWN UINT64_MAX

struct sandbox_usage {
	uint64_t figures[SANDBOX_USAGE_COUNT];    /* SANDBOX_UNKNOWN: not measured */
	const char *missing[SANDBOX_USAGE_COUNT]; /* then why, in a few words; else NULL */
};

/*
 * Takes a look; spec.counts_usage must have been set. 40 microseconds for one process, 70 at the
 * first time, and 30 for each further one, in which nothing is done to them. Page faults and bytes
 * of a process that ended are known as soon as somebody has waited for it. All is unknown before a
 * program was started and after the box was killed.
 */
void sandbox_usage(struct sandbox *box, struct sandbox_usage *usage);

#endif
