// imagetool rm: names go away, and what nothing needs any more.
#include "imagetool/cmd/commands.h"
#include "imagetool/cmd/freed.h"
#include "imagetool/registry/reference.h"
#include "imagetool/store/gc.h"
#include "spec/base/log.h"

namespace {

constexpr int kRmWaitMs = 2000;  // for other imagetools; what is not swept now is swept by the next

struct RmArgs {
  std::vector<std::string> images;
  bool force = false;
};

constexpr cli::Row<RmArgs> rm_options[] = {
    cli::flag<&RmArgs::force>('f', "force",
                              "remove the name of an image that is in use, and all names of an id"),
};
constexpr cli::Row<RmArgs> rm_operands[] = {
    cli::operand<&RmArgs::images>("image", "name or id", cli::Complete::image),
};

void say_who_stays(const gc::Untagged& untagged) {
  for (const Lease& user : untagged.users) {
    const std::string who = user.container.empty() ? str::cat("bundle '", user.bundle, "'")
                                                   : str::cat("container '", user.container, "'");
    logs::warn("image ", untagged.manifest.short_id(), " is still in use by ", who, ", keeping its layers");
  }
}

Result<int> rm_run(const RmArgs& args, Imagetool& tool) {
  const Store store = TRY(tool.open_store());
  int status = 0;
  for (const std::string& what : args.images) {
    const Result<gc::Untagged> untagged = gc::remove_name(store, what, args.force);
    if (!untagged.ok()) {
      logs::error(untagged.error());
      status = 1;
      continue;
    }
    for (const std::string& name : untagged.value().names)
      tool.out.line("Untagged: ", reference::familiar(name));
    say_who_stays(untagged.value());
  }
  Result<gc::Freed> freed = gc::sweep(store, {.wait_ms = kRmWaitMs});
  if (!freed.ok() && freed.error().kind == Kind::conflict) {
    logs::warn(freed.error().message, ", leaving the files to the next `imagetool gc`");
    return status;
  }
  freed::print(TRY(std::move(freed)), tool.out);
  return status;
}

}  // namespace

constexpr ImagetoolCommand rm_command = cli::command<rm_options, rm_operands, rm_run>(
    "rm", "remove images from the store",
    {.details = "Takes the names away, and then the blobs and layers that no other image and no bundle uses. "
                "An image that\n"
                "a bundle uses is refused; a name that fails does not stop the others.",
     .examples = "imagetool rm hello-world\nimagetool rm 1a2b3c4d5e6f debian:12\n"});
