// What the runtime asks of systemd, and how it says it to the program that does the asking.
//
// The runtime is a static program, and libsystemd has no static form (nor is D-Bus a thing to have in a process that
// becomes a container): so a small program of its own, which is carried inside the runtime's binary, talks to systemd.  It reads
// one Request as JSON from its standard input, waits for systemd to be done, and ends: what it prints is the answer, and
// with another status than 0 its standard error says in one line what is wrong.
//
// Property names, their types and their meaning: org.freedesktop.systemd1(5), systemd.resource-control(5).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "spec/base/error.h"

namespace systemd {

enum class Verb {
  start,  // makes a transient unit with `properties`, with `pid` in it; prints its cgroup, "/system.slice/x.scope"
  set,  // changes properties of a unit that runs, until it ends; its control files are written when that is answered
  stop,  // ends it; one that is gone is as good
};

struct Property {
  std::string name;       // "MemoryMax"
  std::string signature;  // of its D-Bus value: b i u t s, ay as, a(st) a(ss)
  std::vector<std::string>
      values;          // numbers in decimal; of an array all its entries, of pairs one after the other
  uint32_t since = 0;  // the version of systemd that knows it: an older one is not asked
  bool operator==(const Property&) const = default;
};

struct Request {
  Verb verb = Verb::start;
  std::string unit;   // "runtime-web.scope"
  bool user = false;  // the caller's own manager, not that of the host
  int32_t pid = 0;    // start of a scope alone
  std::vector<Property> properties;
  int64_t limit_ms = 0;  // for systemd to be done with it
  bool operator==(const Request&) const = default;
};

std::string encode(const Request& request);
Result<Request> parse_request(std::string_view text);

}  // namespace systemd
