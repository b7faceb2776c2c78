// runtime update: other limits for a container that exists, by options or by a document.
#include "runtime/life/update.h"

#include <unistd.h>

#include "runtime/cmd/commands.h"
#include "spec/base/file.h"
#include "spec/base/log.h"
#include "spec/checks.h"
#include "spec/config.h"

namespace {

constexpr size_t kMostResources = 1 << 20;  // bytes

struct UpdateArgs {
  std::string id;
  std::optional<std::string> resources;
  std::optional<uint16_t> blkio_weight;
  std::optional<uint64_t> cpu_period, cpu_burst, cpu_share, cpu_rt_period;
  std::optional<int64_t> cpu_quota, cpu_rt_runtime, cpu_idle, pids_limit;
  std::optional<std::string> cpuset_cpus, cpuset_mems;
  std::optional<std::string> memory, memory_reservation, memory_swap, kernel_memory, kernel_memory_tcp;
  std::optional<std::string> l3_cache_schema, mem_bw_schema;
  bool operator==(const UpdateArgs&) const = default;
};

using A = UpdateArgs;
constexpr cli::Row<A> update_options[] = {
    cli::option<&A::resources>('r', "resources", "FILE",
                               "a JSON document like linux.resources of config.json, '-' for standard input",
                               cli::Complete::file),
    cli::option<&A::memory>(0, "memory", "SIZE", "the most memory: bytes, or as 512M; -1 for no limit"),
    cli::option<&A::memory_reservation>(0, "memory-reservation", "SIZE",
                                        "memory that is left to it when it gets scarce"),
    cli::option<&A::memory_swap>(0, "memory-swap", "SIZE",
                                 "the most of memory and swap together; -1 for no limit"),
    cli::option<&A::cpu_share>(0, "cpu-share", "N", "its weight against others (1024 is usual)"),
    cli::option<&A::cpu_quota>(0, "cpu-quota", "US",
                               "CPU time in each period, in microseconds; -1 for no limit"),
    cli::option<&A::cpu_period>(0, "cpu-period", "US", "the period, in microseconds"),
    cli::option<&A::cpu_burst>(0, "cpu-burst", "US",
                               "CPU time it may save up beyond the quota, in microseconds"),
    cli::option<&A::cpu_rt_runtime>(0, "cpu-rt-runtime", "US",
                                    "CPU time for realtime processes in each of their periods"),
    cli::option<&A::cpu_rt_period>(0, "cpu-rt-period", "US",
                                   "the period of realtime processes, in microseconds"),
    cli::option<&A::cpu_idle>(0, "cpu-idle", "0|1", "1: it runs only while nothing else wants to"),
    cli::option<&A::cpuset_cpus>(0, "cpuset-cpus", "LIST", "the CPUs it may use, as 0-3,7"),
    cli::option<&A::cpuset_mems>(0, "cpuset-mems", "LIST", "the memory nodes it may use, as 0,1"),
    cli::option<&A::pids_limit>(0, "pids-limit", "N", "the most processes and threads; -1 for no limit"),
    cli::option<&A::blkio_weight>(0, "blkio-weight", "N", "its weight for disks, from 10 to 1000"),
    cli::option<&A::l3_cache_schema>(0, "l3-cache-schema", "SCHEMA", "its part of the L3 cache (Intel RDT)"),
    cli::option<&A::mem_bw_schema>(0, "mem-bw-schema", "SCHEMA", "its memory bandwidth (Intel RDT)"),
    cli::hidden(cli::option<&A::kernel_memory>(0, "kernel-memory", "SIZE", "kernels no longer have that")),
    cli::hidden(
        cli::option<&A::kernel_memory_tcp>(0, "kernel-memory-tcp", "SIZE", "kernels no longer have that")),
};
constexpr cli::Row<A> update_operands[] = {
    cli::operand<&A::id>("container-id", "the container", cli::Complete::container),
};

// Which property an option stands for, for messages.
constexpr names::Table<std::string_view> kOptions[] = {
    {"--memory", "memory.limit"},
    {"--memory-reservation", "memory.reservation"},
    {"--memory-swap", "memory.swap"},
    {"--kernel-memory", "memory.kernel"},
    {"--kernel-memory-tcp", "memory.kernelTCP"},
    {"--cpu-share", "cpu.shares"},
    {"--cpu-quota", "cpu.quota"},
    {"--cpu-period", "cpu.period"},
    {"--cpu-burst", "cpu.burst"},
    {"--cpu-rt-runtime", "cpu.realtimeRuntime"},
    {"--cpu-rt-period", "cpu.realtimePeriod"},
    {"--cpu-idle", "cpu.idle"},
    {"--cpuset-cpus", "cpu.cpus"},
    {"--cpuset-mems", "cpu.mems"},
    {"--pids-limit", "pids.limit"},
    {"--blkio-weight", "blockIO.weight"},
};

std::string name_of_option(std::string_view property) {
  return std::string(names::value(kOptions, property).value_or(property));
}
std::string name_in_document(std::string_view property) { return std::string(property); }

Result<std::optional<int64_t>> size(const std::optional<std::string>& text, std::string_view option) {
  if (!text) return std::optional<int64_t>();
  if (*text == "-1") return std::optional<int64_t>(-1);
  const auto bytes = str::bytes(*text);
  if (!bytes || *bytes > INT64_MAX)
    return Error(Kind::invalid,
                 str::cat(option, " '", str::printable(*text), "': expected a size such as 64M, or -1"));
  return std::optional<int64_t>(static_cast<int64_t>(*bytes));
}

Result<oci::Memory> memory_of(const UpdateArgs& args) {
  oci::Memory memory;
  memory.limit = TRY(size(args.memory, "--memory"));
  memory.reservation = TRY(size(args.memory_reservation, "--memory-reservation"));
  memory.swap = TRY(size(args.memory_swap, "--memory-swap"));
  memory.kernel = TRY(size(args.kernel_memory, "--kernel-memory"));
  memory.kernel_tcp = TRY(size(args.kernel_memory_tcp, "--kernel-memory-tcp"));
  return memory;
}

oci::Cpu cpu_of(const UpdateArgs& args) {
  oci::Cpu cpu;
  cpu.shares = args.cpu_share;
  cpu.quota = args.cpu_quota;
  cpu.period = args.cpu_period;
  cpu.burst = args.cpu_burst;
  cpu.realtime_runtime = args.cpu_rt_runtime;
  cpu.realtime_period = args.cpu_rt_period;
  cpu.idle = args.cpu_idle;
  cpu.cpus = args.cpuset_cpus;
  cpu.mems = args.cpuset_mems;
  return cpu;
}

Result<oci::Resources> resources_of(const UpdateArgs& args) {
  UpdateArgs nothing;
  nothing.id = args.id;
  if (args == nothing) return Error(Kind::invalid, "nothing to change: give a limit, or --resources FILE");
  oci::Resources resources;
  resources.memory = TRY(memory_of(args));
  resources.cpu = cpu_of(args);
  if (args.pids_limit) resources.pids = oci::Pids{args.pids_limit};
  if (args.blkio_weight) {
    resources.block_io.emplace();
    resources.block_io->weight = args.blkio_weight;
  }
  return resources;
}

// What the field tables check in a document.
Result<> check_values(const UpdateArgs& args) {
  const struct {
    std::string_view option;
    std::string wrong;
  } checks[] = {
      {"--l3-cache-schema", checks::one_line(args.l3_cache_schema.value_or(""))},
      {"--mem-bw-schema", checks::one_line(args.mem_bw_schema.value_or(""))},
      {"--cpuset-cpus", checks::cpu_list(args.cpuset_cpus.value_or(""))},
      {"--cpuset-mems", checks::cpu_list(args.cpuset_mems.value_or(""))},
      {"--cpu-quota", checks::at_least_minus_one(args.cpu_quota.value_or(0))},
      {"--cpu-rt-runtime", checks::at_least_minus_one(args.cpu_rt_runtime.value_or(0))},
      {"--pids-limit", checks::at_least_minus_one(args.pids_limit.value_or(0))},
      {"--cpu-idle", args.cpu_idle.value_or(0) >> 1 ? str::cat(*args.cpu_idle, " must be 0 or 1") : ""},
  };
  for (const auto& check : checks)
    if (!check.wrong.empty()) return Error(Kind::invalid, str::cat(check.option, ": ", check.wrong));
  return {};
}

Result<oci::Resources> read_resources(const std::string& path) {
  const bool standard_input = path == "-";
  const std::string text = TRY((standard_input ? files::read(Fd(STDIN_FILENO), kMostResources)
                                               : files::read(Fd::cwd(), path.c_str(), kMostResources))
                                   .within("--resources"));
  oci::Checked<oci::Resources> checked =
      TRY(oci::check_resources(text, standard_input ? "standard input" : path));
  for (const std::string& warning : checked.warnings) logs::warn(warning);
  return std::move(checked.value);
}

// These come with a document as well, which has no place for them.
std::vector<plan::RdtLine> schemata_of(const UpdateArgs& args) {
  std::vector<plan::RdtLine> lines;
  for (const auto& [option, line] : {std::pair("--l3-cache-schema", &args.l3_cache_schema),
                                     std::pair("--mem-bw-schema", &args.mem_bw_schema)})
    if (!line->value_or("").empty()) lines.push_back({option, **line});
  return lines;
}

Result<> update_one(const UpdateArgs& args, const Runtime& rt) {
  TRY(check_values(args));
  if (!args.resources)
    return update::update(rt, args.id, {TRY(resources_of(args)), schemata_of(args)}, name_of_option);
  UpdateArgs document;
  document.id = args.id;
  document.resources = args.resources;
  document.l3_cache_schema = args.l3_cache_schema;
  document.mem_bw_schema = args.mem_bw_schema;
  if (args != document)
    return Error(Kind::invalid, "--resources: either the document or options say what to change, not both");
  return update::update(rt, args.id, {TRY(read_resources(*args.resources)), schemata_of(args)},
                        name_in_document);
}

Result<int> update_run(const UpdateArgs& args, Runtime& rt) {
  TRY(update_one(args, rt).within("updating '", args.id, "'"));
  return 0;
}

}  // namespace

constexpr RuntimeCommand update_command = cli::command<update_options, update_operands, update_run>(
    "update", "change the limits of a container",
    {.details = "What is not named stays as it is.  Either all of the change is made or, if something is "
                "refused, nothing.",
     .examples = "runtime update --memory 256M --pids-limit 100 web\n"
                 "echo '{\"cpu\": {\"quota\": 50000}}' | runtime update --resources - web\n"});
