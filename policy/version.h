/* SPDX-License-Identifier: Apache-2.0 */
/* The version of this source, one place for all programs. */
#ifndef TRUST_VERSION_H
#define TRUST_VERSION_H

#include <stdint.h>

#define TRUST_VERSION "0.1.0"
/* 2026-11-01T00:00:00Z in Unix seconds: it cannot be earlier than this. */
#define TRUST_BUILD_DATE INT64_C(1793491200)

#endif
