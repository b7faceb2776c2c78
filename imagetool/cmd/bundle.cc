// imagetool bundle: an OCI runtime bundle from an image.
#include "imagetool/bundle/bundle.h"

#include "imagetool/cmd/bundle_options.h"
#include "imagetool/cmd/commands.h"
#include "imagetool/cmd/image_bundle.h"
#include "imagetool/cmd/pull_options.h"

namespace {

struct BundleArgs : PullOptions, BundleOptions {
  std::string image, dir;
  std::vector<std::string> arguments;
};

constexpr cli::Row<BundleArgs> bundle_operands[] = {
    cli::operand<&BundleArgs::image>("image", "a reference, an image id, or oci:DIR[:NAME]",
                                     cli::Complete::image),
    cli::operand<&BundleArgs::dir>("dir", "the directory to make", cli::Complete::directory),
    cli::rest<&BundleArgs::arguments>("arguments", "what to run instead of the image's default arguments"),
};

Result<int> bundle_run(const BundleArgs& args, Imagetool& tool) {
  const Machine machine = TRY(machines::probe(tool.caller, tool.variables));
  const Wishes wishes = TRY(options::understand(args, machine));
  const Store store = TRY(tool.open_store());
  const UniqueFd shared = TRY(store.share());  // nothing of the image goes away before the lease protects it
  const Image image = TRY(image_bundle::find_or_pull(store, args.image, args, tool));
  const bundles::Made made = TRY(bundles::make(store, image, wishes, machine,
                                               {.dir = args.dir,
                                                .image_name = image_bundle::familiar_name(image, args.image),
                                                .container = {},
                                                .arguments = args.arguments,
                                                .remover = {}}));
  image_bundle::warn(made);
  tool.out.line(made.dir);
  return 0;
}

}  // namespace

constexpr ImagetoolCommand bundle_command = cli::command<cli::join<kBundleOptions, pull_options>,
                                                         bundle_operands, bundle_run>(
    "bundle", "make a bundle that a container runtime can run",
    {.details =
         "Pulls the image if it is not there, makes the directory with a config.json and a root file system, "
         "and prints its\npath. The root file system is an overlay of the image's shared layers, which the "
         "runtime mounts for the container\nalone (runtime, runc, crun 1.22 and newer), or with "
         "--rootfs=copy a tree of its own that any runtime can run.\n\nThe defaults are docker's; the "
         "options "
         "are those of docker run. What stands behind DIR replaces the image's\ndefault arguments.",
     .examples = "imagetool bundle hello-world hello\n"
                 "imagetool bundle --tty --memory 512m debian shell -- /bin/bash\n"
                 "imagetool bundle --rootfs=copy --user 1000 -v ./data:/data python:3.12 app\n"});
