#include "spec/base/accounts.h"

#include "spec/base/text.h"

namespace accounts {

std::optional<Account> find(std::string_view passwd, uid_t uid) {
  for (const std::string_view line : str::split(passwd, '\n')) {
    const std::vector<std::string_view> fields = str::split(line, ':');
    if (fields.size() >= 6 && str::number<uid_t>(fields[2]) == uid)
      return Account{std::string(fields[0]), std::string(fields[5])};
  }
  return std::nullopt;
}

}  // namespace accounts
