/*
 * Packs: opened by submitters, written by the pool's writer, made durable by the syncer.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "image/put_private.h"

struct put_pack *
pack_new(struct image_put *p, struct err *e)
{
	const struct source *src = p->o.source;
	struct put_pack *pack;
	char name[SEAL_NAME_MAX];

	if ((pack = calloc(1, sizeof(*pack))) == NULL) {
		err_set(e, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	pack->number = p->packs;
	atomic_init(&pack->stored, 0);
	snprintf(name, sizeof(name), "%s/%s/%u", src->name, p->o.id, pack->number);
	pack->seal = seal_new(SEAL_PACK, src->repo, name, src->to, src->nto, e);
	if (pack->seal == NULL) {
		free(pack);
		return NULL;
	}
	p->packs++;
	pthread_mutex_lock(&p->lock);
	pack->next = p->live;
	p->live = pack;
	pthread_mutex_unlock(&p->lock);
	return pack;
}

void
pack_free(struct put_pack *pack)
{
	repo_put_free(pack->put);
	seal_free(pack->seal);
	free(pack);
}

/* The first job of a pack brings the preamble along. */
static int
begin(struct image_put *p, struct put_pack *pack, struct err *e)
{
	const struct buf *preamble = seal_preamble(pack->seal);

	if ((pack->put = repo_put_begin(p->o.session, REPO_PACK, e)) == NULL ||
	    repo_put_write(pack->put, preamble->data, preamble->len, e) != 0)
		return -1;
	p->sum.stored += preamble->len;
	atomic_fetch_add(&pack->stored, preamble->len);
	return 0;
}

int
pack_write(struct image_put *p, const struct put_job *job, struct err *e)
{
	struct put_pack *pack = job->pack;
	struct image_lane *l = job->lane;

	if (pack->put == NULL && begin(p, pack, e) != 0)
		return -1;
	if (repo_put_write(pack->put, job->out.data, job->out.len, e) != 0)
		return -1;
	p->sum.stored += job->out.len;
	atomic_fetch_add(&pack->stored, job->out.len);
	if (l != NULL) {
		pack->lanes[l->number] = l;
		pack->lane_end[l->number] = job->lane_end;
	}
	return 0;
}

static void
take_off_live(struct image_put *p, struct put_pack *pack)
{
	struct put_pack **at;

	pthread_mutex_lock(&p->lock);
	for (at = &p->live; *at != pack; at = &(*at)->next)
		;
	*at = pack->next;
	pthread_mutex_unlock(&p->lock);
}

static int
make_durable(struct pack_syncer *s, struct put_pack *pack, struct err *e)
{
	uint8_t hash[32];
	char line[66];
	int i;

	if (repo_put_end(pack->put, hash, e) != 0)
		return -1;
	hex_encode(line, hash, sizeof(hash));
	line[64] = '\n';
	if (repo_put_write(s->list, line, 65, e) != 0)
		return -1;
	for (i = 0; i < IMAGE_LANES; i++)
		if (pack->lanes[i] != NULL)
			atomic_store(&pack->lanes[i]->durable, pack->lane_end[i]);
	take_off_live(s->p, pack);
	pack_free(pack);
	return 0;
}

/* After a failure packs stay on live, for image_put_free. */
static void
handle(struct pack_syncer *s)
{
	struct put_pack *pack = s->queue[0];
	struct err e = ERR_INIT;
	int r = -1;

	pthread_mutex_unlock(&s->lock);
	if (!s->failed && (r = make_durable(s, pack, &e)) != 0)
		put_fail(s->p, &e);
	pthread_mutex_lock(&s->lock);
	s->failed |= r != 0;
	s->packs += r == 0;
	s->waiting--;
	memmove(s->queue, s->queue + 1, (size_t)s->waiting * sizeof(s->queue[0]));
	pthread_cond_broadcast(&s->change);
}

static void *
syncer_main(void *arg)
{
	struct pack_syncer *s = arg;

	pthread_mutex_lock(&s->lock);
	for (;;) {
		while (s->waiting == 0 && !s->ending)
			pthread_cond_wait(&s->change, &s->lock);
		if (s->waiting == 0)
			break;
		handle(s);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

int
pack_syncer_begin(struct pack_syncer *s, struct image_put *p, struct err *e)
{
	sigset_t all, before;

	s->p = p;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->change, NULL);
	if ((s->list = repo_put_begin(p->o.session, REPO_PACKLIST, e)) == NULL)
		return -1;
	sigfillset(&all);
	/* Signals are for the thread that polls. */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	errno = pthread_create(&s->thread, NULL, syncer_main, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (errno != 0)
		return err_sys(e, ERR_SYSTEM, "start a thread");
	s->running = 1;
	return 0;
}

int
pack_syncer_push(struct pack_syncer *s, struct put_pack *pack, struct err *e)
{
	int failed;

	pthread_mutex_lock(&s->lock);
	while (s->waiting == PACKS_WAITING && !s->failed)
		pthread_cond_wait(&s->change, &s->lock);
	if (!(failed = s->failed))
		s->queue[s->waiting++] = pack;
	pthread_cond_broadcast(&s->change);
	pthread_mutex_unlock(&s->lock);
	return failed ? err_set(e, ERR_CANCELLED, "stopped, since another part failed") : 0;
}

static void
join(struct pack_syncer *s)
{
	if (!s->running)
		return;
	pthread_mutex_lock(&s->lock);
	s->ending = 1;
	pthread_cond_broadcast(&s->change);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	s->running = 0;
}

int
pack_syncer_end(struct pack_syncer *s, uint8_t list[32], struct err *e)
{
	join(s);
	if (s->failed)
		return err_set(e, ERR_CANCELLED, "stopped, since another part failed");
	return repo_put_end(s->list, list, e);
}

void
pack_syncer_free(struct pack_syncer *s)
{
	if (s->p == NULL)
		return;
	join(s);
	repo_put_free(s->list);
	pthread_cond_destroy(&s->change);
	pthread_mutex_destroy(&s->lock);
}
