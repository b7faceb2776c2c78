// Field tables for events.h.
#include "spec/events.h"

#include "spec/schema.h"

using namespace oci;  // the tables below are about nothing else

template <>
struct json::Codec<Percentage> {
  static void decode(Decoder& decoder, Value value, Percentage& out) {
    if (!decoder.expect(value, Type::number, "a number")) return;
    const std::string_view text = value.text();
    const size_t dot = text.find('.');
    const auto whole = str::number<uint32_t>(text.substr(0, dot));
    const auto rest = dot == std::string_view::npos ? std::optional<uint8_t>(0)
                                                    : str::number<uint8_t>(text.substr(dot + 1));
    const size_t digits = dot == std::string_view::npos ? 2 : text.size() - dot - 1;
    if (!whole || !rest || digits != 2)
      decoder.problem(value, str::cat("expected a number with two decimals, got ", describe(value)));
    else
      out.hundredths = uint64_t{100} * *whole + *rest;
  }
  static void encode(Writer& writer, const Percentage& percentage) {
    writer.hundredths(percentage.hundredths);
  }
};

template <>
struct json::Schema<Stall> {
  static constexpr auto fields =
      std::tuple{written("avg10", &Stall::avg10), written("avg60", &Stall::avg60),
                 written("avg300", &Stall::avg300), written("total", &Stall::total)};
};

template <>
struct json::Schema<Pressure> {
  static constexpr auto fields =
      std::tuple{optional("some", &Pressure::some), optional("full", &Pressure::full)};
};

template <>
struct json::Schema<CpuUsage> {
  using C = CpuUsage;
  static constexpr auto fields = std::tuple{
      optional("total", &C::total),
      optional("percpu", &C::percpu),
      optional("percpu_kernel", &C::percpu_kernel),
      optional("percpu_user", &C::percpu_user),
      written("kernel", &C::kernel),
      written("user", &C::user),
  };
};

template <>
struct json::Schema<Throttling> {
  using T = Throttling;
  static constexpr auto fields = std::tuple{
      optional("periods", &T::periods),
      optional("throttledPeriods", &T::throttled_periods),
      optional("throttledTime", &T::throttled_time),
  };
};

template <>
struct json::Schema<CpuStats> {
  using C = CpuStats;
  static constexpr auto fields = std::tuple{
      optional("usage", &C::usage), optional("throttling", &C::throttling), optional("psi", &C::pressure)};
};

template <>
struct json::Schema<CpusetStats> {
  using C = CpusetStats;
  static constexpr auto fields = std::tuple{
      optional("cpus", &C::cpus),
      written("cpu_exclusive", &C::cpu_exclusive),
      optional("mems", &C::mems),
      written("mem_hardwall", &C::mem_hardwall),
      written("mem_exclusive", &C::mem_exclusive),
      written("memory_migrate", &C::memory_migrate),
      written("memory_spread_page", &C::memory_spread_page),
      written("memory_spread_slab", &C::memory_spread_slab),
      written("memory_pressure", &C::memory_pressure),
      written("sched_load_balance", &C::sched_load_balance),
      written("sched_relax_domain_level", &C::sched_relax_domain_level),
  };
};

template <>
struct json::Schema<MemoryEntry> {
  using M = MemoryEntry;
  static constexpr auto fields = std::tuple{written("limit", &M::limit), optional("usage", &M::usage),
                                            optional("max", &M::max), written("failcnt", &M::failcnt)};
};

template <>
struct json::Schema<MemoryStats> {
  using M = MemoryStats;
  static constexpr auto fields = std::tuple{
      optional("cache", &M::cache),   optional("usage", &M::usage),          optional("swap", &M::swap),
      optional("kernel", &M::kernel), optional("kernelTCP", &M::kernel_tcp), optional("raw", &M::raw),
      optional("psi", &M::pressure),
  };
};

template <>
struct json::Schema<PidsStats> {
  static constexpr auto fields =
      std::tuple{optional("current", &PidsStats::current), optional("limit", &PidsStats::limit)};
};

template <>
struct json::Schema<BlkioEntry> {
  using B = BlkioEntry;
  static constexpr auto fields = std::tuple{optional("major", &B::major), optional("minor", &B::minor),
                                            optional("op", &B::op), optional("value", &B::value)};
};

template <>
struct json::Schema<BlkioStats> {
  using B = BlkioStats;
  static constexpr auto fields = std::tuple{
      optional("ioServiceBytesRecursive", &B::service_bytes),
      optional("ioServicedRecursive", &B::serviced),
      optional("ioQueueRecursive", &B::queued),
      optional("ioServiceTimeRecursive", &B::service_time),
      optional("ioWaitTimeRecursive", &B::wait_time),
      optional("ioMergedRecursive", &B::merged),
      optional("ioTimeRecursive", &B::time),
      optional("sectorsRecursive", &B::sectors),
      optional("psi", &B::pressure),
  };
};

template <>
struct json::Schema<HugetlbStats> {
  using H = HugetlbStats;
  static constexpr auto fields =
      std::tuple{optional("usage", &H::usage), optional("max", &H::max), written("failcnt", &H::failcnt)};
};

template <>
struct json::Schema<RdmaEntry> {
  using R = RdmaEntry;
  static constexpr auto fields =
      std::tuple{optional("device", &R::device), written("hca_handles", &R::hca_handles),
                 written("hca_objects", &R::hca_objects)};
};

template <>
struct json::Schema<RdmaStats> {
  static constexpr auto fields =
      std::tuple{optional("rdma_limit", &RdmaStats::limit), optional("rdma_current", &RdmaStats::current)};
};

template <>
struct json::Schema<InterfaceStats> {
  using I = InterfaceStats;
  static constexpr auto fields = std::tuple{
      written("Name", &I::name),
      written("RxBytes", &I::rx_bytes),
      written("RxPackets", &I::rx_packets),
      written("RxErrors", &I::rx_errors),
      written("RxDropped", &I::rx_dropped),
      written("TxBytes", &I::tx_bytes),
      written("TxPackets", &I::tx_packets),
      written("TxErrors", &I::tx_errors),
      written("TxDropped", &I::tx_dropped),
  };
};

template <>
struct json::Schema<Stats> {
  using S = Stats;
  static constexpr auto fields = std::tuple{
      optional("cpu", &S::cpu),       optional("cpuset", &S::cpuset),
      optional("memory", &S::memory), optional("pids", &S::pids),
      optional("blkio", &S::blkio),   written("hugetlb", &S::hugetlb),
      optional("rdma", &S::rdma),     written("network_interfaces", &S::network_interfaces),
  };
};

template <>
struct json::Schema<Event> {
  static constexpr auto fields =
      std::tuple{required("type", &Event::type), required("id", &Event::id), optional("data", &Event::data)};
};

namespace oci {

Result<Event> parse_event(std::string_view text) { return json::decode_text<Event>(text, {.name = "event"}); }

std::string encode(const Event& event) { return json::encode(event, json::Style::compact); }

}  // namespace oci
