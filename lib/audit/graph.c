/*
 * The graph of power: collected from a reader in any order, each string, set and basis held
 * once, then sorted so that what leaves a node lies together.
 */
#include "audit/graph.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/intern.h"

struct graph_private {
	struct arena arena;
	struct intern strings, bases, gifts, named, set_keys;
	uint32_t node_cap, step_cap, power_cap, set_cap, unknown_cap, fault_cap, gate_cap;
	uint32_t pass_cap, directory_cap;
	int failed;		/* out of memory */
	const char *wrong;	/* what a reader did that it may not */
};

/* A node or a gate by its name; a gate's kind is none of enum node_kind. */
struct named {
	const char *name;
	int kind;
	uint32_t id;
};

#define KIND_GATE (-1)

static const char *const sinks[SINK_COUNT] = { "SUPER", "OS", "READ_ALL", "WRITE", "DROP",
	"SECRETS", "LOGKILL", "BACKUPKILL", "AUDITOFF", "NONE" };

const char *
sink_name(enum sink s)
{
	return sinks[s];
}

enum sink
sink_of(const char *name)
{
	unsigned i;

	for (i = 0; i < SINK_COUNT; i++)
		if (strcmp(sinks[i], name) == 0)
			break;
	return (enum sink)i;
}

struct graph *
graph_new(void)
{
	struct graph *g = calloc(1, sizeof(*g));

	if (g == NULL || (g->priv = calloc(1, sizeof(*g->priv))) == NULL) {
		free(g);
		return NULL;
	}
	intern_init(&g->priv->strings);
	intern_init(&g->priv->bases);
	intern_init(&g->priv->gifts);
	intern_init(&g->priv->named);
	intern_init(&g->priv->set_keys);
	graph_node(g, NODE_SERVER, "server", "");
	if (g->priv->failed) {
		graph_free(g);
		return NULL;
	}
	return g;
}

void
graph_free(struct graph *g)
{
	uint32_t i;

	if (g == NULL)
		return;
	for (i = 0; i < g->sets; i++) {
		free(g->set[i]->object);
		free(g->set[i]->follower);
	}
	free(g->node);
	free(g->step);
	free(g->power);
	free(g->set);
	free(g->unknown);
	free(g->fault);
	free(g->gate);
	free(g->pass);
	free(g->directory);
	free(g->step_from);
	free(g->power_from);
	intern_free(&g->priv->strings);
	intern_free(&g->priv->bases);
	intern_free(&g->priv->gifts);
	intern_free(&g->priv->named);
	intern_free(&g->priv->set_keys);
	arena_free(&g->priv->arena);
	free(g->priv);
	free(g);
}

static void *
fail(struct graph *g)
{
	g->priv->failed = 1;
	return NULL;
}

/* n zeroed bytes that live as long as the graph. */
static void *
take(struct graph *g, size_t n)
{
	void *p = arena_take(&g->priv->arena, n);

	return p == NULL ? fail(g) : p;
}

/* p with room for one more behind its n elements; p as it is, and failed, without memory. */
static void *
grow(struct graph *g, void *p, uint32_t n, uint32_t *cap, size_t size)
{
	uint32_t more;
	void *q;

	if (g->priv->failed || n < *cap)
		return p;
	more = *cap == 0 ? 16 : *cap * 2;
	if (more > UINT32_MAX / 4 || (q = realloc(p, more * size)) == NULL) {
		fail(g);
		return p;
	}
	*cap = more;
	return q;
}

/* As grow, for the array g->what of g->n elements; false: no memory. */
#define ROOM(g, what, n, cap) \
	((g)->what = grow((g), (g)->what, (g)->n, &(g)->priv->cap, sizeof(*(g)->what)), \
	    !(g)->priv->failed)

static int
same_string(const void *have, const void *thing)
{
	return strcmp(have, thing) == 0;
}

const char *
graph_string(struct graph *g, const char *s)
{
	struct intern *t = &g->priv->strings;
	size_t n;
	void **slot;

	if (s == NULL)
		return NULL;
	if (g->priv->failed)
		return "";
	n = strlen(s);
	slot = intern_find(t, intern_hash(t, s, n), s, same_string);
	if (slot != NULL && *slot == NULL && (*slot = take(g, n + 1)) != NULL) {
		memcpy(*slot, s, n + 1);
		t->n++;
	}
	if (slot == NULL || *slot == NULL) {
		fail(g);
		return "";
	}
	return *slot;
}

