// A disk in a bad state, for the process this is preloaded into. The file that SLOW_DISK names says which, by its first letter:
// "slow": each fsync takes 200 ms and each write 400 ms; "late": each fsync takes 200 ms; "broken": fsync fails with EIO and nothing can
// be written; "read-only": the same with EROFS; anything else: healthy.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static char state(void) {
  const char* path = getenv("SLOW_DISK");
  char first = 0;
  const int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (fd < 0) return 0;
  if (read(fd, &first, 1) != 1) first = 0;
  close(fd);
  return first;
}

static void be_slow(long milliseconds) {
  const struct timespec pause = {0, milliseconds * 1000 * 1000};
  nanosleep(&pause, NULL);
}

static int refuses(char now) {
  if (now != 'b' && now != 'r') return 0;
  errno = now == 'b' ? EIO : EROFS;
  return 1;
}

static int synced(const char* name, int fd) {
  const char now = state();
  if (refuses(now)) return -1;
  if (now == 's' || now == 'l') be_slow(200);
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
  return real(fd);
}

int fsync(int fd) {
  return synced("fsync", fd);
}
int fdatasync(int fd) {
  return synced("fdatasync", fd);
}

static ssize_t written(const char* name, int fd, const void* data, size_t size, off_t at) {
  const char now = state();
  if (refuses(now)) return -1;
  if (now == 's') be_slow(400);
  ssize_t (*real)(int, const void*, size_t, off_t) =
      (ssize_t(*)(int, const void*, size_t, off_t))dlsym(RTLD_NEXT, name);
  return real(fd, data, size, at);
}

ssize_t pwrite(int fd, const void* data, size_t size, off_t at) {
  return written("pwrite", fd, data, size, at);
}
ssize_t pwrite64(int fd, const void* data, size_t size, off64_t at) {
  return written("pwrite64", fd, data, size, (off_t)at);
}
