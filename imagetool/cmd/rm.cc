// imagetool rm, gc: names go away, and what nothing needs any more.
#include "imagetool/cmd/commands.h"
#include "imagetool/progress.h"
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

std::string familiar(const std::string& name) {
  const Result<Reference> parsed = reference::parse(name);
  return parsed.ok() ? parsed.value().familiar() : str::printable(name);
}

void print_freed(const gc::Freed& freed, cli::Out& out) {
  for (const oci::Digest& blob : freed.blobs) out.line("Deleted: ", blob.text());
  for (const oci::Digest& chain : freed.chain_ids) out.line("Deleted: layer ", chain.text());
}

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
    for (const std::string& name : untagged.value().names) tool.out.line("Untagged: ", familiar(name));
    say_who_stays(untagged.value());
  }
  Result<gc::Freed> freed = gc::sweep(store, kRmWaitMs);
  if (!freed.ok() && freed.error().kind == Kind::conflict) {
    logs::warn(freed.error().message, ", leaving the files to the next `imagetool gc`");
    return status;
  }
  print_freed(TRY(std::move(freed)), tool.out);
  return status;
}

struct GcArgs {
  uint32_t wait = 60;
};

constexpr cli::Row<GcArgs> gc_options[] = {
    cli::option<&GcArgs::wait>(0, "wait", "SECONDS", "how long to wait for pulls that are under way (60)"),
};

Result<int> gc_run(const GcArgs& args, Imagetool& tool) {
  constexpr uint32_t kMostSeconds = 24 * 60 * 60;
  const Store store = TRY(tool.open_store());
  if (args.wait > kMostSeconds) return Error(Kind::invalid, "--wait: more than a day is too long");
  const gc::Freed freed = TRY(gc::sweep(store, static_cast<int>(args.wait * 1000), gc::Staged::goes));
  print_freed(freed, tool.out);
  tool.out.line("Freed: ", freed.blobs.size(), " blobs of ", Progress::size(freed.bytes), ", ",
                freed.chain_ids.size(), " unpacked layers");
  return 0;
}

}  // namespace

constexpr ImagetoolCommand rm_command = cli::command<rm_options, rm_operands, rm_run>(
    "rm", "remove images from the store",
    {.details = "Takes the names away, and then the blobs and layers that no other image and no bundle uses. "
                "An image that\n"
                "a bundle uses is refused; a name that fails does not stop the others.",
     .examples = "imagetool rm hello-world\nimagetool rm 1a2b3c4d5e6f debian:12\n"});

constexpr ImagetoolCommand gc_command = cli::command<gc_options, cli::none, gc_run>(
    "gc", "remove what nothing in the store needs any more",
    {.details = "Blobs and layers of images that were replaced or whose bundles are gone, and what "
                "interrupted pulls left.",
     .examples = "imagetool gc\n"});
