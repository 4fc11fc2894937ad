# The fault layer proves itself: it fails the call that it is told to, and a power cut
# leaves what was synced and nothing else, so that a program that forgets to is caught.
. "$(dirname "$0")/../lib.sh"

D=$T/d
mkdir "$D" "$T/elsewhere"
three()
{
	dd if=/dev/zero of="$1/f" bs=10 count=3 "${@:2}"
}

# ---- call n fails

fault write 0 EIO "$D" three "$D" 2>/dev/null
is "calls are counted" "$(fault_seen)" 3
run fault write 2 ENOSPC "$D" three "$D"
is "the second write fails" "$STATUS:$(fault_hit):$(stat -c %s "$D/f")" 1:write:10
like "with the errno asked for" "$(cat "$T/err")" 'No space left on device'
run fault write 4 EIO "$D" three "$D"
is "a call that never comes fails nothing" "$STATUS:$(fault_hit):$(fault_seen)" 0::3
ok "other folders are not hit" fault write 1 EIO "$D" three "$T/elsewhere"
is "nor counted" "$(fault_seen)" 0
cd "$D"
status_is "a relative path is found out" 1 fault open 1 EACCES "$D" three .
cd "$T"

two_processes()
{
	three "$D"
	three "$D"
}
run fault write 5 EIO "$D" two_processes
is "processes of a run are counted together" "$STATUS:$(fault_seen)" 1:5
is "KILL is kill -9 before the call" \
    "$(run fault write 2 KILL "$D" three "$D"; echo "$STATUS:$(stat -c %s "$D/f")")" 137:10

# One call after the other, as our tools are compiled: the n-th fails, the others do not.
cat >"$T/calls.c" <<'C'
#include <sys/stat.h>
#include <sys/uio.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
static int n;
static void is(int ok) { n++; if (!ok) { printf("%d: %m\n", n); exit(1); } }
int main(int argc, char **argv)
{
	char b[8] = "12345";
	struct iovec v = { b, 5 };
	volatile int flags = O_RDWR, fd = creat("f", 0600);
	is(fd >= 0);
	is(close(fd) == 0);
	is((fd = open("f", flags)) >= 0);
	is(write(fd, b, 5) == 5);
	is(writev(fd, &v, 1) == 5);
	is(pwrite(fd, b, 5, 10) == 5);
	is(pwritev(fd, &v, 1, 15) == 5);
	is((errno = posix_fallocate(fd, 0, 30)) == 0);
	is(ftruncate(fd, 25) == 0);
	is(read(fd, b, (size_t)argc * 2) == 2);
	is(pread(fd, b, (size_t)argc * 2, 0) == 2);
	is(fsync(fd) == 0);
	is(fdatasync(fd) == 0);
	is(mkdir("s", 0700) == 0);
	is(link("f", "s/f") == 0);
	is(rename("f", "s/g") == 0);
	is(renameat2(AT_FDCWD, "s/g", AT_FDCWD, "h", RENAME_NOREPLACE) == 0);
	is(unlink("s/f") == 0);
	return 0;
}
C
cc -O2 -D_FORTIFY_SOURCE=2 -D_GNU_SOURCE -o "$T/calls" "$T/calls.c"
calls()
{
	rm -rf "$D"
	mkdir "$D"
	(cd "$D" && fault all "$1" EROFS "$D" "$T/calls")
}
want=$(for n in {1..18}; do echo "$n: Read-only file system"; done)
is "each call fails when its turn comes" "$(for n in {1..18}; do calls "$n"; done)" "$want"
ok "all of them pass otherwise" calls 19
is "and there are no more" "$(fault_seen)" 18

run env FAULT_LEAKS=1 LD_PRELOAD="$B/faultfs.so" FAULT_DIR="$D" bash -c 'exec 7<"$1"; exit 3' sh "$D/h"
is "what is left open is named" "$STATUS:$(cat "$T/err")" "3:faultfs: left open: $D/h"
run env FAULT_LEAKS=1 LD_PRELOAD="$B/faultfs.so" FAULT_DIR="$D" bash -c ':' <"$T/calls"
is "but not what lies elsewhere" "$(cat "$T/err")" ""

begun=${EPOCHREALTIME/./}
slow_sync 300 "$D" sync "$D"
ok "a sync can be slow" test $((${EPOCHREALTIME/./} - begun)) -ge 300000

# ---- the power cut

