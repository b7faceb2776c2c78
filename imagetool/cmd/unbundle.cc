// imagetool unbundle: removes bundles, and what they kept of their images.
#include "imagetool/bundle/bundle.h"
#include "imagetool/cmd/commands.h"
#include "imagetool/limits.h"
#include "spec/base/file.h"
#include "spec/base/log.h"
#include "spec/json.h"

namespace {

struct UnbundleArgs {
  std::vector<std::string> dirs;
  bool hook = false;
};

constexpr cli::Row<UnbundleArgs> unbundle_options[] = {
    cli::hidden(cli::flag<&UnbundleArgs::hook>(
        0, "hook",
        "called by a runtime: remove the bundle only if it is that of the state on standard input")),
};
constexpr cli::Row<UnbundleArgs> unbundle_operands[] = {
    cli::operand<&UnbundleArgs::dirs>("dir", "directories that `imagetool bundle` made",
                                      cli::Complete::directory),
};

// Whether the container whose state a runtime has written to our standard input ran from `dir`.  A config.json may have
// been copied: then its poststop hook names a bundle that is somebody else's.
Result<bool> is_its_bundle(const std::string& state, const std::string& dir) {
  const json::Document document =
      TRY(json::parse(state, {.name = "state on standard input", .bytes = limits::kStateDocument}));
  return document.root().find_string("bundle") == std::string_view(dir);
}

Result<> remove(const std::string& dir, const Imagetool& tool) {
  const std::string place = TRY(bundles::store_of(dir));
  const Store store = TRY(place.empty() ? tool.open_store() : Store::open(place));
  return bundles::remove(store, dir);
}

Result<int> run_as_hook(const UnbundleArgs& args, const Imagetool& tool) {
  const std::string state =
      TRY(files::read(Fd(0), limits::kStateDocument).within("reading the container's state"));
  for (const std::string& dir : args.dirs) {
    if (!TRY(is_its_bundle(state, dir))) {
      logs::debug("bundle '", dir, "' is not that of this container: it stays");
      continue;
    }
    Result<> removed = remove(dir, tool);
    if (!removed.ok() && removed.error().kind != Kind::not_found) return removed.take_error();
  }
  return 0;
}

Result<int> unbundle_run(const UnbundleArgs& args, Imagetool& tool) {
  if (args.hook) return run_as_hook(args, tool);
  int failed = 0;
  for (const std::string& dir : args.dirs) {
    const Result<> removed = remove(dir, tool);
    if (removed.ok()) continue;
    logs::error(removed.error());  // one bad name does not stop the rest
    failed = 1;
  }
  return failed;
}

}  // namespace

constexpr ImagetoolCommand unbundle_command = cli::command<unbundle_options, unbundle_operands, unbundle_run>(
    "unbundle", "remove bundles",
    {.details = "Removes directories that `imagetool bundle` has made, with all that their containers have "
                "written, and "
                "gives the\nimages free that they used. Nothing else is removed, and no link is followed.",
     .examples = "imagetool unbundle hello\n"});
