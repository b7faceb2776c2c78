// Checks of single values that several field tables share.  Each answers what is wrong, "" if nothing is.
#pragma once

#include <cstdint>
#include <string>

namespace checks {

std::string absolute(const std::string& path);  // starts with '/'
std::string not_empty(const std::string& text);
std::string id(const uint32_t& n);                 // a uid or gid: 4294967295 means "none" to the kernel
std::string at_least_minus_one(const int64_t& n);  // -1 = unlimited
std::string cpu_list(const std::string& text);     // "0-3,7", as cpuset.cpus takes it
std::string one_line(const std::string& text);     // no line feed: it would smuggle in a second setting
std::string major_number(const int64_t& n);        // of a device
std::string minor_number(const int64_t& n);
std::string interface_name(const std::string& name);  // of a network device

}  // namespace checks