const char *
graph_printf(struct graph *g, const char *fmt, ...)
{
	char *text;
	const char *s;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0) {
		fail(g);
		return "";
	}
	s = graph_string(g, text);
	free(text);
	return s;
}

static int
same_named(const void *have, const void *thing)
{
	const struct named *a = have, *b = thing;

	return a->kind == b->kind && strcmp(a->name, b->name) == 0;
}

/* The id of that kind and name; `next`, and *made, when it is new. */
static uint32_t
named(struct graph *g, int kind, const char *name, uint32_t next, int *made)
{
	struct intern *t = &g->priv->named;
	struct named want = { graph_string(g, name), kind, next }, *n;
	void **slot;

	*made = 0;
	if (g->priv->failed)
		return 0;
	slot = intern_find(t, intern_hash(t, want.name, strlen(want.name)) + (uint64_t)kind, &want,
	    same_named);
	if (slot == NULL) {
		fail(g);
		return 0;
	}
	if (*slot == NULL) {
		if ((*slot = take(g, sizeof(want))) == NULL)
			return 0;
		*(struct named *)*slot = want;
		t->n++;
		*made = 1;
	}
	n = *slot;
	return n->id;
}

uint32_t
graph_node(struct graph *g, enum node_kind kind, const char *name, const char *sql)
{
	int made;
	uint32_t id = named(g, (int)kind, name, g->nodes, &made);

	if (!made)
		return id;
	if (!ROOM(g, node, nodes, node_cap))
		return GRAPH_SERVER;
	g->node[id] = (struct graph_node){ .name = graph_string(g, name),
		.sql = graph_string(g, sql), .kind = kind };
	g->nodes++;
	return id;
}

uint32_t
graph_gate(struct graph *g, const char *name)
{
	int made;
	uint32_t id = named(g, KIND_GATE, name, g->gates, &made);

	if (made && ROOM(g, gate, gates, gate_cap))
		g->gate[g->gates++] = (struct graph_gate){ .name = graph_string(g, name) };
	return id;
}

void
graph_gate_gift(struct graph *g, uint32_t gate, const char *into, const char *db,
    const struct graph_gift *gift)
{
	if (g->priv->failed)
		return;
	g->gate[gate].into = graph_string(g, into);
	g->gate[gate].db = graph_string(g, db);
	g->gate[gate].gift = graph_gift(g, gift);
}

void
graph_pass(struct graph *g, uint32_t node, uint32_t gate)
{
	if (ROOM(g, pass, passes, pass_cap))
		g->pass[g->passes++] = (uint64_t)node << 32 | gate;
}

void
graph_directory(struct graph *g, const char *path)
{
	if (ROOM(g, directory, directories, directory_cap))
		g->directory[g->directories++] = graph_string(g, path);
}

/* The key itself is not kept, one for each table: 64 bits under a key that nobody knows. */
static int
same_key(const void *have, const void *thing)
{
	(void)have;	/* the hashes are equal, */
	(void)thing;	/* and that is enough */
	return 1;
}

struct graph_set *
graph_set(struct graph *g, const char *key, const char *kind, const char *db,
    const char *schema)
{
	static struct graph_set nowhere;	/* after a failure: nothing is written to it */
	struct intern *t = &g->priv->set_keys;
	struct graph_set *made;
	void **slot;

	if (!ROOM(g, set, sets, set_cap))
		return &nowhere;
	slot = intern_find(t, intern_hash(t, key, strlen(key)), key, same_key);
	if (slot != NULL && *slot != NULL)
		return *slot;
	if (slot == NULL || (made = take(g, sizeof(*made))) == NULL) {
		fail(g);
		return &nowhere;
	}
	*made = (struct graph_set){ .kind = graph_string(g, kind), .db = graph_string(g, db),
		.schema = graph_string(g, schema), .id = g->sets };
	*slot = made;
	t->n++;
	g->set[g->sets++] = made;
	return made;
}

/* One more at the end of that list of n. */
static void
add_name(struct graph *g, const char ***list, uint32_t *n, uint32_t *cap, const char *name)
{
	uint32_t room = *cap == 0 ? 1 : *cap * 2;
	const char **more;

	name = graph_string(g, name);
	if (g->priv->failed)
		return;
	if (*n == *cap) {
		if (room > UINT32_MAX / 2
		    || (more = realloc(*list, room * sizeof(*more))) == NULL) {
			fail(g);
			return;
		}
		*list = more;
		*cap = room;
	}
	(*list)[(*n)++] = name;
}

