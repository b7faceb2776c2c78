// Compiled filters, loaded into forked children that make the calls.
#include <criterion/criterion.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "runtime/plan/seccomp.h"
#include "tests/unit/support/expect.h"

namespace {

using oci::SeccompAction;
using oci::SeccompOperator;

oci::Seccomp profile(SeccompAction fallback, std::vector<oci::SeccompSyscall> rules) {
  oci::Seccomp profile;
  profile.default_action = fallback;
  profile.syscalls = std::move(rules);
  return profile;
}

// Allowed but for `getpriority` where the conditions hold, which gives EDOM.
oci::Seccomp with_args(std::vector<oci::SeccompArg> args) {
  return profile(SeccompAction::allow,
                 {{{"getpriority"}, SeccompAction::error_number, EDOM, std::move(args)}});
}

// What syscall(number, a, b) does under the filter: 0 for success, the errno, or minus the signal that ended the process.
int outcome(const oci::Seccomp& config, long number, long a = 0, long b = 0) {
  auto made = plan::make_seccomp(config);
  cr_assert(made.ok(), "%s", made.ok() ? "" : made.error().message.c_str());
  plan::SeccompProgram program = std::move(made).take();
  const pid_t child = ::fork();
  if (child == 0) {
    sock_fprog filter{static_cast<unsigned short>(program.filter.size()), program.filter.data()};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, program.flags, &filter) != 0)
      ::_exit(250);
    errno = 0;
    const long result = ::syscall(number, a, b);
    // Not _exit(2): ahead of whatever does not return AddressSanitizer makes a call that the filter may refuse.
    for (;;) (void)::syscall(SYS_exit_group, result == -1 ? errno : 0);
  }
  int status = 0;
  cr_assert(::waitpid(child, &status, 0) == child);
  const int code = WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
  cr_assert(code != 250, "the filter cannot be loaded");
  return code;
}

std::string refusal(const oci::Seccomp& config) {
  const auto made = plan::make_seccomp(config);
  return made.ok() ? "accepted" : made.error().message;
}

}  // namespace

Test(seccomp, actions) {
  const struct {
    SeccompAction action;
    std::optional<uint32_t> errno_ret;
    int want;
  } cases[] = {
      {SeccompAction::error_number, std::nullopt, EPERM},
      {SeccompAction::error_number, ENOSPC, ENOSPC},
      {SeccompAction::kill, {}, -SIGSYS},
      {SeccompAction::kill_thread, {}, -SIGSYS},
      {SeccompAction::kill_process, {}, -SIGSYS},
      {SeccompAction::trap, {}, -SIGSYS},
      {SeccompAction::log, {}, 0},
      {SeccompAction::trace, {}, ENOSYS},  // nobody traces
  };
  for (const auto& c : cases) {
    const oci::Seccomp config = profile(SeccompAction::allow, {{{"getppid"}, c.action, c.errno_ret, {}}});
    cr_expect(outcome(config, SYS_getppid) == c.want, "action %d: %d", static_cast<int>(c.action),
              outcome(config, SYS_getppid));
    cr_expect(outcome(config, SYS_getuid) == 0);
  }
}

Test(seccomp, operators) {
  const struct {
    SeccompOperator op;
    uint64_t value;
    std::optional<uint64_t> two;
    std::vector<long> hits, misses;
  } cases[] = {
      {SeccompOperator::equal, 2, {}, {2}, {0, 1}},
      {SeccompOperator::not_equal, 2, {}, {0, 1}, {2}},
      {SeccompOperator::less, 2, {}, {0, 1}, {2}},
      {SeccompOperator::less_equal, 1, {}, {0, 1}, {2}},
      {SeccompOperator::greater, 1, {}, {2}, {0, 1}},
      {SeccompOperator::greater_equal, 1, {}, {1, 2}, {0}},
      {SeccompOperator::masked_equal, 1, 1, {1}, {0, 2}},
      {SeccompOperator::masked_equal, 3, 2, {2}, {0, 1}},
      {SeccompOperator::equal, 2, 1, {2}, {0, 1}},  // a second value means nothing here
  };
  for (const auto& c : cases) {
    const oci::Seccomp config = with_args({{0, c.value, c.two, c.op}});
    // getpriority(which, 0) works for each of 0, 1 and 2.
    for (const long which : c.hits)
      cr_expect(outcome(config, SYS_getpriority, which) == EDOM, "operator %d, %ld", static_cast<int>(c.op),
                which);
    for (const long which : c.misses)
      cr_expect(outcome(config, SYS_getpriority, which) == 0, "operator %d, %ld", static_cast<int>(c.op),
                which);
  }
}

