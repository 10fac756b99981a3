/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Following the registry: what changed since the last look.
 */
#include "gate_internal.h"

#include <string.h>

/*
 * The path may have come to lead nowhere, somewhere, or elsewhere. Where it
 * leads nowhere, nobody new comes in; who is connected stays until there is a
 * registry again that says otherwise.
 */
static void
follow_file(struct trust_gate *gate)
{
	struct trust_message msg = {0};

	if (gate->registry != NULL) {
		if (trust_gate_is_same_file(gate))
			return;
		trust_gate_forget_registry(gate);
	}
	if (trust_gate_open_registry(gate, &msg) != TRUST_OK) {
		trust_gate_complain(gate, &msg);
		return;
	}
	gate->reopened = true;
	gate->complaint[0] = '\0';
	trust_log_printf(&gate->config.log, TRUST_LOG_NOTICE,
	    "%s: registry found", gate->config.registry_path);
}

void
trust_gate_forget_news(struct trust_gate *gate)
{
	trust_grounds_clear(&gate->moved);
	gate->all_moved = false;
	trust_buf_free(&gate->touched);
}

/* ---- What changed ---- */

/* Devices by name, which are kept until they are told: who is told of one asks
 * the registry again. Of the rest the sets know what moved, but for tokens,
 * which are many as well. Other gateways concern no session. */
struct news {
	struct trust_gate *gate;
	bool sets;
	struct trust_buf crls; /* ids, a NUL after each */
	enum trust_err r;
};

static void
note(void *arg, enum trust_kind kind, const char *id)
{
	struct news *news = arg;

	if (kind == TRUST_KIND_ANCHOR)
		news->gate->bundle_told = false;
	if (trust_sets_hold(kind))
		news->sets = true;
	if (kind == TRUST_KIND_CRL && news->r == TRUST_OK)
		news->r = trust_buf_add(&news->crls, id, strlen(id) + 1);
	else if (kind == TRUST_KIND_DEVICE && news->r == TRUST_OK)
		news->r =
		    trust_buf_add(&news->gate->touched, id, strlen(id) + 1);
	else if (kind == TRUST_KIND_TOKEN && news->r == TRUST_OK)
		news->r = trust_grounds_add(&news->gate->moved,
		    trust_ground(TRUST_GROUND_TOKEN, id, strlen(id)));
}

/* ---- CRLs that take long ---- */

/* Those that nobody has parsed yet. */
struct long_crls {
	const struct trust_gate *gate;
	struct trust_buf ids; /* a NUL after each */
};

static enum trust_err
add_if_long(void *arg, const char *id, struct trust_span line)
{
	struct long_crls *crls = arg;

	if (line.len < TRUST_AHEAD_MIN ||
	    trust_ahead_has(crls->gate->config.ahead, id))
		return TRUST_OK;
	return trust_buf_add(&crls->ids, id, strlen(id) + 1);
}

/* Whether the change waits until they are parsed. Not where somebody could not
 * wait, and has loaded the sets. An error is for whoever reads the sets. */
static bool
waits_for_crls(struct trust_gate *gate, const struct trust_buf *ids,
    const struct trust_gate_visitor *visitor)
{
	struct long_crls crls = {.gate = gate};
	struct trust_message msg = {0};
	enum trust_err r = TRUST_OK;
	bool waits;

	if (gate->config.ahead == NULL || visitor->crls == NULL ||
	    gate->sets == NULL || gate->sets_generation == gate->generation)
		return false;
	for (size_t i = 0; r == TRUST_OK && i < ids->len;
	     i += strlen((const char *)ids->p + i) + 1)
		r = trust_registry_list_one(gate->registry, TRUST_KIND_CRL,
		    (const char *)ids->p + i, add_if_long, &crls, &msg);
	waits = r == TRUST_OK && crls.ids.len > 0 &&
		visitor->crls(visitor->arg, trust_buf_get0(&crls.ids));
	trust_buf_free(&crls.ids);
	return waits;
}

/* Sets that cannot be loaded let nobody in, so they concern everybody. So do
 * those that can be after that (trust_gate_begin_read). */
static enum trust_err
load_sets(struct trust_gate *gate, struct trust_message *msg)
{
	enum trust_err r = trust_gate_begin_read(gate, msg);

	if (r == TRUST_OK) {
		trust_registry_end_read(gate->registry);
	} else if (!gate->told_unread) {
		gate->told_unread = true;
		gate->all_moved = true;
	}
	return r;
}

/* What failed may do better now, unless it is for what the records say. */
static enum trust_err
try_again(struct trust_gate *gate, struct trust_message *msg)
{
	if (!gate->unread || gate->bad_generation == gate->generation)
		return TRUST_OK;
	return load_sets(gate, msg);
}

/* What was noted is read again next time. */
static void
forget(struct news *news)
{
	trust_buf_free(&news->gate->touched);
	trust_buf_free(&news->crls);
}

static enum trust_err
read_changes(struct trust_gate *gate, const struct trust_gate_visitor *visitor,
    struct trust_message *msg)
{
	struct news news = {.gate = gate};
	enum trust_err r;