void
graph_set_add(struct graph *g, struct graph_set *set, const char *object)
{
	add_name(g, &set->object, &set->n, &set->cap, object);
}

void
graph_set_follow(struct graph *g, struct graph_set *set, const char *follower)
{
	add_name(g, &set->follower, &set->followers, &set->follower_cap, follower);
}

static int
same_basis(const void *have, const void *thing)
{
	return memcmp(have, thing, sizeof(struct graph_basis)) == 0;
}

static int
same_gift(const void *have, const void *thing)
{
	return memcmp(have, thing, sizeof(struct graph_gift)) == 0;
}

/* The one copy of these n bytes in that table, which is made when there is none. */
static const void *
one_copy(struct graph *g, struct intern *t, const void *own, size_t n,
    int (*same)(const void *have, const void *thing))
{
	void **slot = intern_find(t, intern_hash(t, own, n), own, same);

	if (slot != NULL && *slot == NULL && (*slot = take(g, n)) != NULL) {
		memcpy(*slot, own, n);
		t->n++;
	}
	return slot == NULL || *slot == NULL ? fail(g) : *slot;
}

const struct graph_gift *
graph_gift(struct graph *g, const struct graph_gift *gift)
{
	struct graph_gift own = { graph_string(g, gift->give), graph_string(g, gift->ungive),
		graph_string(g, gift->part) };

	if (g->priv->failed)
		return NULL;
	return one_copy(g, &g->priv->gifts, &own, sizeof(own), same_gift);
}

uint64_t
graph_part(struct graph *g)
{
	return UINT32_MAX - 1 - 2 * g->parts++;
}

const struct graph_basis *
graph_basis(struct graph *g, const struct graph_basis *b)
{
	static const struct graph_basis none = { .why = "", .row = "" };
	struct graph_basis own = { graph_string(g, b->why), graph_string(g, b->row),
		graph_string(g, b->fix), graph_string(g, b->undo), graph_string(g, b->advice),
		graph_string(g, b->proof), graph_string(g, b->db), b->gift, b->part };
	const struct graph_basis *one;

	if (g->priv->failed)
		return &none;
	one = one_copy(g, &g->priv->bases, &own, sizeof(own), same_basis);
	return one != NULL ? one : &none;
}

void
graph_step(struct graph *g, const struct graph_step *s)
{
	if (s->check == NULL || s->basis == NULL)
		g->priv->wrong = "a step without check or basis";
	if (ROOM(g, step, steps, step_cap))
		g->step[g->steps++] = *s;
}

void
graph_power(struct graph *g, const struct graph_power *p)
{
	if (p->check == NULL || p->basis == NULL || p->set == NULL || p->priv == NULL
	    || p->act == NULL)
		g->priv->wrong = "a power without check, basis, set, priv or act";
	if (!ROOM(g, power, powers, power_cap))
		return;
	g->power[g->powers] = *p;
	g->power[g->powers].priv = graph_string(g, p->priv);
	g->power[g->powers++].act = graph_string(g, p->act);
}

void
graph_unknown(struct graph *g, const char *check, const char *what, const char *why,
    const char *grant)
{
	struct graph_unknown u = { check_find(check), graph_string(g, what),
		graph_string(g, why), graph_string(g, grant) };

	if (u.check == NULL)
		g->priv->wrong = "an unknown of no check";
	if (ROOM(g, unknown, unknowns, unknown_cap))
		g->unknown[g->unknowns++] = u;
}

void
graph_fault(struct graph *g, const char *check, enum severity severity, enum sink sink,
    const char *subject, const struct graph_basis *b)
{
	struct graph_fault f = { check_find(check), severity, sink, graph_string(g, subject),
		GRAPH_NO_GATE, graph_basis(g, b) };

	if (f.check == NULL)
		g->priv->wrong = "a fault of no check";
	if (ROOM(g, fault, faults, fault_cap))
		g->fault[g->faults++] = f;
}

void
graph_fault_gate(struct graph *g, uint32_t gate)
{
	if (g->faults > 0)
		g->fault[g->faults - 1].gate = gate;
}

