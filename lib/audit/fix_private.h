/*
 * What fix*.c share.
 *
 * Steps and powers that one statement takes away are one *cut*: it takes all of them, or
 * none.  Cuts are chosen once, for whichever finding comes first, and then serve all.
 */
#ifndef AUDIT_FIX_PRIVATE_H
#define AUDIT_FIX_PRIVATE_H

#include "audit/fix.h"
#include "audit/judge_private.h"

/* ---- who needs what (fix_need.c) --------------------------------------------------- */

/* Accounts that the same may hold for: one line, and the same reached by the same steps. */
struct profile {
	uint32_t account;	/* one of them */
	uint32_t scope;
	uint8_t unnamed;	/* no line names it: nobody knows what it needs */
	uint8_t super;		/* its class may everything, and it can */
	uint8_t excepts;
	uint32_t first, n;	/* its states in need.state */
};

/* Why a cut cannot be made. */
struct need_reason {
	uint32_t account;
	const struct graph_power *power;
};

/* What an account or a group gets as its own, before a way to it is cut. */
struct need_gift {
	uint32_t to;
	const struct graph_power *power; /* the right; NULL: a gate */
	uint32_t gate;
	uint32_t of_node, of_set;	/* the one before of the same, counted from 1; 0: none */
};

/* A trial in which nobody is harmed, since what would be lost is given. */
struct giving {
	int on;
	uint32_t from;			/* whose steps are cut; REACH_NONE: powers are */
	const struct profile *profile;	/* who is tried; NULL: one account */
};

struct need {
	const struct graph *g;
	struct judge_private *j;
	struct reach reach;		/* without breaches: nobody needs those */
	struct profile *profile;
	uint32_t profiles;
	uint32_t *state;		/* node * 2 + how */
	uint32_t states, state_cap;
	uint32_t *at, *at_from, *at_end; /* profiles by node, by scope; where a scope's end */
	uint32_t *of_set, *of_set_from;	/* powers by set */
	struct allowed **allowed;	/* node * 2 + how */
	uint8_t *cut_step, *cut_power;	/* what has been chosen */
	uint8_t *not_inherited;		/* cut_step, and what takes a SET ROLE */
	int inherits;			/* only what needs none counts now */
	uint8_t *super_node;		/* has a power over everything */
	uint32_t *profile_of, *same;	/* of an account; the next of the same profile */
	uint32_t *special, specials;	/* accounts that got something, and have no profile */
	struct need_gift *gift;
	uint32_t gifts, gift_cap;
	uint32_t *right_of_node, *gate_of_node, *right_of_set; /* the last gift, from 1 */
	uint64_t given;			/* objects, over all gifts */
	uint32_t *closed, closeds;	/* gates that are shut for PUBLIC */
	uint32_t *queue, *met, met_run;	/* of a search: nodes, and the one that met each */
	struct giving giving;
	uint32_t *before;		/* states held before a trial */
	uint32_t *gate_before, trial;
	uint64_t work;
};

int need_init(struct need *n, struct judge_private *j, struct err *e);
void need_free(struct need *n);

/* Does it take a SET ROLE to go that step? */
int need_by_set(const struct graph *g, uint32_t step);

/* In what n->reach holds: is there a power over everything that such a line may have? */
int need_everything(const struct need *n, const struct policy_role *role);

/*
 * Would taking these elements away (steps, and powers counted from g->steps on) take what
 * some account's class needs, what was chosen being gone already?  1: yes, and *why says
 * whose; 0: no; -1: ERR_SYSTEM.
 */
int need_harm(struct need *n, const uint32_t *element, uint32_t elements,
    struct need_reason *why, struct err *e);

/* Take that element away for good. */
void need_take(struct need *n, uint32_t element);

/* May all accounts that hold that node do this, and is there one?  For %g. */
int need_may(const struct need *n, uint32_t node, const struct graph_power *power);

/* Does the account hold this right in another way than by that power?  (gated: its gates, too) */
int need_other(struct need *n, uint32_t account, const struct graph_power *w, int gated,
    const uint32_t *element, uint32_t elements);

/* ---- gifts (fix_give.c) ---------------------------------------------------------------- */

/*
 * As need_harm, but what would be lost is given first, as far as every account that gets it
 * by that may have it.  1: n->gift has grown by what it takes; 0: it cannot be, *why says
 * what of whom, and nothing is given; -1: ERR_SYSTEM.
 */
int need_give(struct need *n, const uint32_t *element, uint32_t elements,
    struct need_reason *why, struct err *e);

/*
 * Shut a gate of CONNECT for PUBLIC; the accounts whose class may connect there, and that
 * come in by nothing else, get it.  1: done, n->gift has grown by that; 0: *who, which no
 * line of the policy names, comes in by it; -1: ERR_SYSTEM.
 */
int need_close(struct need *n, uint32_t gate, uint32_t *who, struct err *e);

/* In a trial of need_give: that account loses this power.  0: it was given; 1: it cannot be;
   -1: no memory. */
int need_lost(struct need *n, uint32_t account, const struct graph_power *w,
    const uint32_t *element, uint32_t elements);

/* Do these two give the same, or the first one more? */
int need_covers(const struct graph_power *have, const struct graph_power *want);

/* Search what that account holds now, with what it was given. */
void need_run(struct need *n, uint32_t account);

/* ---- cuts (fix_cut.c) ---------------------------------------------------------------- */

