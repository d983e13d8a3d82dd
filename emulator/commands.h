/* SPDX-License-Identifier: Apache-2.0 */
/* commands - what lrie can be told to do. Each returns the exit code. */
#ifndef EMULATOR_COMMANDS_H
#define EMULATOR_COMMANDS_H

#include "emulator/config.h"

/* Serves the Invoke endpoint until SIGTERM, SIGINT or SIGHUP. */
int cmd_serve(const struct config *config);

/* One invocation: the result to stdout, everything else to stderr. */
int cmd_invoke(const struct config *config);

/* The walls of this machine, and a pre-flight of a function, to stdout. */
int cmd_doctor(const struct config *config);

/* A command, or a shell, in the box that the function would get. */
int cmd_shell(const struct config *config);

/* Measures functions: figures to stdout, the gate's verdict as the exit code. */
int cmd_bench(const struct config *config);

#endif
