/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tree of topic levels. A node stands for the levels that lead to it; each
 * is reached on one way only, so that no look-up sees a node twice, however
 * many + there are. Children are found in one hash table for all nodes, the
 * one for + from its parent, too; # is marked in the node that it follows.
 */
#include <stdlib.h>
#include <string.h>

#include "topic.h"
#include "topic_index.h"

#define ROOT           0  /* is nobody's child: 0 also says "none" */
#define NODES_MIN      16 /* the role `default` and what is built in fit */
#define FILTERS_MIN    4
#define SLOTS_PER_NODE 2         /* at least, so that runs stay short */
#define FNV_PRIME      16777619u /* FNV-1a of 32 bits */
#define FNV_BASIS      2166136261u
#define PARENT_SPREAD  2654435761u /* 2^32 by the golden ratio */

struct node {
	uint32_t parent;
	uint32_t text;     /* of its level, in texts */
	uint32_t len;      /* octets of its level */
	uint32_t plus;     /* the child for + */
	uint32_t here;     /* marks of the filters that end here */
	uint32_t below;    /* marks of the filters that go on with # */
	bool has_children; /* else there is nothing to look for */
};

struct filter {
	uint32_t text; /* in texts, with a NUL */
	uint32_t marks;
};

struct trust_topic_index {
	struct trust_buf texts;
	struct filter *filters; /* owned */
	size_t n_filters, filters_cap;
	struct node *nodes; /* owned; the first is the root */
	size_t n_nodes, nodes_cap;
	uint32_t *slots; /* owned; a node, or 0 */
	size_t n_slots;  /* a power of two */
};

enum trust_err
trust_topic_index_new(struct trust_topic_index **out)
{
	enum trust_err r = TRUST_ERR_NOMEM;
	struct trust_topic_index *index;

	*out = NULL;
	index = calloc(1, sizeof(*index));
	if (index == NULL)
		goto out;
	index->nodes = calloc(NODES_MIN, sizeof(*index->nodes));
	index->nodes_cap = NODES_MIN;
	index->n_nodes = 1;
	index->n_slots = NODES_MIN * SLOTS_PER_NODE;
	index->slots = calloc(index->n_slots, sizeof(*index->slots));
	if (index->nodes == NULL || index->slots == NULL)
		goto out;
	*out = index;
	index = NULL; /* transferred */
	r = TRUST_OK;
out:
	trust_topic_index_free(index);
	return r;
}

void
trust_topic_index_free(struct trust_topic_index *index)
{
	if (index == NULL)
		return;
	trust_buf_free(&index->texts);
	free(index->filters);
	free(index->nodes);
	free(index->slots);
	free(index);
}

/* ---- Levels ---- */

/* The first level of a text, and its hash below a parent. */
struct level {
	const char *p;
	size_t len;
	uint32_t hash;
};

static struct level
read_level(const char *p, uint32_t parent)
{
	uint32_t hash = FNV_BASIS;
	size_t len;

	for (len = 0; p[len] != '/' && p[len] != '\0'; len++)
		hash = (hash ^ (uint8_t)p[len]) * FNV_PRIME;
	/* The parent comes last: until it is known, its level is read. */
	hash ^= parent * PARENT_SPREAD;
	return (struct level){p, len, hash ^ hash >> 16};
}

static const char *
text_at(const struct trust_topic_index *index, uint32_t text)
{
	return (const char *)index->texts.p + text;
}

/* Where the parent's child of this level is, or belongs. */
static uint32_t *
find_slot(const struct trust_topic_index *index, uint32_t parent,
    const struct level *level)
{
	for (size_t i = level->hash;; i++) {
		uint32_t *slot = &index->slots[i & (index->n_slots - 1)];
		const struct node *node = &index->nodes[*slot];

		if (*slot == ROOT ||
		    (node->parent == parent && node->len == level->len &&
			memcmp(text_at(index, node->text), level->p,
			    level->len) == 0))
			return slot;
	}
}

/* ---- Adding ---- */

static enum trust_err
grow_slots(struct trust_topic_index *index)
{
	uint32_t *old = index->slots;
	uint32_t *slots;

	slots = calloc(2 * index->n_slots, sizeof(*slots));
	if (slots == NULL)
		return TRUST_ERR_NOMEM;
	index->slots = slots;
	index->n_slots *= 2;
	for (uint32_t i = 1; i < index->n_nodes; i++) {
		const struct node *node = &index->nodes[i];
		struct level level =
		    read_level(text_at(index, node->text), node->parent);

		*find_slot(index, node->parent, &level) = i;
	}
	free(old);
	return TRUST_OK;
}

/* Room for one more node. */
static enum trust_err
reserve_node(struct trust_topic_index *index)
{
	size_t cap = index->nodes_cap + index->nodes_cap / 2;
	struct node *nodes;

	if (index->n_nodes == index->nodes_cap) {
		nodes = reallocarray(index->nodes, cap, sizeof(*nodes));
		if (nodes == NULL)
			return TRUST_ERR_NOMEM;
		index->nodes = nodes;
		index->nodes_cap = cap;
	}
	if ((index->n_nodes + 1) * SLOTS_PER_NODE > index->n_slots)
		return grow_slots(index);
	return TRUST_OK;
}

