#include <criterion/criterion.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "runtime/life/seccomp_cache.h"
#include "spec/base/file.h"
#include "tests/unit/support/expect.h"

namespace {

namespace fs = std::filesystem;

struct Root {
  Root() {
    char name[] = "/tmp/seccomp-cache.XXXXXX";
    cr_assert(::mkdtemp(name) != nullptr);
    path = name;
  }
  ~Root() { fs::remove_all(path); }
  [[nodiscard]] std::vector<std::string> entries() const {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(path + "/@seccomp")) found.push_back(entry.path());
    return found;
  }
  std::string path;
};

oci::Seccomp profile(const char* call) {
  oci::Seccomp profile;
  profile.default_action = oci::SeccompAction::allow;
  profile.syscalls = {{{call}, oci::SeccompAction::error_number, EPERM, {}}};
  return profile;
}

std::string read(const std::string& path) {
  const auto text = files::read(Fd::cwd(), path.c_str(), 1 << 20);
  cr_assert(text.ok());
  return text.value();
}

void write(const std::string& path, std::string_view text) {
  fs::remove(path);
  std::ofstream(path, std::ios::binary) << text;
  cr_assert(::chmod(path.c_str(), 0600) == 0);
}

// Whether the cache gives what the compiler gives.
void expect_right(const Root& root, const oci::Seccomp& profile, const char* label) {
  const auto cached = seccomp_cache::get(root.path, profile);
  const auto fresh = plan::make_seccomp(profile);
  cr_assert(cached.ok() && fresh.ok());
  cr_expect(cached.value().flags == fresh.value().flags, "%s", label);
  cr_assert(cached.value().filter.size() == fresh.value().filter.size(), "%s", label);
  cr_expect(std::memcmp(cached.value().filter.data(), fresh.value().filter.data(),
                        fresh.value().filter.size() * sizeof(sock_filter)) == 0,
            "%s", label);
}

}  // namespace

Test(seccomp_cache, hits) {
  const Root root;
  expect_right(root, profile("mkdir"), "first");
  cr_assert(root.entries().size() == 1);
  const std::string entry = root.entries()[0];
  struct stat before {
  }, after{};
  cr_assert(::stat(entry.c_str(), &before) == 0);
  cr_expect((before.st_mode & 0777) == 0600);
  expect_right(root, profile("mkdir"), "second");
  cr_assert(::stat(entry.c_str(), &after) == 0);
  cr_expect(before.st_ino == after.st_ino, "a hit writes nothing");
  expect_right(root, profile("rmdir"), "another profile");
  cr_expect(root.entries().size() == 2);
}

Test(seccomp_cache, what_is_odd_is_compiled_again) {
  const Root root;
  expect_right(root, profile("mkdir"), "first");
  const std::string entry = root.entries()[0], good = read(entry);
  // A torn write, at every length.
  for (size_t length = 0; length < good.size(); length += 5) {
    write(entry, good.substr(0, length));
    expect_right(root, profile("mkdir"), "cut short");
  }
  // A changed byte, everywhere.
  for (size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 1);
    write(entry, bad);
    expect_right(root, profile("mkdir"), "changed");
  }
  write(entry, good + "more");
  expect_right(root, profile("mkdir"), "longer");
  // Another profile's entry under this one's name.
  expect_right(root, profile("rmdir"), "another");
  for (const std::string& other : root.entries())
    if (other != entry) write(entry, read(other));
  expect_right(root, profile("mkdir"), "exchanged");
}

Test(seccomp_cache, what_others_could_write_is_not_used) {
  const Root root;
  expect_right(root, profile("mkdir"), "first");
  const std::string entry = root.entries()[0];
  cr_assert(::chmod(entry.c_str(), 0666) == 0);
  expect_right(root, profile("mkdir"), "writable by others");
  struct stat st {};
  cr_assert(::stat(entry.c_str(), &st) == 0);
  cr_expect((st.st_mode & 0777) == 0600, "it has been replaced");
  fs::remove(entry);
  fs::create_symlink("/etc/passwd", entry);
  expect_right(root, profile("mkdir"), "a link");
  fs::remove(entry);
  cr_assert(::mkfifo(entry.c_str(), 0600) == 0);
  expect_right(root, profile("mkdir"), "a fifo");
  cr_assert(::chmod((root.path + "/@seccomp").c_str(), 0777) == 0);
  expect_right(root, profile("chdir"), "a directory that others may write");
  cr_expect(root.entries().size() == 1, "nothing is put there");
}

Test(seccomp_cache, does_without_a_place) {
  const auto made = seccomp_cache::get("/proc/nonesuch", profile("mkdir"));
  cr_expect(made.ok());
}

Test(seccomp_cache, stays_small) {
  const Root root;
  oci::Seccomp many = profile("mkdir");
  for (uint32_t i = 0; i < 150; ++i) {
    many.syscalls[0].errno_ret = i + 1;
    cr_assert(seccomp_cache::get(root.path, many).ok());
  }
  cr_expect(root.entries().size() <= 64, "%zu", root.entries().size());
}

// The state root may be made for it, before there is a container: no cleaner of temporary places may take it either.
Test(seccomp_cache, makes_the_state_root_as_a_container_does) {
  Root root;
  root.path += "/new/state";
  expect_right(root, profile("reboot"), "no root yet");
  struct stat st {};
  cr_assert(::stat(root.path.c_str(), &st) == 0);
  cr_expect_eq(st.st_mode & 07777, 01700);
  cr_expect_eq(root.entries().size(), 1UL);
  root.path.resize(root.path.size() - sizeof "/new/state" + 1);
}
