/* SPDX-License-Identifier: Apache-2.0 */
/* terminal - the user's terminal, while a program has one of its own */
#include "emulator/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "sandbox/fd.h"

/* What a signal handler may look at. */
static struct {
	volatile sig_atomic_t is_taken;
	int fd;
	struct termios before, raw;
} taken;

/* ---- a pseudo-terminal ---- */

/* TIOCGPTPEER needs no path, and so no /dev/pts where we are; it is there since Linux 4.13. */
static int open_slave(int master)
{
	char path[PATH_MAX];
	int flags = O_RDWR | O_NOCTTY | O_CLOEXEC;
	int slave = -1;

#ifdef TIOCGPTPEER
	slave = ioctl(master, TIOCGPTPEER, flags);
#endif
	if (slave == -1 && ptsname_r(master, path, sizeof(path)) == 0)
		slave = open(path, flags);
	return slave;
}

static void copy_settings(int from, int to)
{
	struct termios settings;

	if (tcgetattr(from, &settings) == 0)
		tcsetattr(to, TCSANOW, &settings);
	terminal_copy_size(from, to);
}

bool terminal_make(int fd, int *master, int *slave, struct error *err)
{
	autoclose int ours = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);

	if (ours == -1 || grantpt(ours) == -1 || unlockpt(ours) == -1)
		return error_set(err, errno, "make a terminal for the shell");
	*slave = open_slave(ours);
	if (*slave == -1)
		return error_set(err, errno, "open a terminal for the shell");
	copy_settings(fd, *slave);
	*master = steal_fd(&ours);
	return true;
}

void terminal_copy_size(int from, int to)
{
	struct winsize size;

	if (ioctl(from, TIOCGWINSZ, &size) == 0)
		ioctl(to, TIOCSWINSZ, &size);
}

/* ---- the user's ---- */

/* Those that would end this process and are handled nowhere else. */
static const int deadly[] = { SIGABRT, SIGALRM, SIGBUS,  SIGFPE,  SIGHUP,  SIGILL,
	                      SIGINT,  SIGQUIT, SIGSEGV, SIGSYS,  SIGTERM, SIGTRAP,
	                      SIGUSR1, SIGUSR2, SIGXCPU, SIGPROF, SIGPOLL, SIGVTALRM };

#define DEADLY_COUNT (sizeof(deadly) / sizeof(deadly[0]))

/* The handler is gone when it is called, so that the signal then does what it always does. */
static void on_deadly(int number)
{
	terminal_restore();
	raise(number);
}

/* What somebody else handles, or wants ignored, stays. */
static void change_handlers(void (*from)(int), void (*to)(int))
{
	const struct sigaction ours = { .sa_handler = to,
		                        .sa_flags = (int)(SA_RESETHAND | SA_NODEFER) };
	struct sigaction now;

	for (size_t i = 0; i < DEADLY_COUNT; i++) {
		if (sigaction(deadly[i], NULL, &now) == 0 && !(now.sa_flags & SA_SIGINFO) &&
		    now.sa_handler == from)
			sigaction(deadly[i], &ours, NULL);
	}
}

bool terminal_take(int fd, struct error *err)
{
	if (tcgetattr(fd, &taken.before) == -1)
		return error_set(err, errno, "read the terminal's settings");
	taken.raw = taken.before;
	cfmakeraw(&taken.raw);
	taken.fd = fd;
	change_handlers(SIG_DFL, on_deadly);
	taken.is_taken = true;
	/* What was typed before is for the program. */
	if (tcsetattr(fd, TCSANOW, &taken.raw) == -1) {
		terminal_restore();
		return error_set(err, errno, "make the terminal raw");
	}
	return true;
}

/* For signal handlers, too. Nothing waits: what was written is processed already. From the
 * background the change would be answered with a signal that stops us. */
void terminal_restore(void)
{
	sigset_t block, before;

	if (!taken.is_taken)
		return;
	taken.is_taken = false;
	sigemptyset(&block);
	sigaddset(&block, SIGTTOU);
	sigprocmask(SIG_BLOCK, &block, &before);
	tcsetattr(taken.fd, TCSANOW, &taken.before);
	sigprocmask(SIG_SETMASK, &before, NULL);
	change_handlers(on_deadly, SIG_DFL);
}

static void set_output_processing(bool on)
{
	struct termios settings = taken.raw;

	if (!taken.is_taken)
		return;
	if (on)
		settings.c_oflag = taken.before.c_oflag;
	tcsetattr(taken.fd, TCSANOW, &settings);
}

void terminal_begin_lines(void)
{
	set_output_processing(true);
}

void terminal_end_lines(void)
{
	set_output_processing(false);
}
