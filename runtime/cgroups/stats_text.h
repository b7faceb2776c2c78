// The texts of control files as numbers: what stats.cc puts together.  Pure; a malformed line counts as absent, since
// only the kernel writes these files.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "spec/events.h"

namespace cgroups {

// A number, or "max", which is the largest there is.
std::optional<uint64_t> parse_amount(std::string_view text);
// "KEY NUMBER" lines: memory.stat, cpu.stat…
std::map<std::string, uint64_t> parse_flat(std::string_view text);
std::vector<uint64_t> parse_numbers(std::string_view text);
// "0-2,7" → 0 1 2 7.  At most 64 Ki of them.
std::vector<uint32_t> parse_list(std::string_view text);
// "some avg10=0.00 avg60=0.00 avg300=0.00 total=0" and the same with "full".
std::optional<oci::Pressure> parse_pressure(std::string_view text);
// v1: "8:0 Read 4096" or "8:0 4096"; the sum over all devices is left out.
std::vector<oci::BlkioEntry> parse_blkio(std::string_view text);
// v2: "8:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0".
void add_io_stat(std::string_view text, oci::BlkioStats& stats);
// "mlx4_0 hca_handle=2 hca_object=max".
std::vector<oci::RdmaEntry> parse_rdma(std::string_view text);

}  // namespace cgroups
