// Makes a mistake inside the jail in which layers are unpacked:  sanitize-jailed DIRECTORY overrun|overflow
// The jail's child may say nothing and write nothing but the directory, and must be found out all the same.
#include <fcntl.h>

#include <climits>
#include <string_view>

#include "imagetool/jail.h"
#include "spec/base/sys.h"

namespace {

Result<std::string> make_mistake(std::string_view which) {
  const volatile int four = 4;
  const std::string text(100, 'x');
  if (which == "overrun") return std::string(1, *(text.data() + 28 * four));
  return std::string(1, static_cast<char>(INT_MAX - 3 + four));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  Result<UniqueFd> target = sys::open(argv[1], O_RDONLY | O_DIRECTORY);
  if (!target.ok()) return 2;
  const jail::View view{.target = target.value(), .lowers = {}, .others = {}};
  Result<jail::Child> child =
      jail::Child::start(view, [&](const jail::View&) { return make_mistake(argv[2]); });
  if (!child.ok()) return 2;
  for (;;)
    if (const auto last = child.value().poll()) return last->ok() ? 0 : 1;
}
