/* SPDX-License-Identifier: Apache-2.0 */
/*
 * credentials_api - where a function with SnapStart gets its AWS credentials (spec
 * runtime-api.md §8).
 *
 * What is in a variable would be in the snapshot and grow old there, so an SDK asks
 * at AWS_CONTAINER_CREDENTIALS_FULL_URI with AWS_CONTAINER_AUTHORIZATION_TOKEN, the token of this
 * life. It gets the credentials that lrie was started with: they are all that there is, and
 * when they end is not known here. Functions that begin in another way find nothing: 404.
 */
#ifndef EMULATOR_CREDENTIALS_API_H
#define EMULATOR_CREDENTIALS_API_H

#include "emulator/api_port.h"

extern const struct port_api credentials_api;

#endif