Test(seccomp, several_conditions) {
  // On different arguments all have to hold; on one argument any.
  const oci::Seccomp both =
      with_args({{0, 1, {}, SeccompOperator::equal}, {1, 0, {}, SeccompOperator::equal}});
  cr_expect(outcome(both, SYS_getpriority, 1, 0) == EDOM);
  cr_expect(outcome(both, SYS_getpriority, 0, 0) == 0);
  const oci::Seccomp any =
      with_args({{0, 1, {}, SeccompOperator::equal}, {0, 2, {}, SeccompOperator::equal}});
  cr_expect(outcome(any, SYS_getpriority, 1) == EDOM);
  cr_expect(outcome(any, SYS_getpriority, 2) == EDOM);
  cr_expect(outcome(any, SYS_getpriority, 0) == 0);
}

Test(seccomp, calls_newer_than_the_profile_do_not_exist) {
  oci::Seccomp config =
      profile(SeccompAction::error_number,
              {{{"read", "exit_group", "seccomp", "getppid"}, SeccompAction::allow, {}, {}}});
  constexpr long kNewer = 5000, kUnnamed = SYS_getuid;
  cr_expect(outcome(config, kNewer) == ENOSYS);
  cr_expect(outcome(config, kUnnamed) == EPERM);
  cr_expect(outcome(config, SYS_getppid) == 0);
  config.default_errno_ret = EBADMSG;
  cr_expect(outcome(config, kNewer) == ENOSYS);
  cr_expect(outcome(config, kUnnamed) == EBADMSG);
  // Where everything else is allowed, nothing changes.
  cr_expect(outcome(profile(SeccompAction::allow, {{{"getppid"}, SeccompAction::error_number, {}, {}}}),
                    kNewer) == ENOSYS);
}

Test(seccomp, unknown_names_are_skipped) {
  const oci::Seccomp config = profile(
      SeccompAction::allow, {{{"call_of_the_future", "getppid"}, SeccompAction::error_number, {}, {}}});
  cr_expect(outcome(config, SYS_getppid) == EPERM);
}

