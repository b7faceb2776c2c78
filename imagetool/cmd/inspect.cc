// imagetool inspect: the documents of an image in the store.
#include "imagetool/cmd/commands.h"
#include "imagetool/limits.h"
#include "imagetool/store/image.h"
#include "spec/base/sys.h"
#include "spec/json_writer.h"

namespace {

struct InspectArgs {
  std::string image;
  bool config = false, manifest = false, index = false;
};

constexpr cli::Row<InspectArgs> inspect_options[] = {
    cli::flag<&InspectArgs::config>(0, "config", "the image config, byte for byte"),
    cli::flag<&InspectArgs::manifest>(0, "manifest", "the manifest, byte for byte"),
    cli::hidden(cli::flag<&InspectArgs::manifest>(0, "raw", "the manifest, byte for byte")),
    cli::flag<&InspectArgs::index>(0, "index", "the index it was chosen from, byte for byte"),
};
constexpr cli::Row<InspectArgs> inspect_operands[] = {
    cli::operand<&InspectArgs::image>("image", "name or id", cli::Complete::image),
};

void strings(json::Writer& writer, std::string_view key, const std::vector<std::string>& texts) {
  writer.key(key).begin_array();
  for (const std::string& text : texts) writer.string(text);
  writer.end_array();
}

void write_process(json::Writer& writer, const oci::ImageProcess& process) {
  writer.key("config").begin_object();
  if (process.user) writer.key("user").string(*process.user);
  if (process.entrypoint) strings(writer, "entrypoint", *process.entrypoint);
  if (process.cmd) strings(writer, "cmd", *process.cmd);
  if (process.working_dir) writer.key("workingDir").string(*process.working_dir);
  if (process.stop_signal) writer.key("stopSignal").string(*process.stop_signal);
  strings(writer, "env", process.env);
  strings(writer, "exposedPorts", process.exposed_ports);
  strings(writer, "volumes", process.volumes);
  writer.key("labels").begin_object();
  for (const auto& [key, value] : process.labels) writer.key(key).string(value);
  writer.end_object();
  writer.end_object();
}

std::string summary(const Image& image) {
  json::Writer writer(json::Style::indented);
  writer.begin_object();
  strings(writer, "names", image.names);
  writer.key("id").string(image.id().text());
  writer.key("digest").string(image.digest().text());
  if (!image.index.empty()) writer.key("index").string(image.index.text());
  writer.key("platform").string(image.platform().text());
  if (image.config.created) writer.key("created").string(*image.config.created);
  if (image.config.author) writer.key("author").string(*image.config.author);
  writer.key("size").number(image.size());
  write_process(writer, image.config.config);
  writer.key("layers").begin_array();
  for (const oci::Descriptor& layer : image.manifest.layers) writer.string(layer.digest.text());
  writer.end_array();
  writer.key("lowerDirs").begin_array();
  if (image.unpacked())
    for (const std::string& dir : image.lower_dirs()) writer.string(dir);
  writer.end_array();
  writer.end_object();
  return std::move(writer).take();
}

Result<std::string> index_text(const Store& store, const Image& image, std::string_view name) {
  if (image.index.empty())
    return Error(Kind::not_found,
                 str::cat("image '", name, "' did not come from an index: it was made for one platform"));
  const UniqueFd file = TRY(store.open_blob(image.index));
  const struct stat st = TRY(sys::fstat(file));
  oci::Descriptor descriptor;
  descriptor.digest = image.index;
  descriptor.size = static_cast<uint64_t>(st.st_size);
  return store.read_blob(descriptor, limits::kManifest);
}

Result<int> inspect_run(const InspectArgs& args, Imagetool& tool) {
  if (args.config + args.manifest + args.index > 1)
    return Error(Kind::invalid, "only one of --config, --manifest and --index can be shown");
  const Store store = TRY(tool.open_store());
  const UniqueFd hold = TRY(store.share());
  const Image image = TRY(images::find(store, args.image));
  if (args.config)
    tool.out.print(TRY(store.read_blob(image.manifest.config, limits::kImageConfig)));
  else if (args.manifest)
    tool.out.print(TRY(store.read_blob(image.descriptor, limits::kManifest)));
  else if (args.index)
    tool.out.print(TRY(index_text(store, image, args.image)));
  else
    tool.out.line(summary(image));
  return 0;
}

}  // namespace

constexpr ImagetoolCommand inspect_command = cli::command<inspect_options, inspect_operands, inspect_run>(
    "inspect", "show what an image in the store is",
    {.details = "A summary as JSON; or one of the image's documents exactly as it was pulled, to which its "
                "digest belongs.",
     .examples = "imagetool inspect hello-world\nimagetool inspect --config hello-world\n"});
