/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plugin's state, and which file answers which of the broker's events.
 * Everything runs on the broker's one thread.
 */
#ifndef TRUST_PLUGIN_H
#define TRUST_PLUGIN_H

#include "broker.h"
#include "broker_config.h"
#include "counters.h"
#include "crl_ahead.h"
#include "handshake.h"
#include "handshake_psk.h"
#include "handshake_read.h"
#include "handshake_server.h"
#include "options.h"
#include "pending.h"
#include "property.h"
#include "provenance.h"
#include "refusal.h"
#include "session.h"
#include "sync.h"
#include "trust.h"
#include "upstream.h"
#include "wake.h"

/* The trust bundle, as it is to be retained. Zeroed memory is none yet. */
struct trust_bundle {
	struct trust_buf pem; /* owned; empty: nothing is retained */
	bool known;           /* the registry was asked */
	bool due;             /* to be published */
	bool failed;          /* and was not; the log has it */
	bool told;            /* the log has one that was published */
};

struct trust_plugin {
	mosquitto_plugin_id_t *id;
	bool is_2_1; /* the broker is Mosquitto 2.1 or later */
	struct trust_options options;
	struct trust_broker_config *broker_config;
	struct trust_events *events;
	struct trust_refusals *refusals;
	struct trust_counters *counters;
	uint64_t n_allowed; /* connections of devices */
	struct trust_gate *gate;
	struct trust_ahead *ahead;
	struct trust_crl_ahead *crl_ahead;
	STACK_OF(X509) *registry_anchors; /* NULL: the registry is an origin */
	struct trust_sync *sync;          /* NULL: likewise */
	enum trust_on_stale acted; /* on the registry's age; 0: it is fresh */
	EVP_PKEY *gateway_key;     /* NULL: pre-shared keys cannot be opened */
	struct trust_handshake *handshake;
	struct trust_handshake_psk *psk;
	struct trust_handshake_reads *reads;
	struct trust_handshake_server *shown; /* certificates of listeners */
	struct trust_sessions *sessions;
	struct trust_properties *properties; /* NULL: nothing reads them */
	struct trust_provenance *provenance; /* NULL: nothing is stamped */
	struct trust_pendings pendings;      /* requests for certificates */
	uint64_t n_requests;                 /* passed on */
	uint64_t n_enrolled;                 /* certificates, likewise */
	/* From a SIGHUP to the next tick, at most for a moment: the broker
	 * asks again about clients that are connected, and about durable ones
	 * that are away. In milliseconds of a monotonic clock; 0: it is over.
	 */
	int64_t reloading_until_ms;
	/* When what was seen and the counters had their turn, in seconds. */
	int64_t books_at;
	/* When the tick looks again, in milliseconds. */
	int64_t next_look_ms;
	bool ticks;              /* the broker gives some */
	struct trust_wake *wake; /* NULL: there is none to be had */
	/* The registry has more to tell than one look was told. */
	bool more_news;
	struct trust_bundle bundle;
	bool postponed; /* the last tick had no time to look at sessions */
	/* Who was asked about a publication last: whoever publishes without
	 * being asked about is a bridge (access.c). */
	const struct mosquitto *last_publisher;
	/* Notifications that did not get to sync; how many have been told, and
	 * when. */
	uint64_t n_lost, n_lost_told;
	int64_t lost_told_at;
	struct trust_upstream upstream; /* of a replica */
	/* When the tick looks after it again, as above. */
	int64_t next_upstream_ms;
	/* Client ids that came in past the plugin, for the next tick. */
	struct trust_intruder *intruders;
};

/* A client that came in past the plugin. */
struct trust_intruder {
	char *client_id; /* owned */
	struct trust_intruder *next;
};

/* connect.c */
int trust_connect_on_basic_auth(int event, void *data, void *plugin);
int trust_connect_on_ext_auth(int event, void *data, void *plugin);
int trust_connect_on_connect(int event, void *data, void *plugin);
int trust_connect_on_disconnect(int event, void *data, void *plugin);

/* guest.c */
/* Whether others may have this client id, TRUST_ERR_NOT_FOUND. TRUST_OK: it is
 * one that a device may come with, or is away under, or that of a newcomer that
 * is connected. */
