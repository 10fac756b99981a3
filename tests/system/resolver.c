/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into a broker with ThreadSanitizer: the C library resolves the
 * addresses of bridges in a thread that it makes by itself, unseen by
 * ThreadSanitizer, which then fails there. This asks at once instead. */

#include <netdb.h>
#include <stddef.h>

int
getaddrinfo_a(int mode, struct gaicb *list[], int n, struct sigevent *done)
{
	(void)mode;
	(void)done; /* Mosquitto wants no signal, it asks with gai_error() */
	for (int i = 0; i < n; i++)
		list[i]->__return =
		    getaddrinfo(list[i]->ar_name, list[i]->ar_service,
			list[i]->ar_request, &list[i]->ar_result);
	return 0;
}

int
gai_error(struct gaicb *request)
{
	return request->__return;
}

int
gai_cancel(struct gaicb *request)
{
	(void)request;
	return EAI_ALLDONE;
}