/* Go from a node to its child for the level at `text`, made if need be. */
static enum trust_err
descend(struct trust_topic_index *index, uint32_t text,
    const struct level *level, uint32_t *at)
{
	uint32_t *child;
	enum trust_err r;

	r = reserve_node(index);
	if (r != TRUST_OK)
		return r;
	child = find_slot(index, *at, level);
	if (*child == ROOT) {
		*child = (uint32_t)index->n_nodes++;
		index->nodes[*child] = (struct node){
		    .parent = *at, .text = text, .len = (uint32_t)level->len};
		index->nodes[*at].has_children = true;
		if (level->len == 1 && *level->p == '+')
			index->nodes[*at].plus = *child;
	}
	*at = *child;
	return TRUST_OK;
}

/* Lay the way of the filter at `text` through the tree. */
static enum trust_err
add_way(struct trust_topic_index *index, uint32_t text, uint32_t marks)
{
	uint32_t at = ROOT;
	struct level level;
	enum trust_err r;

	while (*text_at(index, text) != '#') {
		level = read_level(text_at(index, text), at);
		r = descend(index, text, &level, &at);
		if (r != TRUST_OK)
			return r;
		if (level.p[level.len] == '\0') {
			index->nodes[at].here |= marks;
			return TRUST_OK;
		}
		text += (uint32_t)level.len + 1;
	}
	index->nodes[at].below |= marks;
	return TRUST_OK;
}

static enum trust_err
add_text(
    struct trust_topic_index *index, struct trust_span filter, uint32_t *text)
{
	enum trust_err r;

	*text = (uint32_t)index->texts.len;
	/* Places in texts, and so nodes, are counted in 32 bits. */
	if (filter.len >= UINT32_MAX - index->texts.len)
		return TRUST_ERR_NOMEM;
	r = trust_buf_add(&index->texts, filter.p, filter.len);
	if (r != TRUST_OK)
		return r;
	return trust_buf_add(&index->texts, "", 1);
}

static enum trust_err
add_filter(struct trust_topic_index *index, uint32_t text, uint32_t marks)
{
	size_t cap =
	    index->filters_cap == 0 ? FILTERS_MIN : 2 * index->filters_cap;
	struct filter *filters;

	if (index->n_filters == index->filters_cap) {
		filters = reallocarray(index->filters, cap, sizeof(*filters));
		if (filters == NULL)
			return TRUST_ERR_NOMEM;
		index->filters = filters;
		index->filters_cap = cap;
	}
	index->filters[index->n_filters++] = (struct filter){text, marks};
	return TRUST_OK;
}

enum trust_err
trust_topic_index_add(
    struct trust_topic_index *index, struct trust_span filter, uint32_t marks)
{
	uint32_t text;
	enum trust_err r;

	r = add_text(index, filter, &text);
	if (r != TRUST_OK)
		return r;
	r = add_filter(index, text, marks);
	if (r != TRUST_OK)
		return r;
	return add_way(index, text, marks);
}

/* ---- Asking ---- */

/* From a node to its child for the first level of *rest, by its text. *rest
 * becomes what is behind that level, NULL at the end; *read is how far anybody
 * has read. */
static uint32_t
step(const struct trust_topic_index *index, uint32_t at, const char **rest,
    const char **read)
{
	struct level level = read_level(*rest, at);
	const char *behind = level.p + level.len + 1;

	*rest = behind[-1] == '/' ? behind : NULL;
	if (behind > *read)
		*read = behind;
	return *find_slot(index, at, &level);
}

/* The marks from a node on. Goes no deeper than the name has levels. */
static uint32_t
collect(const struct trust_topic_index *index, uint32_t at, const char *rest,
    const char **read)
{
	uint32_t marks = 0;

	for (;;) {
		const struct node *node = &index->nodes[at];

		marks |= node->below;
		if (rest == NULL)
			return marks | node->here;
		if (!node->has_children)
			return marks;
		at = step(index, at, &rest, read);
		if (node->plus != ROOT)
			marks |= collect(index, node->plus, rest, read);
		if (at == ROOT)
			return marks;
	}
}

uint32_t
trust_topic_index_match(
    const struct trust_topic_index *index, const char *topic, size_t *n_read)
{
	const char *rest = topic, *read = topic + 1;
	uint32_t at = ROOT, marks = 0;

	/* No wildcard at the first level matches $: section 4.7.2. */
	if (*topic == '$')
		at = step(index, at, &rest, &read);
	if (*topic != '$' || at != ROOT)
		marks = collect(index, at, rest, &read);
	*n_read = (size_t)(read - topic);
	return marks;
}

uint32_t
trust_topic_index_cover(
    const struct trust_topic_index *index, const char *filter)
{
	uint32_t marks = 0;

	for (size_t i = 0; i < index->n_filters; i++) {
		const char *outer = text_at(index, index->filters[i].text);

		if (trust_topic_filter_covers(outer, filter))
			marks |= index->filters[i].marks;
	}
	return marks;
}