has()
{
	local f
	for f in $(cd "$D" && find . -type f | sort); do
		printf '%s=%s ' "${f#./}" "$(cat "$D/$f")"
	done
}
# power NAME WANT SCRIPT: after a start with old=1 and sub/, SCRIPT and the power cut.
power()
{
	rm -rf "$D"
	mkdir -p "$D/sub"
	printf 1 >"$D/old"
	power_on "$D"
	(cd "$D" && powered "$D" sh -ec "$3" 2>"$T/err")
	power_cut "$D" >"$T/out"
	is "$1" "$(has)" "$2"
}
power "what was there stays" "old=1 " true
power "file and folder synced: kept" "f=x old=1 " 'printf x >f; sync f .'
power "a program that forgets the folder's fsync is caught" "old=1 " 'printf x >f; sync f'
power "a program that forgets the file's fsync is caught" "f= old=1 " 'printf x >f; sync .'
power "fdatasync keeps the bytes as well" "f=x old=1 " 'printf x >f; sync -d f; sync .'
power "an unsynced end is cut off" "old=12 " 'printf 2 >>old; sync old; printf 3 >>old'
power "appended and synced again and again" "old=1234 " \
    'for i in 2 3 4; do printf $i >>old; sync old; done'
power "an unsynced change in place is undone" "old=123 " 'printf 23 >>old; sync old
    printf y | dd of=old bs=1 seek=1 conv=notrunc'
power "a synced change in place is kept" "old=1y3 " 'printf 23 >>old; sync old
    printf y | dd of=old bs=1 seek=1 conv=notrunc,fsync'
power "an unsynced shortening is undone" "old=123 " 'printf 23 >>old; sync old; truncate -s 1 old'
power "a synced shortening is kept" "old=12 " 'printf 23 >>old; sync old; truncate -s 2 old; sync old'
power "an unsynced rename is undone" "old=1 " 'mv old new'
power "a synced rename is kept" "new=1 " 'mv old new; sync .'
power "a replaced file comes back" "old=1 " 'printf x >f; sync f; mv f old'
power "but not when the folder was synced" "old=x " 'printf x >f; sync f; mv f old; sync .'
power "a removed file comes back, not its successor" "old=1 " 'rm old; printf x >old; sync old'
power "the successor without its bytes" "old= " 'rm old; printf x >old; sync .'
power "a moved file needs its new folder synced" "" 'mv old sub; sync .'
power "and may be in both when only that is" "old=1 sub/old=1 " 'mv old sub; sync sub'
power "a new folder needs its parent synced" "old=1 " 'mkdir n; printf x >n/f; sync n/f n'
power "and itself" "old=1 " 'mkdir n; printf x >n/f; sync n/f .'
power "both synced: kept" "n/f=x old=1 " 'mkdir n; printf x >n/f; sync n/f n .'
power "syncfs keeps everything" "f=x old=1 " 'printf x >f; sync -f .'

power "a second name is kept" "old=1 two=1 " 'ln old two; sync .'
is "of the same file" "$(stat -c %h "$D/two")" 2
power "a symbolic link is kept" "old=1 " 'ln -s sub/../old link; sync .'
is "as it was" "$(readlink "$D/link")" sub/../old
power "modes are kept" "f=x old=1 " 'umask 0; printf x >f; chmod 640 f; mkdir -m 710 n; sync f .'
is "of files and folders" "$(stat -c %a "$D/f" "$D/n")" "$(printf '640\n710')"
power "two cuts in a row" "f=x old=1 " 'printf x >f; sync f .'
power_cut "$D" >"$T/out"
is "drop nothing more" "$(has)" "f=x old=1 "
is "and tell what they did" "$(cat "$T/out")" \
    "$(printf 'before 2 files, 2 bytes\nafter  2 files, 2 bytes')"
rm -rf "$D"
power_on "$D"
powered "$D" sh -c 'printf x >"$1/f"; sync "$1/f" "$1"; rm -rf "$1.power"/dir.*' sh "$D"
power_cut "$D" >"$T/out"
is "without a record nothing is durable" "$(has)" ""

rm -rf "$D"
mkdir "$D"
printf 1 >"$D/old"
power_on "$D"
FAULT_LIE=fsync powered "$D" sh -c 'cd "$1"; printf x >f; sync f .; printf 2 >>old; sync -d old' sh "$D"
power_cut "$D" >"$T/out"
is "a lying fsync keeps nothing, the fdatasync beside it does" "$(has)" "old=12 "
FAULT_LIE=all powered "$D" sh -c 'cd "$1"; printf 3 >>old; sync -d old; sync old; sync -f .' sh "$D"
power_cut "$D" >"$T/out"
is "nor do any, when all lie" "$(has)" "old=12 "

# ---- both together: a keeper that acknowledges is killed at every call in turn.

