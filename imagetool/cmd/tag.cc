// imagetool tag: another name for an image.
#include "imagetool/cmd/commands.h"
#include "imagetool/registry/reference.h"
#include "imagetool/store/catalog.h"
#include "imagetool/store/image.h"

namespace {

struct TagArgs {
  std::string image, name;
};

constexpr cli::Row<TagArgs> tag_operands[] = {
    cli::operand<&TagArgs::image>("image", "name or id", cli::Complete::image),
    cli::operand<&TagArgs::name>("new-name", "the name it gets as well"),
};

Result<int> tag_run(const TagArgs& args, Imagetool& tool) {
  const Reference name = TRY(reference::parse(args.name));
  if (!name.digest.empty())
    return Error(Kind::invalid, str::cat("'", args.name, "': a digest cannot be given as a name"));
  const Store store = TRY(tool.open_store());
  const UniqueFd hold = TRY(store.share());
  const Image image = TRY(images::find(store, args.image));
  TRY(catalog::put(store, name.text(), image.descriptor, image.index));
  return 0;
}

}  // namespace

constexpr ImagetoolCommand tag_command = cli::command<cli::none, tag_operands, tag_run>(
    "tag", "give an image another name",
    {.details = "A name that meant another image means this one from now on.",
     .examples = "imagetool tag hello-world greeter:1\n"});
