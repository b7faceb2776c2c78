// Signals as people and engines write them: "9", "KILL", "SIGKILL", "sigkill", "SIGRTMIN+3".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "spec/base/error.h"

namespace signals {

// 0 (which only asks whether there is a process) to 64.  Kind::invalid says what is accepted.
Result<int> parse(std::string_view text);
// "SIGKILL", "SIGRTMIN+3"; the number where there is no name.
std::string name(int signal);
// "HUP", "INT"…, for completion.
std::vector<std::string> all();

}  // namespace signals
