// runtime spec: a config.json to start from.
#include <fcntl.h>
#include <linux/magic.h>
#include <unistd.h>

#include <cerrno>

#include "runtime/cmd/commands.h"
#include "spec/base/sys.h"
#include "spec/base/undo.h"
#include "spec/defaults.h"

namespace {

struct SpecArgs {
  std::string bundle = ".";
  bool rootless = false;
};

constexpr cli::Row<SpecArgs> spec_options[] = {
    cli::option<&SpecArgs::bundle>('b', "bundle", "DIR", "the bundle to write it to (.)",
                                   cli::Complete::directory),
    cli::flag<&SpecArgs::rootless>(0, "rootless", "for a user without rights: with a user namespace"),
};

bool has_cgroups_v2_alone() {
  const Result<UniqueFd> mounted = sys::open("/sys/fs/cgroup", O_PATH | O_DIRECTORY);
  return mounted.ok() && sys::filesystem_magic(mounted.value()) == CGROUP2_SUPER_MAGIC;
}

Result<int> spec_run(const SpecArgs& args, Runtime& rt) {
  auto bundle = sys::open(args.bundle.c_str(), O_RDONLY | O_DIRECTORY);
  if (!bundle.ok() && bundle.error().errnum == ENOENT)
    return Error(Kind::not_found,
                 str::cat("bundle '", args.bundle, "' does not exist; make the directory first"));
  const UniqueFd dir = TRY(std::move(bundle).within("bundle '", args.bundle, "'"));
  auto created = sys::openat(dir, "config.json", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644);
  if (!created.ok() && created.error().errnum == EEXIST)
    return Error(Kind::conflict,
                 str::cat("'", args.bundle, "/config.json' already exists; move it away first"));
  const UniqueFd file = TRY(std::move(created).within("bundle '", args.bundle, "'"));
  Undo remove([&] { (void)sys::unlinkat(dir, "config.json", 0); });  // half a file is worse than none
  const bool cgroup_namespace = has_cgroups_v2_alone();
  const oci::Config config = args.rootless
                                 ? oci::default_rootless_config(cgroup_namespace, rt.uid, ::getegid())
                                 : oci::default_config(cgroup_namespace);
  TRY(sys::write_all(file, oci::encode(config)).within("writing '", args.bundle, "/config.json'"));
  remove.keep();
  return 0;
}

}  // namespace

constexpr RuntimeCommand spec_command = cli::command<spec_options, cli::none, spec_run>(
    "spec", "write a config.json to start from",
    {.details = "It runs a shell in the directory 'rootfs' of the bundle.",
     .examples = "runtime spec --bundle web\nruntime spec --rootless\n"});
