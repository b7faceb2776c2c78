#include "runtime/stages/spawn.h"

#ifdef COVERAGE
extern "C" void __gcov_dump(void);
#endif

namespace stages {

void die(int status) {
#ifdef COVERAGE
  __gcov_dump();
#endif
  ::_exit(status);
}

}  // namespace stages
