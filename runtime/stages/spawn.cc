#include "runtime/stages/spawn.h"

#ifdef PROJECT_COVERAGE
extern "C" void __gcov_dump(void);
#endif

namespace stages {

void die(int status) {
#ifdef PROJECT_COVERAGE
  __gcov_dump();
#endif
  ::_exit(status);
}

}  // namespace stages
