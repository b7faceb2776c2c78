#include <criterion/criterion.h>

#include <cerrno>

#include "spec/base/error.h"
#include "tests/unit/support/expect.h"

// Engines read "no such file or directory" as "the container's command is missing", whoever says it.
Test(error, of_the_kernel_in_its_words_but_for_what_engines_misread) {
  const struct {
    int number;
    const char* want;
  } cases[] = {
      {ENOENT, "open(\"/x\"): it does not exist"},
      {EPERM, "open(\"/x\"): Operation not permitted"},
      {ENOSPC, "open(\"/x\"): No space left on device"},
      {99999, "open(\"/x\"): unknown error"},
  };
  for (const auto& c : cases) {
    const Error error = Error::os("open(\"/x\")", c.number);
    expect_text(error.message, c.want);
    cr_expect_eq(error.errnum, c.number);
  }
}

Test(error, has_its_context_outermost_first) {
  const Error error = Error(Kind::invalid, "is empty").within("mounts[", 2, "]").within("creating 'web'");
  expect_text(error.message, "creating 'web': mounts[2]: is empty");
  cr_expect(error.kind == Kind::invalid);
}
