#include <criterion/criterion.h>

#include "spec/events.h"
#include "tests/unit/support/expect.h"

namespace {

oci::Event full() {
  const oci::Pressure pressure{{{1}, {23}, {456}, 7}, {{0}, {99}, {10000}, 8}};
  oci::Event event{.type = "stats", .id = "web", .data = oci::Stats{}};
  oci::Stats& s = *event.data;
  s.cpu = {{1, 2, 3, {4, 5}, {6}, {7}}, {8, 9, 10}, pressure};
  s.cpuset = {{0, 1}, {0}, 1, 2, 3, 4, 5, 6, 7, 8, -1};
  s.memory = {1, {2, 3, 4, 5}, {6, 7, 8, 9}, {10, 11, 12, 13}, {14, 15, 16, 17}, {{"anon", 18}}, pressure};
  s.pids = {1, 2};
  const std::vector<oci::BlkioEntry> entries{{8, 0, "Read", 4096}, {8, 16, "", 1}};
  s.blkio = {entries, entries, entries, entries, entries, entries, entries, entries, pressure};
  s.hugetlb["2MB"] = {1, 2, 3};
  s.rdma = {{{"mlx4_0", 1, 4294967295}}, {{"mlx4_0", 0, 2}}};
  s.network_interfaces = {{"eth0", 1, 2, 3, 4, 5, 6, 7, 8}};
  return event;
}

}  // namespace

Test(events, every_property_is_written_and_read) {
  const std::string text = oci::encode(full());
  const auto back = oci::parse_event(text);
  cr_assert(back.ok(), "%s", back.error().message.c_str());
  cr_expect(back.value() == full());
  expect_text(oci::encode(back.value()), text);
  cr_expect_eq(text.find('\n'), std::string::npos);
}

// Other programs look for these beginnings.
Test(events, in_the_form_that_others_read) {
  expect_text(oci::encode({.type = "oom", .id = "web", .data = {}}), R"({"type":"oom","id":"web"})");
  expect_text(oci::encode({.type = "stats", .id = "web", .data = oci::Stats{}}),
              R"({"type":"stats","id":"web","data":{"hugetlb":{},"network_interfaces":[]}})");
  oci::Event event{.type = "stats", .id = "a", .data = oci::Stats{}};
  event.data->cpu.emplace().pressure.emplace().some = {{1234}, {5}, {0}, 6};
  expect_text(
      oci::encode(event),
      R"({"type":"stats","id":"a","data":{"cpu":{"usage":{"kernel":0,"user":0},"throttling":{},)"
      R"("psi":{"some":{"avg10":12.34,"avg60":0.05,"avg300":0.00,"total":6},)"
      R"("full":{"avg10":0.00,"avg60":0.00,"avg300":0.00,"total":0}}},"hugetlb":{},"network_interfaces":[]}})");
}

Test(events, a_share_of_time_that_is_none) {
  for (const char* share : {"1", "1.5", "1.234", "-1.00", "1e2", "\"1.00\"", "1.00"}) {
    const auto event = oci::parse_event(
        str::cat(R"({"type":"stats","id":"a","data":{"cpu":{"psi":{"some":{"avg10":)", share, "}}}}}"));
    const std::string text(share);
    cr_expect_eq(event.ok(), text == "1" || text == "1.00", "%s", share);
  }
}
