// hello-world-maker DIR: writes the hello-world image into an empty directory.
// SOURCE_DATE_EPOCH (https://reproducible-builds.org/specs/source-date-epoch/) sets its date.

#include <cstdio>
#include <cstdlib>

#include "contrib/hello-world/layout.h"

// 2026-01-01T00:00:00Z: one date for all builds, so that all have the same digests.
static constexpr time_t kCreated = 1767225600;

static Result<> run(int argc, char** argv) {
  if (argc != 2) return Error(Kind::invalid, "usage: hello-world-maker DIR");
  time_t created = kCreated;
  if (const char* epoch = std::getenv("SOURCE_DATE_EPOCH")) {
    const std::optional<time_t> number = str::number<time_t>(epoch);
    if (!number || *number < 0) return Error(Kind::invalid, "SOURCE_DATE_EPOCH is not a number of seconds");
    created = *number;
  }
  return hello::write_image(argv[1], created);
}

int main(int argc, char** argv) {
  const Result<> done = run(argc, argv);
  if (done.ok()) return 0;
  std::fprintf(stderr, "error: %s\n", done.error().message.c_str());
  return 1;
}
