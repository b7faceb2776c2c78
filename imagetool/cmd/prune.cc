// imagetool prune, gc: what nothing needs any more goes away.
#include "imagetool/cmd/commands.h"
#include "imagetool/cmd/freed.h"
#include "imagetool/progress.h"
#include "imagetool/registry/reference.h"
#include "imagetool/store/gc.h"
#include "spec/json_writer.h"

namespace freed {

void print(const gc::Freed& freed, cli::Out& out) {
  for (const oci::Digest& blob : freed.blobs) out.line("Deleted: ", blob.text());
  for (const oci::Digest& chain : freed.chain_ids) out.line("Deleted: layer ", chain.text());
}

}  // namespace freed

namespace {

struct SweepArgs {
  uint32_t wait = 60;
  bool dry_run = false, json = false;
};

constexpr cli::Row<SweepArgs> sweep_options[] = {
    cli::option<&SweepArgs::wait>(0, "wait", "SECONDS",
                                  "how long to wait for others to finish with the store (60)"),
    cli::flag<&SweepArgs::dry_run>(0, "dry-run", "only say what would go"),
    cli::flag<&SweepArgs::json>(0, "json", "one object, sizes in bytes"),
};

struct PruneArgs : SweepArgs {
  bool all = false;
};

constexpr cli::Row<PruneArgs> prune_options[] = {
    cli::flag<&PruneArgs::all>('a', "all", "also images that have a name"),
};

Result<gc::Options> options_of(const SweepArgs& args, gc::LeftOvers left_overs) {
  constexpr uint32_t kMostSeconds = 24 * 60 * 60;
  if (args.wait > kMostSeconds) return Error(Kind::invalid, "--wait: more than a day is too long");
  return gc::Options{
      .wait_ms = static_cast<int>(args.wait * 1000), .left_overs = left_overs, .dry_run = args.dry_run};
}

void digests(json::Writer& writer, std::string_view key, const std::vector<oci::Digest>& list) {
  writer.key(key).begin_array();
  for (const oci::Digest& digest : list) writer.string(digest.text());
  writer.end_array();
}

std::string as_json(const gc::Pruned& pruned, bool dry_run) {
  json::Writer writer(json::Style::indented);
  writer.begin_object();
  writer.key("names").begin_array();
  for (const std::string& name : pruned.names) writer.string(name);
  writer.end_array();
  digests(writer, "images", pruned.images);
  digests(writer, "blobs", pruned.freed.blobs);
  digests(writer, "layers", pruned.freed.chain_ids);
  writer.key("leftOvers").number(pruned.freed.left_overs);
  writer.key("bytes").number(pruned.freed.bytes).key("dryRun").boolean(dry_run);
  writer.end_object();
  return std::move(writer).take();
}

void report(const gc::Pruned& pruned, const SweepArgs& args, cli::Out& out) {
  if (args.json) {
    out.line(as_json(pruned, args.dry_run));
    return;
  }
  for (const std::string& name : pruned.names) out.line("Untagged: ", reference::familiar(name));
  const gc::Freed& freed = pruned.freed;
  freed::print(freed, out);
  out.line(args.dry_run ? "Would free: " : "Freed: ", Progress::size(freed.bytes), " (", freed.blobs.size(),
           " blobs, ", freed.chain_ids.size(), " unpacked layers, ", freed.left_overs,
           " left by interrupted pulls)");
}

Result<int> prune_run(const PruneArgs& args, Imagetool& tool) {
  const gc::Options options = TRY(options_of(args, gc::LeftOvers::stay_for_a_time));
  const Store store = TRY(tool.open_store());
  const gc::Which which = args.all ? gc::Which::all : gc::Which::nameless;
  report(TRY(gc::prune(store, which, options)), args, tool.out);
  return 0;
}

Result<int> gc_run(const SweepArgs& args, Imagetool& tool) {
  const gc::Options options = TRY(options_of(args, gc::LeftOvers::go));
  const Store store = TRY(tool.open_store());
  const gc::Freed freed = TRY(gc::sweep(store, options));
  report({.names = {}, .images = {}, .freed = freed}, args, tool.out);
  return 0;
}

}  // namespace

constexpr ImagetoolCommand prune_command =
    cli::command<cli::join<prune_options, sweep_options>, cli::none, prune_run>(
        "prune", "remove images that no bundle uses",
        {.details =
             "Images without a name, with --all every image, but for those that a bundle uses; then the "
             "blobs and layers that nothing else needs. Asks nothing: --dry-run tells beforehand. What "
             "interrupted pulls left stays for a time, since the next one goes on from there; `gc` removes "
             "that too.\n\n"
             "--json: {names, images: [digest], blobs: [digest], layers: [chain id], leftOvers, bytes, "
             "dryRun}; bytes are those that are free on the disk afterwards.",
         .examples = "imagetool prune\nimagetool prune --all --dry-run\n"});

constexpr ImagetoolCommand gc_command = cli::command<sweep_options, cli::none, gc_run>(
    "gc", "remove what nothing in the store needs any more",
    {.details = "Blobs and layers of images that were replaced or whose bundles are gone, and what "
                "interrupted pulls left, partial downloads too. --json as for `prune`.",
     .examples = "imagetool gc\nimagetool gc --dry-run\n"});
