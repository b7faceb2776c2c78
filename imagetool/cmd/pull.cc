// imagetool pull: an image from a registry or a layout into the store.
#include <memory>

#include "imagetool/cmd/commands.h"
#include "imagetool/cmd/pull_options.h"
#include "imagetool/unpack.h"
#include "spec/base/log.h"

Result<Store> Imagetool::open_store() const {
  if (store_dir.empty())
    return Error(Kind::invalid,
                 "there is no place for the store: set HOME or XDG_DATA_HOME, or give --store DIR");
  return Store::open(store_dir);
}

layer::Options Imagetool::unpacking() const { return unpack::options_for(uid, gid, caller.more_ids); }

Result<PullSession> PullSession::make(const PullOptions& args, const Imagetool& tool) {
  const Progress::Style style =
      args.quiet ? Progress::Style::none : TRY(Progress::style(args.progress, tool.err, tool.term));
  if (args.connect_timeout == 0) return Error(Kind::invalid, "--connect-timeout: 0 seconds are too few");
  if (args.stall_timeout == 0) return Error(Kind::invalid, "--stall-timeout: 0 seconds are too few");
  if (args.max_ratio == 0) return Error(Kind::invalid, "--max-ratio: 0 times its size is nothing");
  auto progress = std::make_unique<Progress>(style, tool.err);
  pulls::Options options{.platform = args.platform,
                         .registry = {.environment = tool.environment,
                                      .credentials = {.auth_file = args.authfile, .given = args.creds},
                                      .cert_dir = args.cert_dir,
                                      .tls_verify = args.tls_verify,
                                      .plain_http = args.plain_http,
                                      .connect_timeout_s = args.connect_timeout,
                                      .stall_timeout_s = args.stall_timeout,
                                      .tries = args.retries + 1},
                         .progress = progress.get(),
                         .unpacking = tool.unpacking()};
  options.unpacking.max_ratio = args.max_ratio;
  return PullSession(std::move(progress), std::move(options));
}

namespace {

struct PullArgs : PullOptions {
  std::vector<std::string> images;
  std::string name;
};

constexpr cli::Row<PullArgs> own_options[] = {
    cli::option<&PullArgs::name>(0, "name", "NAME", "keep it under this name"),
};
constexpr cli::Row<PullArgs> pull_operands[] = {
    cli::operand<&PullArgs::images>("image", "a reference, or oci:DIR[:NAME] for an OCI image layout",
                                    cli::Complete::image),
};

Result<int> pull_run(const PullArgs& args, Imagetool& tool) {
  if (!args.name.empty() && args.images.size() > 1)
    return Error(Kind::invalid, "--name: it can be the name of one image only; pull them one by one");
  const Store store = TRY(tool.open_store());
  PullSession session = TRY(PullSession::make(args, tool));
  pulls::Options options = session.options();
  options.name = args.name;
  const std::vector<Result<pulls::Pulled>> all = pulls::pull(store, args.images, options);
  session.finish();
  // The first failure is what the command ends with; those after it are told here.
  const Error* failure = nullptr;
  for (const Result<pulls::Pulled>& pulled : all) {
    if (pulled.ok())
      tool.out.line(pulled.value().image.digest().text());
    else if (failure)
      logs::error(pulled.error());
    else
      failure = &pulled.error();
  }
  if (failure) return *failure;
  return 0;
}

}  // namespace

constexpr ImagetoolCommand pull_command =
    cli::command<cli::join<pull_options, own_options>, pull_operands, pull_run>(
        "pull", "bring images into the store",
        {.details =
             "Fetches what is missing, checks every digest, unpacks the layers while they arrive, and prints "
             "the digest of\n"
             "each image's manifest. An image that is there is only compared with what its tag means now. "
             "A pull that\n"
             "was interrupted, in whatever way, goes on where it stopped; one image that fails does not stop "
             "the others.",
         .examples = "imagetool pull hello-world\n"
                     "imagetool pull debian:12 python:3.13 node\n"
                     "imagetool pull --platform linux/arm64 quay.io/org/app:1.2\n"
                     "imagetool pull --name hello-world oci:build/share/hello-world\n"});