/* Refused: somebody needs it.  Kept: and cannot be given it in another way. */
enum cut_state { CUT_UNKNOWN, CUT_CHOSEN, CUT_REFUSED, CUT_KEPT };

struct cut {
	uint32_t first, n;		/* its elements in cuts.element */
	enum cut_state state;
	struct need_reason why;		/* it was refused */
	uint32_t gift, gifts;		/* what goes before it: need.gift[gift, + gifts) */
	uint32_t finding;		/* the run that uses it, see fix_plan.c */
	uint32_t falls;			/* the cut that this one takes along, or REACH_NONE */
};

struct cuts {
	const struct graph *g;
	const struct policy *p;
	struct cut *cut;
	uint32_t n;
	uint32_t *of;			/* an element's cut; REACH_NONE: no SQL takes it away */
	uint32_t *element;
	uint32_t *both;			/* room for cuts_elements */
	const char *owner;		/* %n, or NULL */
	uint32_t owner_node;
};

int cuts_init(struct cuts *c, const struct graph *g, const struct policy *p, struct err *e);
void cuts_free(struct cuts *c);

/* Its elements and those that fall with it, sorted, until the next call.  Their number. */
uint32_t cuts_elements(const struct cuts *c, uint32_t cut, const uint32_t **element);

const struct graph_basis *cuts_basis(const struct cuts *c, uint32_t element);

/* One statement, or several, of a fix, with its inverse. */
struct fix_item {
	const char *fix, *undo;		/* templates; undo may be NULL */
	const char *db;			/* where to connect, or NULL: anywhere */
	const struct graph_set *set;	/* %o */
	const char *grant, *account;	/* %g, %a */
	int gift;			/* comes before all that takes */
	uint64_t part;			/* the basis's */
	uint32_t place;			/* in the order in which they were chosen */
};

/* All that was chosen, in its order. */
struct fix_script {
	struct fix_item *item;
	uint32_t n, cap;
	const char *owner;
};

/* Bring items into an order that works: the highest parts first, new owners last. */
void fix_order(struct fix_item *item, uint32_t n);

/* Write items, in that order, as SQL, gifts first and each database's together; undo: their
   inverse, the last first. */
void fix_items(const struct fix_item *item, uint32_t n, const char *owner, int undo,
    struct buf *b);

/* ---- SQL (fix_sql.c) ---------------------------------------------------------------- */

/* What the letters of a template stand for. */
struct fix_words {
	const struct graph_set *set;
	const char *owner;	/* %n, quoted; NULL: the policy has none */
	const char *grant;	/* %g; "" when there are none */
	const char *account;	/* %a */
	const struct fix_item *item; /* all of the script, in order: what %{...} asks for */
	uint32_t items;
};

/* Does that part go with these items? */
int fix_takes(const struct fix_item *item, uint32_t n, uint64_t part);

/* Does it use that letter? */
int fix_uses(const char *template, char letter);

/* Does anything of it stay? */
int fix_says(const char *template, const struct fix_words *w);

/* Append the statements of a template, each ending in ";\n". */
void fix_expand(struct buf *b, const char *template, const struct fix_words *w);

/* The privileges that can be granted on such an object: a list that ends with NULL. */
const char *const *fix_grantable(const char *kind);

/* Append psql's line that goes to that database. */
void fix_connect(struct buf *b, const char *db);

/* ---- the plan (fix_plan.c), and what it says (fix_text.c) -------------------------- */

struct planner {
	const struct graph *g;
	const struct policy *p;
	struct judge_private *j;
	struct cuts cuts;
	struct need need;
	uint8_t *gone;			/* steps without which the finding at hand is tried */
	uint32_t *used, n;		/* its cuts, in order */
	uint32_t run;			/* the finding at hand: cut.finding */
	const struct graph_step **path;
	const char *advice;		/* the first reason why something remains */
	const struct entry *left;	/* the first lead of which something does, and what */
	uint32_t left_power;
	uint32_t *chosen, chosens;	/* the cuts of all findings, in order */
	struct intern shared;
	struct fix_script faults;	/* what ends those, each statement once */
};

/* Plan and write the fix of a finding that has a power.  0, or -1: ERR_SYSTEM. */
int fix_finding(struct planner *pl, struct finding *f, struct err *e);

/* That of a fault, or of a login that no line names (fix_fault.c).  0, or -1: ERR_SYSTEM. */
int fix_fault(struct planner *pl, struct finding *f, struct err *e);

/* The text of b as a string of the verdict's, NULL when there is no memory; b is freed. */
char *fix_keep(struct planner *pl, struct buf *b);

/* The first reason is kept.  -1: no memory. */
int fix_advise_refused(struct planner *pl, const struct cut *c);
int fix_advise_unnamed(struct planner *pl, uint32_t account);
void fix_advise_basis(struct planner *pl, const struct graph_basis *b);

/* One more statement; gifts; the statements of a cut behind its gifts.  -1: no memory. */
int fix_add_item(struct fix_script *s, const struct fix_item *item);
int fix_add_gifts(struct planner *pl, struct fix_script *s, uint32_t first, uint32_t n);
int fix_add_cut(struct planner *pl, struct fix_script *s, const struct cut *c);

/* The cuts of the finding at hand as text.  -1: no memory. */
int fix_write(struct planner *pl, struct finding_fix *x);

/* The way to that lead's power as a line. */
const char *fix_draw(struct planner *pl, const struct finding *f, const struct lead *l,
    uint32_t power);

#endif