static int
by_pass(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Nothing more comes to the big arrays, nor to what keeps sets and bases apart. */
static void
shrink(struct graph *g)
{
	void *p;

	if (g->powers > 0 && (p = realloc(g->power, g->powers * sizeof(*g->power))) != NULL) {
		g->power = p;
		g->priv->power_cap = g->powers;
	}
	if (g->steps > 0 && (p = realloc(g->step, g->steps * sizeof(*g->step))) != NULL) {
		g->step = p;
		g->priv->step_cap = g->steps;
	}
	intern_free(&g->priv->bases);
	intern_free(&g->priv->set_keys);
}

/* Each pass once. */
static void
sort_passes(struct graph *g)
{
	uint32_t i, n = 0;

	if (g->passes == 0)
		return;
	qsort(g->pass, g->passes, sizeof(*g->pass), by_pass);
	for (i = 0; i < g->passes; i++)
		if (n == 0 || g->pass[i] != g->pass[n - 1])
			g->pass[n++] = g->pass[i];
	g->passes = n;
}

/* The node that the element at p leaves: the first member of steps and powers. */
static uint32_t
leaves(const void *p)
{
	uint32_t from;

	memcpy(&from, p, sizeof(from));
	return from;
}

/*
 * Sort n elements of `size` bytes by the node that they leave, keeping the reader's order
 * within a node, and in place: they are most of the graph's memory.  Returns where each
 * node's begin; NULL: out of memory.
 */
static uint32_t *
sort_by_node(void *array, uint32_t n, size_t size, uint32_t nodes)
{
	uint32_t *first = calloc((size_t)nodes + 1, sizeof(*first)), *place, i, to;
	char *at = array, held[64];

	_Static_assert(sizeof(struct graph_power) <= sizeof(held), "held takes one");
	if (first == NULL || (place = calloc((size_t)n + 1, sizeof(*place))) == NULL) {
		free(first);
		return NULL;
	}
	for (i = 0; i < n; i++)
		first[leaves(at + i * size)]++;
	for (i = nodes, to = n; i-- > 0;)
		first[i] = to -= first[i];
	for (i = 0; i < n; i++)
		place[i] = first[leaves(at + i * size)]++;
	for (i = nodes; i > 0; i--)
		first[i] = first[i - 1];
	first[0] = 0;
	for (i = 0; i < n; i++)
		while ((to = place[i]) != i) {
			memcpy(held, at + to * size, size);
			memcpy(at + to * size, at + i * size, size);
			memcpy(at + i * size, held, size);
			place[i] = place[to];
			place[to] = to;
		}
	free(place);
	return first;
}

/* Everything points at something: an index of a reader's that does not would be followed. */
static const char *
misplaced(const struct graph *g)
{
	const struct graph_power *p;
	uint32_t i, k;

	for (i = 0; i < g->steps; i++)
		if (g->step[i].from >= g->nodes || g->step[i].to >= g->nodes)
			return "a step of no node";
	for (i = 0; i < g->passes; i++)
		if (g->pass[i] >> 32 >= g->nodes || (uint32_t)g->pass[i] >= g->gates)
			return "a pass of no node or gate";
	for (i = 0, p = g->power; i < g->powers; i++, p++) {
		if (p->from >= g->nodes)
			return "a power of no node";
		for (k = 0; k < 2; k++)
			if (p->gate[k] != GRAPH_NO_GATE && p->gate[k] >= g->gates)
				return "a power behind no gate";
	}
	return g->priv->wrong;
}

int
graph_check(const struct graph *g, struct err *e)
{
	return g->priv->failed ? err_set(e, ERR_SYSTEM, "graph: out of memory") : 0;
}

int
graph_finish(struct graph *g, struct err *e)
{
	const char *wrong;

	if (graph_check(g, e) == -1)
		return -1;
	if ((wrong = misplaced(g)) != NULL)
		return err_set(e, ERR_BUG, "graph: the reader made %s", wrong);
	shrink(g);
	sort_passes(g);
	free(g->step_from);
	free(g->power_from);
	g->power_from = NULL;
	g->step_from = sort_by_node(g->step, g->steps, sizeof(*g->step), g->nodes);
	if (g->step_from != NULL)
		g->power_from = sort_by_node(g->power, g->powers, sizeof(*g->power), g->nodes);
	if (g->power_from == NULL)
		return err_set(e, ERR_SYSTEM, "graph: out of memory");
	return 0;
}