// What libseccomp by itself answers wrongly, or never: the alternatives of one call are decided by our code.
Test(seccomp, several_conditional_rules_for_one_call) {
  constexpr uint64_t kHigh = uint64_t{1} << 32;
  using enum SeccompOperator;
  const auto rule = [](uint32_t error, std::vector<oci::SeccompArg> args) {
    return oci::SeccompSyscall{{"getpriority"}, SeccompAction::error_number, error, std::move(args)};
  };
  const oci::Seccomp bounds = with_args({{1, 2, {}, less_equal}, {1, kHigh, {}, less_equal}});
  cr_expect_eq(outcome(bounds, SYS_getpriority, 0, 2), EDOM);
  cr_expect_eq(outcome(bounds, SYS_getpriority, 0, 3), EDOM);
  cr_expect_eq(outcome(bounds, SYS_getpriority, 0, static_cast<long>(kHigh)), EDOM);
  cr_expect_neq(outcome(bounds, SYS_getpriority, 0, static_cast<long>(kHigh) + 1), EDOM);
  const oci::Seccomp mixed = profile(
      SeccompAction::allow,
      {rule(EDOM, {{0, 77, {}, equal}, {1, 5, {}, not_equal}}), rule(ERANGE, {{1, 0xf0, 0x10, masked_equal}}),
       rule(EILSEQ, {{1, kHigh, {}, greater}}), rule(EBADF, {{0, 77, {}, equal}})});
  cr_expect_eq(outcome(mixed, SYS_getpriority, 77, 0x10), EDOM, "the first decides");
  cr_expect_eq(outcome(mixed, SYS_getpriority, 77, 5), EBADF);
  cr_expect_eq(outcome(mixed, SYS_getpriority, 0, 0x1f), ERANGE);
  cr_expect_eq(outcome(mixed, SYS_getpriority, 0, static_cast<long>(kHigh) + 0x20), EILSEQ);
  cr_expect_eq(outcome(mixed, SYS_getpriority, 0, 0), 0);
  oci::Seccomp endless = profile(
      SeccompAction::kill_process,
      {rule(EDOM, {{5, 0x35826c62da9441, {}, less}, {3, kHigh, {}, less_equal}, {1, 0x7e020000, {}, less}}),
       rule(ERANGE, {{3, 0x7fffffff, {}, less_equal}, {5, 0, {}, less}, {1, 0x7e020000, {}, less}})});
  expect_text(refusal(endless), "accepted");
  oci::Seccomp alone = mixed;
  alone.syscalls.push_back(rule(EINTR, {}));
  cr_expect_eq(outcome(alone, SYS_getpriority, 77, 0x10), EINTR, "a rule without conditions decides alone");
}

Test(seccomp, refused) {
  oci::Seccomp config = profile(SeccompAction::allow, {});
  config.architectures = {"SCMP_ARCH_X86_65"};
  cr_expect(refusal(config).starts_with(
      "linux.seccomp.architectures[0]: unknown value 'SCMP_ARCH_X86_65' (did you mean"));
  config.architectures = {"SCMP_ARCH_LOONGARCH64"};
  expect_text(refusal(config), "accepted");
  config.flags = {"SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_X"};
  expect_text(refusal(config), "linux.seccomp.flags[1]: unknown value 'SECCOMP_FILTER_FLAG_X'");
}

Test(seccomp, keys_differ_where_profiles_do) {
  const oci::Seccomp base = with_args({{0, 1, 2, SeccompOperator::equal}});
  std::vector<oci::Seccomp> all(9, base);
  all[1].default_action = SeccompAction::log;
  all[2].default_errno_ret = 0;
  all[3].flags = {"a"};
  all[4].architectures = {"a"};
  all[5].syscalls[0].args[0].value_two.reset();
  all[6].syscalls[0].errno_ret.reset();
  all[7].syscalls[0].names = {"getpriority", ""};
  all[8].syscalls.push_back(base.syscalls[0]);
  for (size_t i = 0; i < all.size(); ++i)
    for (size_t j = 0; j < all.size(); ++j)
      cr_expect((plan::seccomp_key(all[i]) == plan::seccomp_key(all[j])) == (i == j), "%zu and %zu", i, j);
}

Test(seccomp, flags_of_a_listener) {
  oci::Seccomp config = profile(SeccompAction::allow, {{{"mkdir"}, SeccompAction::notify, {}, {}}});
  const auto flags = [&] {
    const auto made = plan::make_seccomp(config);
    cr_assert(made.ok(), "%s", made.ok() ? "" : made.error().message.c_str());
    return made.value().flags;
  };
  cr_expect_eq(flags(), SECCOMP_FILTER_FLAG_NEW_LISTENER);
  config.flags = {"SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"};
  cr_expect_eq(flags(), SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_TSYNC |
                            SECCOMP_FILTER_FLAG_TSYNC_ESRCH | 1u << 5);
  // Without a listener there is nothing to wait for, and the kernel would refuse the flag.
  config.syscalls[0].action = SeccompAction::log;
  cr_expect_eq(flags(), SECCOMP_FILTER_FLAG_TSYNC);
}
