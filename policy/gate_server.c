/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate and the certificates that this gateway shows.
 */
#include "gate_internal.h"

enum trust_err
trust_gate_has_server(
    struct trust_gate *gate, bool *any, struct trust_message *msg)
{
	enum trust_err r = trust_gate_want_local_to_write(gate, msg);

	*any = false;
	return r == TRUST_OK ? trust_local_has_server(gate->local, any, msg)
			     : r;
}

enum trust_err
trust_gate_remember_server(struct trust_gate *gate,
    const struct trust_thumbprint *thumbprint, bool *news,
    struct trust_message *msg)
{
	enum trust_err r = trust_gate_want_local_to_write(gate, msg);

	*news = false;
	return r == TRUST_OK ? trust_local_remember_server(
				   gate->local, thumbprint, news, msg)
			     : r;
}
