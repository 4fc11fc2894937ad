/*
 * The catalogue of checks, in one table; the order is that of the manual page.
 */
#include "audit/check.h"

#include <string.h>

#define PG	CHECK_POSTGRESQL
#define MY	(CHECK_MYSQL | CHECK_MARIADB)
#define ALL	(PG | MY)

#define C	SEVERITY_CRITICAL
#define H	SEVERITY_HIGH
#define M	SEVERITY_MEDIUM

const struct check check_all[] = {
	{ "U1", "a login that no policy line names",
	    "Nobody said what this account is for, so nobody would notice what it can do.",
	    H, ALL },
	{ "R1", "superuser logins",
	    "A superuser is stopped by nothing: not by grants, not by the log, not by the host.",
	    C, PG },
	{ "R2", "roles that may create roles",
	    "Up to PostgreSQL 15 CREATEROLE grants itself any role that is no superuser; "
	    "from 16 those that it administers.", C, PG },
	{ "R3", "chains of membership",
	    "A right lent through several roles is a right that nobody sees in one place.",
	    H, ALL },
	{ "R4", "predefined roles",
	    "They run programs, read and write the server's files, or pass every table's grants.",
	    C, PG },
	{ "R5", "role attributes",
	    "CREATEDB fills the disk, REPLICATION reads everything and drops any slot, "
	    "BYPASSRLS passes row security.", H, PG },
	{ "O1", "ownership",
	    "An owner can drop, truncate and regrant what it owns, whatever the grants say.",
	    C, PG },
	{ "A1", "rights beyond the class",
	    "A right that the work does not need is only good for a mistake.", H, ALL },
	{ "A2", "rights of everyone",
	    "What PUBLIC may do, every account may do, the next one to be made included.",
	    H, PG },
	{ "A3", "rights on future objects",
	    "What default privileges give away is open from the moment that it is made.",
	    M, PG },
	{ "A4", "a read-only account that can write",
	    "default_transaction_read_only is a habit; only missing rights are a boundary.", H,
	    ALL },
	{ "A5", "rights on settings",
	    "Who may set archive, preload or log settings can end the log, or run code.",
	    C, PG },
	{ "F1", "functions with their owner's rights",
	    "A SECURITY DEFINER function whose search path a caller can write to lends its owner.",
	    C, PG },
	{ "F2", "weak code in strong sessions",
	    "A stronger session that touches the table runs its owner's code with its own rights.",
	    C, PG },
	{ "F3", "the right to add triggers",
	    "A trigger runs with the rights of whoever writes to the table.", H, PG },
	{ "F4", "a captured search path",
	    "Who can create in a schema of someone's search path can answer instead of the real "
	    "object.", H, PG },
	{ "F5", "untrusted code and file functions",
	    "They act on the host as the server's own user.", C, PG },
	{ "F6", "stored credentials",
	    "A foreign server or subscription lends its stored login to whoever may use it.",
	    C, PG },
	{ "F7", "extensions and scheduled jobs",
	    "What an extension or a scheduler runs, it runs with its owner's rights.", M, PG },
	{ "H1", "who is let in",
	    "A line of pg_hba.conf or pg_ident.conf lets in more than the network must.",
	    C, PG },
	{ "P1", "passwords",
	    "MD5 hashes can be replayed, and an elevated login without an end is forgotten.",
	    H, PG },
	{ "S1", "settings that lose data",
	    "These settings make a crash, a restore or an audit incomplete.", H, PG },
	{ "M1", "open accounts",
	    "An account without a name or a password is everybody's.", C, MY },
	{ "M2", "administration of rights",
	    "SUPER, GRANT OPTION or writing to the grant tables gives every other right.",
	    C, MY },
	{ "M3", "the right to create users",
	    "Who may alter accounts can become them.", C, MY },
	{ "M4", "the right to pose as a definer",
	    "Code with another definer runs with that one's rights.", C, MY },
	{ "M5", "files and settings of the server",
	    "FILE reads and writes files of the host; settings decide what the server runs.",
	    C, MY },
	{ "M6", "log and replication rights",
	    "They apply anything, copy everything, or take the log away.", C, MY },
	{ "M7", "proxy accounts", "A PROXY row lets one account log in as another.", H, MY },
	{ "M8", "an application that changes the schema",
	    "DROP is TRUNCATE, too: one statement empties the table.", H, MY },
	{ "M9", "wildcards in database names",
	    "An unescaped _ or % in a grant matches databases that nobody meant.", H, MY },
	{ "M10", "rights in roles that are not active",
	    "SET ROLE takes them at any time, so they count.", H, MY },
	{ "M11", "weak logins",
	    "Old password plugins, leftover second passwords, no TLS, no expiry.", M, MY },
	{ "B1", "who can end or erase the log",
	    "Without the log nothing after the last snapshot comes back.", C, ALL },
	{ "B2", "the backup account itself",
	    "An account that only copies needs no right to change.", H, ALL },
	{ "B4", "does the log leave the host",
	    "A log that stays, or stopped arriving, dies with the server.", C, ALL },
	{ "B5", "a shared failure domain",
	    "Repository and data on one host, device or file system die together.", C, ALL },
	{ "B6", "who can delete backups",
	    "A host that can delete from its repository takes the backups with it.", C, ALL },
	{ "B7", "elevation without an end",
	    "Elevated access is for a time; what never ends is used by someone else later.", H,
	    ALL },
	{ "B8", "one account in several environments",
	    "A login that works in staging and in production joins the two.", H, ALL },
	{ "B9", "elevated accounts in applications",
	    "An application that holds an administrator's login is an administrator.",
	    C, ALL },
	{ NULL, NULL, NULL, SEVERITY_LOW, 0 },
};

static const char *const severities[] = { "low", "medium", "high", "critical" };

const struct check *
check_find(const char *id)
{
	const struct check *c;

	for (c = check_all; c->id != NULL; c++)
		if (strcmp(c->id, id) == 0)
			return c;
	return NULL;
}

const char *
severity_name(enum severity s)
{
	return severities[s];
}

int
severity_of(const char *name, enum severity *out)
{
	unsigned i;

	for (i = 0; i < sizeof(severities) / sizeof(severities[0]); i++)
		if (strcmp(severities[i], name) == 0) {
			*out = (enum severity)i;
			return 0;
		}
	return -1;
}
