/*
 * A graph made by hand, in few words, and a policy beside it: for the tests of judge and fix.
 */
#ifndef AUDIT_FIXTURE_H
#define AUDIT_FIXTURE_H

#include "audit/judge.h"

extern struct graph *ag;	/* the graph; server, PUBLIC and anyone are there */
extern struct policy *ap;
extern struct verdict av;
extern uint32_t ag_public, ag_anyone;

void audit_begin(void);
void audit_end(void);

uint32_t ag_login(const char *name);
uint32_t ag_role(const char *name);	/* nobody logs in as it */

/* role is granted to member: REVOKE role FROM member takes it away. */
void ag_member(uint32_t member, uint32_t role, enum step_how gives);
/* A breach of that check, from one to the other; it needs USE. fix may be NULL. */
void ag_breach(uint32_t from, uint32_t to, const char *check, const char *fix);

/* The set of all tables of that schema in database shop, with that table in it. */
struct graph_set *ag_table(const char *schema, const char *table);
/* A power on it: REVOKE priv ON TABLE %o FROM name. */
struct graph_power *ag_power(uint32_t from, const char *priv, enum sink sink,
    const struct graph_set *set);
/* The same of the role itself, which only BECOME gives: ALTER ROLE name NOpriv. */
struct graph_power *ag_attribute(uint32_t from, const char *priv, enum sink sink);

/* Finish the graph, read the policy (NULL: none), and judge. */
void audit_judge(const char *policy);
void audit_why(uint32_t account);

/* The one finding of that account, check and sink; NULL: there is none. */
const struct finding *av_find(uint32_t account, const char *check, enum sink sink);

#endif
