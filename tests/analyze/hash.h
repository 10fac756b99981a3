/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Included before everything else by `make analyze`: uthash with a hash that
 * is computed elsewhere. Of its own one, which is in each use of a macro, gcc's
 * analyzer follows every path, and comes to no end.
 */
#ifndef TRUST_TEST_ANALYZE_HASH_H
#define TRUST_TEST_ANALYZE_HASH_H

unsigned trust_analyze_hash(const void *key, unsigned long len);

#define HASH_FUNCTION(key, len, out) ((out) = trust_analyze_hash((key), (len)))

#endif
