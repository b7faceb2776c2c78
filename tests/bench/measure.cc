// Runs commands and says what they cost, from a process that is small enough not to show in the figures.
//
//   bench-measure once REST COMMAND...          after REST ms of idle: "CPU_us WALL_us PEAK_KiB STATUS"
//   bench-measure at-once WORKERS RUNS COMMAND...  each worker runs it RUNS times, '@' in its words being the worker's number:
//                                               "WALL_us STATUS", from the first start to the last end
//
// CPU is user + system of the command and of all descendants it has waited for (wait4(2)), and so is the peak: that of the
// largest of them.  A child counts the memory it had before it executes, which is why Python cannot do this.
#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

static long now_us() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static long micros(const timeval& t) { return t.tv_sec * 1000000 + t.tv_usec; }

static pid_t start(char** command) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  pid_t pid = 0;
  if (const int err = posix_spawnp(&pid, command[0], &actions, nullptr, command, environ); err != 0) {
    std::fprintf(stderr, "%s: %s\n", command[0], std::strerror(err));
    std::exit(127);
  }
  return pid;
}

static int once(long rest_ms, char** command) {
  const timespec rest{rest_ms / 1000, rest_ms % 1000 * 1000000};
  nanosleep(&rest, nullptr);
  const long began = now_us();
  const pid_t pid = start(command);
  int status = 0;
  rusage usage{};
  wait4(pid, &status, 0, &usage);
  const long wall = now_us() - began;
  std::printf("%ld %ld %ld %d\n", micros(usage.ru_utime) + micros(usage.ru_stime), wall, usage.ru_maxrss,
              status);
  return 0;
}

// Its exit status is that of the first run that failed.
[[noreturn]] static void work(int worker, int runs, char** command) {
  std::vector<std::string> words;
  for (char** word = command; *word; ++word) {
    words.emplace_back(*word);
    for (size_t at; (at = words.back().find('@')) != std::string::npos;)
      words.back().replace(at, 1, std::to_string(worker));
  }
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  for (int i = 0; i < runs; ++i) {
    int status = 0;
    waitpid(start(argv.data()), &status, 0);
    if (status != 0) _exit(1);
  }
  _exit(0);
}

static int at_once(int workers, int runs, char** command) {
  const long began = now_us();
  for (int i = 0; i < workers; ++i)
    if (fork() == 0) work(i, runs, command);
  int failed = 0, status = 0;
  while (wait(&status) > 0) failed |= status;
  std::printf("%ld %d\n", now_us() - began, failed);
  return 0;
}

int main(int argc, char** argv) {
  if (argc > 3 && std::strcmp(argv[1], "once") == 0) return once(std::atol(argv[2]), argv + 3);
  if (argc > 4 && std::strcmp(argv[1], "at-once") == 0)
    return at_once(std::atoi(argv[2]), std::atoi(argv[3]), argv + 4);
  std::fputs("usage: bench-measure once REST COMMAND... | at-once WORKERS RUNS COMMAND...\n", stderr);
  return 2;
}
