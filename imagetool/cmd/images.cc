// imagetool images: what is in the store.
#include <algorithm>

#include "imagetool/cmd/commands.h"
#include "imagetool/cmd/table.h"
#include "imagetool/progress.h"
#include "imagetool/registry/reference.h"
#include "imagetool/store/image.h"
#include "spec/base/clock.h"
#include "spec/json_writer.h"

namespace {

struct ImagesArgs {
  std::vector<std::string> names;
  bool json = false, quiet = false, no_trunc = false, digests = false;
};

constexpr cli::Row<ImagesArgs> images_options[] = {
    cli::flag<&ImagesArgs::json>(0, "json", "an array of objects with everything that is known"),
    cli::flag<&ImagesArgs::quiet>('q', "quiet", "image ids alone"),
    cli::flag<&ImagesArgs::no_trunc>(0, "no-trunc", "ids in full"),
    cli::flag<&ImagesArgs::digests>(0, "digests", "a column with the manifests' digests"),
};
constexpr cli::Row<ImagesArgs> images_operands[] = {
    cli::optional(
        cli::operand<&ImagesArgs::names>("name", "only images of this name, any tag", cli::Complete::image)),
};

// One line of the table: an image under one of its names.
struct Line {
  const Image* image;
  std::string name;  // in full; empty: none
  std::string repository = "<none>", tag = "<none>";
  std::string id;
};

Line make_line(const Image& image, const std::string& name, bool whole) {
  Line line{.image = &image, .name = name, .id = whole ? image.id().text() : image.id().short_id()};
  if (name.empty()) return line;
  const Result<Reference> parsed = reference::parse(name);
  if (!parsed.ok()) {
    line.repository = str::printable(name);  // another tool's name, which is no reference
    return line;
  }
  line.repository = parsed.value().familiar_name();
  if (!parsed.value().tag.empty()) line.tag = parsed.value().tag;
  return line;
}

bool is_wanted(const Line& line, const std::vector<std::string>& names) {
  if (names.empty()) return true;
  return std::ranges::any_of(names, [&](const std::string& name) {
    const Result<Reference> wanted = reference::parse(name);
    const Result<Reference> own = reference::parse(line.name);
    if (!wanted.ok() || !own.ok()) return line.name == name;
    const bool any_tag = !wanted.value().tag_given && wanted.value().digest.empty();
    return any_tag ? wanted.value().name() == own.value().name()
                   : wanted.value().text() == own.value().text();
  });
}

std::string created(const Image& image, clocks::Stamp now) {
  const auto stamp = clocks::parse(image.config.created.value_or(""));
  // Images that are built to be reproducible have the epoch, or nothing.
  if (!stamp || stamp->seconds <= 0) return "N/A";
  return clocks::ago(*stamp, now);
}

void print_table(const std::vector<Line>& lines, const ImagesArgs& args, cli::Out& out) {
  std::vector<std::vector<std::string>> rows = {{"REPOSITORY", "TAG"}};
  if (args.digests) rows[0].push_back("DIGEST");
  rows[0].insert(rows[0].end(), {"IMAGE ID", "CREATED", "SIZE"});
  const clocks::Stamp now = clocks::now();
  for (const Line& line : lines) {
    std::vector<std::string> row = {line.repository, line.tag};
    if (args.digests) row.push_back(line.image->digest().text());
    row.insert(row.end(), {line.id, created(*line.image, now), Progress::size(line.image->size())});
    rows.push_back(std::move(row));
  }
  table::print(rows, out);
}

void write_image(json::Writer& writer, const Image& image) {
  writer.begin_object();
  writer.key("names").begin_array();
  for (const std::string& name : image.names) writer.string(name);
  writer.end_array();
  writer.key("id").string(image.id().text());
  writer.key("digest").string(image.digest().text());
  if (!image.index.empty()) writer.key("index").string(image.index.text());
  writer.key("platform").string(image.platform().text());
  if (image.config.created) writer.key("created").string(*image.config.created);
  writer.key("size").number(image.size());
  writer.key("labels").begin_object();
  for (const auto& [key, value] : image.config.config.labels) writer.key(key).string(value);
  writer.end_object();
  writer.key("layers").begin_array();
  for (size_t i = 0; i < image.layers.size(); ++i) {
    writer.begin_object();
    writer.key("chainId").string(image.layers[i].chain_id.text());
    writer.key("digest").string(image.manifest.layers[i].digest.text());
    writer.key("size").number(image.manifest.layers[i].size);
    if (!image.layers[i].dir.empty()) writer.key("dir").string(image.layers[i].dir);
    writer.end_object();
  }
  writer.end_array();
  writer.end_object();
}

void print_json(const std::vector<Line>& lines, cli::Out& out) {
  json::Writer writer(json::Style::indented);
  writer.begin_array();
  const Image* last = nullptr;
  for (const Line& line : lines) {
    if (line.image != last) write_image(writer, *line.image);
    last = line.image;
  }
  writer.end_array();
  out.line(std::move(writer).take());
}

Result<int> images_run(const ImagesArgs& args, Imagetool& tool) {
  const Store store = TRY(tool.open_store());
  const UniqueFd hold = TRY(store.share());
  const std::vector<Image> images = TRY(images::all(store));
  std::vector<Line> lines;
  for (const Image& image : images) {
    for (const std::string& name : image.names) lines.push_back(make_line(image, name, args.no_trunc));
    if (image.names.empty()) lines.push_back(make_line(image, {}, args.no_trunc));
  }
  std::erase_if(lines, [&](const Line& line) { return !is_wanted(line, args.names); });
  if (args.json) {
    print_json(lines, tool.out);
  } else if (args.quiet) {
    std::vector<std::string> seen;
    for (const Line& line : lines) {
      if (std::ranges::find(seen, line.id) != seen.end()) continue;
      seen.push_back(line.id);
      tool.out.line(line.id);
    }
  } else {
    print_table(lines, args, tool.out);
  }
  return 0;
}

}  // namespace

constexpr ImagetoolCommand images_command = cli::command<images_options, images_operands, images_run>(
    "images", "list the images in the store",
    {.details = "SIZE is what the image takes in the registry and in the store's blobs. <none> is an image "
                "that has lost its\n"
                "name while a bundle uses it.",
     .examples = "imagetool images\nimagetool images --json hello-world\n"});
