// imagetool du: what takes how much of the disk.
#include <algorithm>

#include "imagetool/cmd/commands.h"
#include "imagetool/cmd/table.h"
#include "imagetool/progress.h"
#include "imagetool/registry/reference.h"
#include "imagetool/store/usage.h"
#include "spec/json_writer.h"

namespace {

struct DuArgs {
  bool json = false, no_trunc = false;
};

constexpr cli::Row<DuArgs> du_options[] = {
    cli::flag<&DuArgs::json>(0, "json", "one object, sizes in bytes"),
    cli::flag<&DuArgs::no_trunc>(0, "no-trunc", "ids in full"),
};

std::string id(const oci::Digest& digest, const DuArgs& args) {
  return args.no_trunc ? digest.text() : digest.short_id();
}

std::string called(const Image& image) {
  if (image.names.empty()) return "<none>";
  std::vector<std::string> names;
  for (const std::string& name : image.names) names.push_back(reference::familiar(name));
  return str::join(names, ", ");
}

void print_images(const usage::Report& report, const DuArgs& args, cli::Out& out) {
  std::vector<std::vector<std::string>> rows = {{"IMAGE", "IMAGE ID", "OWN", "SHARED", "BUNDLES"}};
  for (const usage::ImageUse& use : report.images)
    rows.push_back({called(use.image), id(use.image.id(), args), Progress::size(use.own),
                    Progress::size(use.shared), str::cat(use.bundles.size())});
  table::print(rows, out);
}

void print_layers(const usage::Report& report, const DuArgs& args, cli::Out& out) {
  std::vector<std::vector<std::string>> rows = {
      {"LAYER", "BLOB", "BLOB SIZE", "UNPACKED", "IMAGES", "BUNDLES"}};
  for (const usage::LayerUse& use : report.layers)
    rows.push_back({id(use.chain_id, args), id(use.digest, args), Progress::size(use.blob),
                    Progress::size(use.unpacked), str::cat(use.images), str::cat(use.bundles)});
  table::print(rows, out);
}

void print_bundles(const usage::Report& report, cli::Out& out) {
  std::vector<std::vector<std::string>> rows = {{"BUNDLE", "CONTAINER", "IMAGE", "OWN", "SHARED"}};
  for (const usage::BundleUse& use : report.bundles)
    rows.push_back({str::printable(use.dir), use.container.empty() ? "-" : str::printable(use.container),
                    str::printable(use.image), Progress::size(use.own), Progress::size(use.shared)});
  table::print(rows, out);
}

void print_totals(const usage::Totals& totals, cli::Out& out) {
  table::print({{"THE STORE", "SIZE"},
                {"blobs", Progress::size(totals.blobs)},
                {"unpacked layers", Progress::size(totals.layers)},
                {"bundles in it", Progress::size(totals.bundles)},
                {"left over", Progress::size(totals.left_over)},
                {"other", Progress::size(totals.other)},
                {"all", Progress::size(totals.all)}},
               out);
}

void write_image(json::Writer& writer, const usage::ImageUse& use) {
  writer.begin_object();
  writer.key("names").begin_array();
  for (const std::string& name : use.image.names) writer.string(name);
  writer.end_array();
  writer.key("id").string(use.image.id().text());
  writer.key("digest").string(use.image.digest().text());
  writer.key("own").number(use.own).key("shared").number(use.shared);
  writer.key("bundles").begin_array();
  for (const std::string& bundle : use.bundles) writer.string(bundle);
  writer.end_array();
  writer.end_object();
}

std::string as_json(const usage::Report& report) {
  json::Writer writer(json::Style::indented);
  writer.begin_object();
  writer.key("images").begin_array();
  for (const usage::ImageUse& use : report.images) write_image(writer, use);
  writer.end_array();
  writer.key("layers").begin_array();
  for (const usage::LayerUse& use : report.layers) {
    writer.begin_object();
    writer.key("chainId").string(use.chain_id.text()).key("digest").string(use.digest.text());
    writer.key("blob").number(use.blob).key("unpacked").number(use.unpacked);
    writer.key("images").number(use.images).key("bundles").number(use.bundles);
    writer.end_object();
  }
  writer.end_array();
  writer.key("bundles").begin_array();
  for (const usage::BundleUse& use : report.bundles) {
    writer.begin_object();
    writer.key("dir").string(use.dir).key("container").string(use.container).key("image").string(use.image);
    writer.key("own").number(use.own).key("shared").number(use.shared).key("inStore").boolean(use.inside);
    writer.end_object();
  }
  writer.end_array();
  writer.key("store").begin_object();
  const usage::Totals& totals = report.totals;
  writer.key("blobs").number(totals.blobs).key("layers").number(totals.layers);
  writer.key("bundles").number(totals.bundles).key("leftOver").number(totals.left_over);
  writer.key("other").number(totals.other).key("all").number(totals.all);
  writer.end_object();
  writer.end_object();
  return std::move(writer).take();
}

Result<int> du_run(const DuArgs& args, Imagetool& tool) {
  const Store store = TRY(tool.open_store());
  const UniqueFd hold = TRY(store.share());
  const usage::Report report = TRY(usage::measure(store));
  if (args.json) {
    tool.out.line(as_json(report));
    return 0;
  }
  print_images(report, args, tool.out);
  tool.out.line();
  print_layers(report, args, tool.out);
  if (!report.bundles.empty()) {
    tool.out.line();
    print_bundles(report, tool.out);
  }
  tool.out.line();
  print_totals(report.totals, tool.out);
  return 0;
}

}  // namespace

constexpr ImagetoolCommand du_command = cli::command<du_options, cli::none, du_run>(
    "du", "show what images, layers and bundles take on the disk",
    {.details =
         "Sizes are blocks on the disk, as du(1) counts them; a file with several names counts once. OWN is "
         "what no other image needs: what `rm` gives back. SHARED is needed by others as well, so it must "
         "not be added up. A bundle's OWN is what its container has written, its SHARED the layers below "
         "that. Left over is what `gc` removes, and what pulls under way have got; 'all' is what `du -s` "
         "says of the store. Blocks that files share by reflinks count for each.\n\n"
         "--json: {images: [{names, id, digest, own, shared, bundles: [dir]}], layers: [{chainId, digest, "
         "blob, unpacked, images, bundles}], bundles: [{dir, container, image, own, shared, inStore}], "
         "store: {blobs, layers, bundles, leftOver, other, all}}; in layers, images and bundles are how "
         "many.",
     .examples = "imagetool du\nimagetool du --json\n"});