enum trust_err trust_guest_check_id(struct trust_plugin *plugin,
    const char *client_id, struct trust_message *msg) TRUST_MUST_CHECK;
/* A client that others decide about, unless it takes such a name. What the
 * broker is to get. */
int trust_guest_connect(struct trust_plugin *plugin, struct mosquitto *client);

/* newcomer.c */
/* Decide about a client that came over TLS without a certificate, and with a
 * username that says that it has a token. What the broker is to get. */
int trust_newcomer_connect(struct trust_plugin *plugin,
    struct mosquitto *client, const char *username, const char *password);

/* psk.c */
int trust_psk_on_key(int event, void *data, void *plugin);

/* access.c */
int trust_access_on_acl_check(int event, void *data, void *plugin);
int trust_access_on_message(int event, void *data, void *plugin);

/* tick.c */
int trust_tick_on_tick(int event, void *data, void *plugin);
int trust_tick_on_reload(int event, void *data, void *plugin);
/* What a tick does, if it is time: for where no tick comes (Mosquitto 2.0 with
 * per_listener_settings). Not while the broker is reloading. */
void trust_tick_look(struct trust_plugin *plugin);
bool trust_tick_is_reloading(const struct trust_plugin *plugin);

/* review.c */
/* When a slice of reviews that begins now is over, by trust_plugin_now_us;
 * INT64_MAX where no tick comes to go on with the rest. */
int64_t trust_review_slice(const struct trust_plugin *plugin);
/* Look at sessions that wait for it until then, one in any case. */
void trust_review_some(struct trust_plugin *plugin, int64_t until);
/* Whether one waits. */
bool trust_review_waits(const struct trust_plugin *plugin);
/* Look at a device's sessions again, before all others: now, or where they
 * are many, as the ticks come. */
void trust_review_device(struct trust_plugin *plugin, const char *device);
/* Close a device's sessions, likewise; it may come again. False: it has
 * none. */
bool trust_review_kick(struct trust_plugin *plugin, const char *device);

/* session_event.c */
/* Tell of something about a device's session; a guest is nobody's business.
 * `reason` and `detail` as in struct trust_event. */
void trust_session_event_tell(struct trust_plugin *plugin,
    const struct trust_session *session, enum trust_event_kind kind,
    const char *reason, const char *detail);
void trust_session_event_tell_connected(
    struct trust_plugin *plugin, const struct trust_session *session);
void trust_session_event_tell_newcomer(
    struct trust_plugin *plugin, const struct trust_session *session);
/* A client from `address`, with this admission, comes with the client id of a
 * device's session that is connected; the broker is about to end that one. */
void trust_session_event_tell_takeover(struct trust_plugin *plugin,
    const struct trust_session *old, const struct trust_admission *admission,
    const char *address);

/* bundle.c */
/* Keep what is retained as the registry has it. */
void trust_bundle_publish(struct trust_plugin *plugin);
void trust_bundle_clear(struct trust_plugin *plugin);

/* server_event.c */
/* Tell of certificates that listeners show and did not show before. */
void trust_server_event_tell_all(struct trust_plugin *plugin);

/* crl_event.c */
/* Tell of CRLs that have become late, or are so no more. */
void trust_crl_event_tell_all(struct trust_plugin *plugin, int64_t now);

/* sync_event.c; as struct trust_sync_visitor has them, `plugin` first. */
void trust_sync_event_applied(void *plugin, const char *text);
void trust_sync_event_refused(
    void *plugin, enum trust_sync_reason reason, const char *text);

/* intruder.c */
/* Note a client that came in past the plugin; the next tick closes it. */
void trust_intruder_note(struct trust_plugin *plugin, const char *client_id);
/* Close those that were noted, with a log line. */
void trust_intruder_close_all(struct trust_plugin *plugin);
/* Forget those that were noted. */
void trust_intruder_forget_all(struct trust_plugin *plugin);

/* A line into the broker's log; a trust_log's write. */
void trust_plugin_log(void *arg, enum trust_log_level level, const char *line);

/* Seconds since 1970: the one place where the plugin reads the clock. */
int64_t trust_plugin_now(void);
/* Milliseconds of a monotonic clock: cheap, and some milliseconds late. */
int64_t trust_plugin_now_ms(void);
/* Microseconds of it, as they are. */
int64_t trust_plugin_now_us(void);

#endif
