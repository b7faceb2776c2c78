#include <criterion/criterion.h>
#include <fcntl.h>

#include <cstdlib>
#include <map>

#include "runtime/cgroups/cgroups.h"
#include "runtime/cgroups/stats_text.h"
#include "runtime/life/interfaces.h"
#include "spec/base/file.h"
#include "spec/base/sys.h"
#include "tests/unit/support/expect.h"

namespace {

using Files = std::map<std::string, std::string>;

// A directory that looks like a cgroup.
class Directory {
 public:
  explicit Directory(const Files& files) {
    char name[] = "/tmp/test_stats.XXXXXX";
    path_ = ::mkdtemp(name);
    const UniqueFd dir = sys::open(path_.c_str(), O_RDONLY | O_DIRECTORY).take();
    for (const auto& [file, text] : files) {
      cr_assert(files::replace(dir, file.c_str(), text, 0600).ok());
      made_.push_back(path_ + "/" + file);
    }
  }
  ~Directory() {
    for (const std::string& file : made_) (void)sys::unlinkat(Fd::cwd(), file.c_str(), 0);
    (void)sys::unlinkat(Fd::cwd(), path_.c_str(), AT_REMOVEDIR);
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
  std::vector<std::string> made_;
};

std::string stats_of(const cgroups::Paths& paths) {
  return oci::encode({.type = "stats", .id = "x", .data = cgroups::stats(paths)});
}

constexpr const char* kHead = R"({"type":"stats","id":"x","data":{)";
constexpr const char* kTail = R"(,"network_interfaces":[]}})";

}  // namespace

Test(stats, of_v2) {
  const Directory d({
      {"cpu.stat",
       "usage_usec 30\nuser_usec 20\nsystem_usec 10\nnr_periods 4\nnr_throttled 3\nthrottled_usec 2\n"},
      {"cpu.pressure",
       "some avg10=1.02 avg60=0.00 avg300=0.00 total=5\nfull avg10=0.00 avg60=0.00 "
       "avg300=0.00 total=0\n"},
      {"cpuset.cpus.effective", "0-1,7\n"},
      {"cpuset.mems.effective", "0\n"},
      {"memory.current", "1000\n"},
      {"memory.max", "4000\n"},
      {"memory.peak", "2000\n"},
      {"memory.events", "low 0\nhigh 0\nmax 9\noom 1\noom_kill 1\n"},
      {"memory.swap.current", "10\n"},
      {"memory.swap.max", "100\n"},
      {"memory.swap.peak", "50\n"},
      {"memory.swap.events", "high 0\nmax 8\nfail 0\n"},
      {"memory.stat", "anon 1\nfile 2\nkernel 3\nsock 4\n"},
      {"pids.current", "2\n"},
      {"pids.max", "max\n"},
      {"io.stat", "8:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=7 dios=1\n"},
      {"hugetlb.2MB.current", "1\n"},
      {"hugetlb.2MB.rsvd.current", "2097152\n"},
      {"hugetlb.2MB.events", "max 6\n"},
      {"rdma.current", "mlx4_0 hca_handle=2 hca_object=20\n"},
      {"rdma.max", "mlx4_0 hca_handle=3 hca_object=max\n"},
  });
  expect_text(
      stats_of({{"", d.path()}}),
      str::cat(
          kHead,
          R"("cpu":{"usage":{"total":30000,"kernel":10000,"user":20000},)"
          R"("throttling":{"periods":4,"throttledPeriods":3,"throttledTime":2000},)"
          R"("psi":{"some":{"avg10":1.02,"avg60":0.00,"avg300":0.00,"total":5},)"
          R"("full":{"avg10":0.00,"avg60":0.00,"avg300":0.00,"total":0}}},)"
          R"("cpuset":{"cpus":[0,1,7],"cpu_exclusive":0,"mems":[0],"mem_hardwall":0,"mem_exclusive":0,)"
          R"("memory_migrate":0,"memory_spread_page":0,"memory_spread_slab":0,"memory_pressure":0,)"
          R"("sched_load_balance":0,"sched_relax_domain_level":0},)"
          R"("memory":{"cache":2,"usage":{"limit":4000,"usage":1000,"max":2000,"failcnt":9},)"
          R"("swap":{"limit":4100,"usage":1010,"failcnt":8},"kernel":{"limit":0,"usage":3,"failcnt":0},)"
          R"("kernelTCP":{"limit":0,"usage":4,"failcnt":0},"raw":{"anon":1,"file":2,"kernel":3,"sock":4}},)"
          R"("pids":{"current":2},)"
          R"("blkio":{"ioServiceBytesRecursive":[{"major":8,"op":"Read","value":4096},{"major":8,"op":"Write"},)"
          R"({"major":8,"op":"Discard","value":7}],)"
          R"("ioServicedRecursive":[{"major":8,"op":"Read","value":1},{"major":8,"op":"Write"},)"
          R"({"major":8,"op":"Discard","value":1}]},)"
          R"("hugetlb":{"2MB":{"usage":2097152,"failcnt":6}},)"
          R"("rdma":{"rdma_limit":[{"device":"mlx4_0","hca_handles":3,"hca_objects":4294967295}],)"
          R"("rdma_current":[{"device":"mlx4_0","hca_handles":2,"hca_objects":20}]})",
          kTail));
}

Test(stats, of_v1) {
  const Directory cpuacct({{"cpuacct.usage", "30\n"},
                           {"cpuacct.stat", "user 2\nsystem 1\n"},
                           {"cpuacct.usage_percpu", "10 20 \n"},
                           {"cpuacct.usage_percpu_sys", "1 2\n"},
                           {"cpuacct.usage_percpu_user", "3 4\n"}});
  const Directory cpu(Files{{"cpu.stat", "nr_periods 4\nnr_throttled 3\nthrottled_time 2\n"}});
  const Directory memory({{"memory.usage_in_bytes", "1000\n"},
                          {"memory.limit_in_bytes", "9223372036854771712\n"},
                          {"memory.max_usage_in_bytes", "2000\n"},
                          {"memory.failcnt", "5\n"},
                          {"memory.memsw.usage_in_bytes", "1001\n"},
                          {"memory.kmem.usage_in_bytes", "6\n"},
                          {"memory.stat", "cache 7\nrss 8\n"}});
  const Directory blkio({{"blkio.bfq.io_service_bytes_recursive", "Total 0\n"},
                         {"blkio.throttle.io_service_bytes_recursive",
                          "8:0 Read 4096\n8:0 Write 0\n8:0 Total 4096\nTotal 4096\n"},
                         {"blkio.bfq.time_recursive", "8:0 12\n"}});
  const Directory hugetlb({{"hugetlb.1GB.usage_in_bytes", "1\n"},
                           {"hugetlb.1GB.max_usage_in_bytes", "2\n"},
                           {"hugetlb.1GB.failcnt", "3\n"}});
  const Directory pids({{"pids.current", "1\n"}, {"pids.max", "20\n"}});
  expect_text(
      stats_of({{"cpuacct", cpuacct.path()},
                {"cpu", cpu.path()},
                {"memory", memory.path()},
                {"blkio", blkio.path()},
                {"hugetlb", hugetlb.path()},
                {"pids", pids.path()}}),
      str::cat(
          kHead,
          R"("cpu":{"usage":{"total":30,"percpu":[10,20],"percpu_kernel":[1,2],"percpu_user":[3,4],)"
          R"("kernel":10000000,"user":20000000},"throttling":{"periods":4,"throttledPeriods":3,"throttledTime":2}},)"
          R"("memory":{"cache":7,"usage":{"limit":9223372036854771712,"usage":1000,"max":2000,"failcnt":5},)"
          R"("swap":{"limit":0,"usage":1001,"failcnt":0},"kernel":{"limit":0,"usage":6,"failcnt":0},)"
          R"("kernelTCP":{"limit":0,"failcnt":0},"raw":{"cache":7,"rss":8}},)"
          R"("pids":{"current":1,"limit":20},)"
          R"("blkio":{"ioServiceBytesRecursive":[{"major":8,"op":"Read","value":4096},{"major":8,"op":"Write"},)"
          R"({"major":8,"op":"Total","value":4096}],"ioTimeRecursive":[{"major":8,"value":12}]},)"
          R"("hugetlb":{"1GB":{"usage":1,"max":2,"failcnt":3}})",
          kTail));
}

Test(stats, of_cgroups_that_are_gone) {
  expect_text(
      stats_of({{"memory", "/tmp/nonesuch"}, {"", "/tmp/nonesuch"}}),
      str::cat(kHead,
               R"("memory":{"usage":{"limit":0,"failcnt":0},"swap":{"limit":0,"failcnt":0},)"
               R"("kernel":{"limit":0,"failcnt":0},"kernelTCP":{"limit":0,"failcnt":0}},"hugetlb":{})",
               kTail));
}

Test(stats, memory_and_swap_of_v2_without_a_limit) {
  for (const char* limits : {"max 100", "100 max", "max max"}) {
    const auto both = str::split(limits, ' ');
    const Directory d({{"memory.current", "1"},
                       {"memory.max", std::string(both[0])},
                       {"memory.swap.current", "1"},
                       {"memory.swap.max", std::string(both[1])}});
    cr_expect_eq(cgroups::stats({{"", d.path()}}).memory->swap.limit, UINT64_MAX, "%s", limits);
  }
}

Test(stats, lists_of_numbers) {
  cr_expect(cgroups::parse_list("0-2,7\n") == (std::vector<uint32_t>{0, 1, 2, 7}));
  cr_expect(cgroups::parse_list("\n").empty());
  cr_expect(cgroups::parse_list("x,3-1,5").size() == 1);
  cr_expect_eq(cgroups::parse_list("0-4294967295").size(), 65536);
}

Test(stats, lines_that_are_none) {
  cr_expect(cgroups::parse_blkio("8:x Read 1\n8 Read 1\n8:0 Read x\n8:0\n").empty());
  cr_expect(!cgroups::parse_pressure("").has_value());
  cr_expect(!cgroups::parse_amount("many").has_value());
  oci::BlkioStats io;
  cgroups::add_io_stat("8:0 rbytes rios=x =1\n", io);
  cr_expect(io == oci::BlkioStats{});
}

Test(interfaces, parse) {
  const auto found = interfaces::parse(
      "Inter-|   Receive                                                |  Transmit\n"
      " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo "
      "colls "
      "carrier compressed\n"
      "    lo:     100       1    2    3    0     0          0         0      200       4    5    6    0     "
      "0   "
      "    0          0\n"
      "eth0:1:18446744073709551615 1 2 3 0 0 0 0 9 8 7 6 0 0 0 0\n"
      "short: 1 2 3\n");
  cr_assert_eq(found.size(), 2);
  cr_expect(found[0] == (oci::InterfaceStats{"lo", 100, 1, 2, 3, 200, 4, 5, 6}));
  cr_expect(found[1] == (oci::InterfaceStats{"eth0:1", UINT64_MAX, 1, 2, 3, 9, 8, 7, 6}));
}

// Version 2 lists whoever is in none of our pid namespaces as 0, and to kill(2) that is our own process group.
Test(processes, none_that_has_no_number_here) {
  const Directory d(Files{{"cgroup.procs", "0\n9\n0\n7\n"}});
  const std::vector<pid_t> found = cgroups::pids({{"", d.path()}}).take();
  cr_expect(found == std::vector<pid_t>({7, 9}), "%zu found", found.size());
}
