// Users as a passwd(5) file has them, without NSS: a static program has none, and a container's file is data.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

namespace accounts {

struct Account {
  std::string name, home;
};

// The first line of `passwd` for `uid`.  Lines that are no accounts are passed over.
std::optional<Account> find(std::string_view passwd, uid_t uid);

}  // namespace accounts