# Stores 1, 2, 3: temporary, fsync, link, fsync of the folder, acknowledge; "-f" leaves
# the first fsync out, "-d" the second, "-a" acknowledges too early.
cat >"$T/keeper.c" <<'C'
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	const char *bug = argc > 1 ? argv[1] : "";
	char name[] = "0";
	int fd, dir = open(".", O_RDONLY);
	for (name[0] = '1'; name[0] <= '3'; name[0]++) {
		if ((fd = open("tmp", O_WRONLY | O_CREAT | O_TRUNC, 0600)) < 0 ||
		    write(fd, name, 1) != 1 ||
		    (strcmp(bug, "-f") != 0 && fsync(fd) != 0) || close(fd) != 0 ||
		    link("tmp", name) != 0 || unlink("tmp") != 0)
			return 1;
		if (strcmp(bug, "-a") == 0)
			dprintf(STDOUT_FILENO, "%s=%s ", name, name);
		if (strcmp(bug, "-d") != 0 && fsync(dir) != 0)
			return 1;
		if (strcmp(bug, "-a") != 0)
			dprintf(STDOUT_FILENO, "%s=%s ", name, name);
	}
	return 0;
}
C
cc -o "$T/keeper" "$T/keeper.c"
# In how many of all possible crashes was something lost that had been acknowledged?
losses()
{
	local n lost=0
	for ((n = 1; ; n++)); do
		rm -rf "$D"
		power_on "$D"
		cd "$D"
		run powered "$D" fault all "$n" KILL "$D" "$T/keeper" "$@"
		cd "$T"
		power_cut "$D" >/dev/null
		case $(has) in "$(cat "$T/out")"*) ;; *) lost=$((lost + 1)) ;; esac
		[ "$STATUS" -ne 0 ] || break
	done
	echo "$lost of $n"
}
is "a keeper that syncs in order loses nothing, wherever it is killed" "$(losses)" "0 of 23"
like "one without the file's fsync is caught" "$(losses -f)" '^[1-9]'
like "one without the folder's fsync is caught" "$(losses -d)" '^[1-9]'
like "one that acknowledges too early is caught" "$(losses -a)" '^[1-9]'

# Four threads append to one file and sync it; each acknowledges what it has written.
cat >"$T/threads.c" <<'C'
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
static int fd;
static void *work(void *name)
{
	char line[16];
	for (int i = 0; i < 100; i++) {
		(void)snprintf(line, sizeof(line), "%s%02d\n", (const char *)name, i);
		if (write(fd, line, 4) != 4 || fdatasync(fd) != 0 ||
		    write(STDOUT_FILENO, line, 4) != 4)
			return NULL;
	}
	return NULL;
}
int main(void)
{
	static char names[4][2] = { "a", "b", "c", "d" };
	pthread_t t[4];
	fd = open("old", O_WRONLY | O_APPEND);
	for (int i = 0; i < 4; i++)
		if (pthread_create(&t[i], NULL, work, names[i]) != 0)
			return 1;
	for (int i = 0; i < 4; i++)
		(void)pthread_join(t[i], NULL);
	return 0;
}
C
cc -pthread -o "$T/threads" "$T/threads.c"
acknowledged=0 missing=0
for n in 5 50 100 200 300 400 500; do
	rm -rf "$D"
	mkdir "$D"
	: >"$D/old"
	power_on "$D"
	cd "$D"
	run powered "$D" fault all "$n" KILL "$D" "$T/threads"
	cd "$T"
	power_cut "$D" >/dev/null
	acknowledged=$((acknowledged + $(wc -l <"$T/out")))
	missing=$((missing + $(comm -23 <(sort "$T/out") <(sort "$D/old") | wc -l)))
done
is "what any thread synced is kept" "$((acknowledged > 500)) $missing" "1 0"

# ---- memory

cat >"$T/memory.c" <<'C'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(int argc, char **argv)
{
	char *library = strdup(argv[0]), *p[3];
	p[0] = malloc((size_t)argc * 10);
	p[1] = calloc((size_t)argc, 10);
	p[2] = realloc(NULL, (size_t)argc * 10);
	printf("%d%d%d%d\n", library != NULL, p[0] != NULL, p[1] != NULL, p[2] != NULL);
	return 0;
}
C
cc -fno-builtin -o "$T/memory" "$T/memory.c"
is "the program's own allocations fail, each in turn" \
    "$(for n in 1 2 3 4; do fault malloc "$n" ENOMEM / "$T/memory"; done)" \
    "$(printf '%s\n' 1011 1101 1110 1111)"
is "and only they are counted" "$(fault_seen)" 3
done_testing
