/*
 * What `privaudit why` prints: each way from an account to a sink, with the rows of the
 * catalog that make it.
 */
#include <inttypes.h>

#include "audit/tell_private.h"

static void
print_row(struct tale *x, const struct graph_basis *b)
{
	buf_reset(&x->line);
	tale_flat(&x->line, b->why);
	buf_str(&x->line, ": ");
	tale_flat(&x->line, b->row);
	fprintf(x->f, "    %s\n", buf_cstr(&x->line));
}

static void
print_way(struct tale *x, const struct finding *f)
{
	const char *objects;
	uint32_t i;

	fprintf(x->f, "%s\n", tale_line(x, f));
	for (i = 0; i < f->steps; i++)
		print_row(x, f->step[i]->basis);
	if (f->power != NULL)
		print_row(x, f->power->basis);
	objects = tale_objects(x, f);
	fprintf(x->f, "    check %s: %s%s%s\n", f->check->id, f->check->name,
	    objects[0] != '\0' ? "; " : "", objects);
	if (f->fix == NULL)
		return;
	tale_sql(x, "    ", "cut:", f->fix->sql);
	tale_sql(x, "    ", "undo:", f->fix->undo);
	if (f->fix->advice != NULL) {
		buf_reset(&x->line);
		tale_flat(&x->line, f->fix->advice);
		fprintf(x->f, "    advice: %s\n", buf_cstr(&x->line));
	}
}

int
tell_why(const struct telling *t, FILE *f, struct err *e)
{
	struct tale x = { .t = t, .f = f };
	uint32_t i;
	int r;

	for (i = 0; i < t->v->n; i++)
		print_way(&x, &t->v->finding[i]);
	r = buf_check(&x.line, e);
	buf_free(&x.line);
	if (r == 0 && (fflush(f) != 0 || ferror(f)))
		r = err_sys(e, ERR_IO, "standard output: write");
	return r;
}
