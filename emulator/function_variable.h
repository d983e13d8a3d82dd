/* SPDX-License-Identifier: Apache-2.0 */
/*
 * function_variable - what Lambda takes as a variable of a function.
 *
 * Source: spec environment-and-limits.md §1, "User variables".
 */
#ifndef EMULATOR_FUNCTION_VARIABLE_H
#define EMULATOR_FUNCTION_VARIABLE_H

#include <stdbool.h>

#include "sandbox/error.h"

/*
 * Whether 'item' is "NAME=VALUE", and, if 'strict', a name that Lambda takes
 * from a user. If not, 'err' says why.
 */
bool function_variable_check(const char *item, bool strict, struct error *err);

#endif