	r = trust_registry_changes(
	    gate->registry, gate->told_generation, note, &news, msg);
	if (r == TRUST_ERR_NOT_FOUND || news.r != TRUST_OK) {
		gate->all_moved = true; /* more than can be told */
		gate->bundle_told = false;
		r = TRUST_OK;
	}
	if (r != TRUST_OK || waits_for_crls(gate, &news.crls, visitor)) {
		forget(&news);
		return r;
	}
	trust_buf_free(&news.crls);
	gate->told_generation = gate->generation;
	return news.sets ? load_sets(gate, msg) : try_again(gate, msg);
}

static enum trust_err
read_news(struct trust_gate *gate, const struct trust_gate_visitor *visitor,
    struct trust_message *msg)
{
	struct trust_message trouble = {0};
	enum trust_err r;

	r = trust_gate_ask_generation(gate, msg);
	if (r != TRUST_OK)
		return r;
	/* The age as it was does for a while; who is disabled has to go. */
	if (trust_gate_read_age(gate, &trouble) != TRUST_OK)
		trust_gate_complain(gate, &trouble);
	if (gate->generation == gate->told_generation)
		return try_again(gate, msg);
	return read_changes(gate, visitor, msg);
}

/* ---- Telling ---- */

/* The certificates that a device's record claims may have let somebody else
 * in so far. */
static void
tell_claims(
    const struct trust_device *device, const struct trust_gate_visitor *visitor)
{
	const struct trust_thumbprint *t = device->thumbprints;
	const struct trust_thumbprint *pin = device->pins;

	for (size_t i = 0; i < device->n_thumbprints; i++)
		visitor->ground(
		    visitor->arg, trust_ground(TRUST_GROUND_THUMBPRINT, t[i].b,
				      sizeof(t[i].b)));
	for (size_t i = 0; i < device->n_pins; i++)
		visitor->ground(visitor->arg,
		    trust_ground(TRUST_GROUND_PIN, pin[i].b, sizeof(pin[i].b)));
}

static void
tell_device(struct trust_gate *gate, const char *id,
    const struct trust_gate_visitor *visitor)
{
	struct trust_record *record = NULL;
	struct trust_message msg = {0};
	enum trust_err r;

	r = trust_registry_find(
	    gate->registry, TRUST_KIND_DEVICE, id, &record, &msg);
	visitor->device(visitor->arg, id);
	visitor->ground(
	    visitor->arg, trust_ground(TRUST_GROUND_NAME, id, strlen(id)));
	if (r == TRUST_OK) {
		tell_claims(&record->u.device, visitor);
	} else if (r != TRUST_ERR_NOT_FOUND) {
		gate->all_moved = true;
		trust_gate_complain(gate, &msg);
	}
	trust_record_free(record);
}

/* The device that was touched before all others of which is not told yet: they
 * were noted from the last one on. */
static const char *
take_first(struct trust_buf *touched)
{
	const char *ids = (const char *)touched->p;

	do
		touched->len--; /* the NUL of its id, and then its characters */
	while (touched->len > 0 && ids[touched->len - 1] != '\0');
	return ids + touched->len;
}

/* Some of the devices, in the order in which they were touched: who sees what
 * came of one change knows that those before it are told. Whether any was left
 * to tell of. */
static bool
tell_devices(struct trust_gate *gate, const struct trust_gate_visitor *visitor)
{
	bool any = gate->touched.len > 0;

	for (int n = 0; gate->touched.len > 0 && n < TRUST_GATE_TELL_MAX; n++)
		tell_device(gate, take_first(&gate->touched), visitor);
	return any;
}

/* Who is told may ask, and so make the sets move again: that is for the next
 * time. */
static bool
tell_grounds(struct trust_gate *gate, const struct trust_gate_visitor *visitor)
{
	struct trust_grounds moved = gate->moved;
	bool any = moved.n > 0;

	memset(&gate->moved, 0, sizeof(gate->moved)); /* taken */
	for (size_t i = 0; i < moved.n; i++)
		visitor->ground(visitor->arg, moved.v[i]);
	trust_grounds_clear(&moved);
	return any;
}

/* What a visitor adds by asking is not lost: it is told next time. */
static enum trust_gate_news
tell(struct trust_gate *gate, const struct trust_gate_visitor *visitor)
{
	bool any = tell_grounds(gate, visitor);

	any = tell_devices(gate, visitor) || any;
	if (gate->all_moved) {
		trust_gate_forget_news(gate);
		return TRUST_GATE_EVERYTHING;
	}
	if (gate->touched.len > 0)
		return TRUST_GATE_MORE_NEWS;
	trust_buf_free(&gate->touched);
	return any ? TRUST_GATE_NEWS : TRUST_GATE_NO_NEWS;
}

enum trust_gate_news
trust_gate_follow(
    struct trust_gate *gate, const struct trust_gate_visitor *visitor)
{
	struct trust_message msg = {0};
	enum trust_err r = TRUST_OK;

	follow_file(gate);
	trust_gate_follow_local(gate);
	if (gate->reopened) {
		gate->reopened = false;
		return TRUST_GATE_EVERYTHING;
	}
	if (gate->registry == NULL)
		return TRUST_GATE_NO_NEWS;
	if (gate->touched.len == 0)
		r = read_news(gate, visitor, &msg);
	if (r != TRUST_OK)
		trust_gate_complain(gate, &msg);
	trust_gate_follow_keys(gate);
	return tell(gate, visitor);
}

bool
trust_gate_has_moved(struct trust_gate *gate)
{
	return gate->registry != NULL &&
	       trust_gate_ask_generation(gate, NULL) == TRUST_OK &&
	       gate->generation != gate->told_generation;
}
