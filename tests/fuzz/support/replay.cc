// main() of a fuzz target without libFuzzer:  replay-NAME FILE...  runs each file through the target once.
// The name is printed first, so that the last line tells which file ended it.
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "tests/fuzz/support/input.h"

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    std::printf("%s\n", argv[i]);
    (void)std::fflush(stdout);
    std::ifstream file(argv[i], std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    if (file.bad() || !file.is_open()) {
      (void)std::fprintf(stderr, "'%s' cannot be read\n", argv[i]);
      return 2;
    }
    (void)LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  }
  return 0;
}
