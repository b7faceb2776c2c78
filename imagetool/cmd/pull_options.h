// The options of every command that may have to pull: pull, bundle, run.
#pragma once

#include <string>

#include "imagetool/imagetool.h"
#include "imagetool/limits.h"
#include "imagetool/progress.h"
#include "imagetool/pull.h"
#include "spec/base/cli.h"

struct PullOptions {
  std::string platform, creds, authfile, cert_dir;
  std::string progress = "auto";
  bool quiet = false, tls_verify = true, plain_http = false;
  uint16_t connect_timeout = 30, stall_timeout = 30, retries = 4;
  uint32_t max_ratio = limits::kRatio;
};

inline constexpr cli::Row<PullOptions> pull_options[] = {
    cli::option<&PullOptions::platform>(0, "platform", "OS/ARCH[/VARIANT]",
                                        "the image for another platform than this machine's"),
    cli::flag<&PullOptions::quiet>('q', "quiet", "no progress; the same as --progress=none"),
    cli::option<&PullOptions::progress>(0, "progress", "HOW",
                                        "auto, bar, plain, json or none, on standard error"),
    cli::option<&PullOptions::connect_timeout>(0, "connect-timeout", "SECONDS",
                                               "how long to try to reach the registry (30)"),
    cli::option<&PullOptions::stall_timeout>(
        0, "stall-timeout", "SECONDS", "how long a transfer may stand still before it counts as broken (30)"),
    cli::option<&PullOptions::retries>(0, "retries", "N",
                                       "how often a request is tried again after trouble that may pass (4)"),
    cli::option<&PullOptions::max_ratio>(
        0, "max-ratio", "N",
        "how many times its compressed size a layer may take on the disk, behind its first GiB (200)"),
    cli::option<&PullOptions::creds>(0, "creds", "USER:PASSWORD", "credentials for the registry"),
    cli::option<&PullOptions::authfile>(
        0, "authfile", "FILE", "where credentials are looked for (what podman and docker login wrote)",
        cli::Complete::file),
    cli::option<&PullOptions::cert_dir>(0, "cert-dir", "DIR",
                                        "certificates (*.crt) and client keys for the registry",
                                        cli::Complete::directory),
    cli::flag<&PullOptions::tls_verify>(
        0, "tls-verify", "check the registry's certificate; --tls-verify=false takes plain HTTP as well"),
    cli::flag<&PullOptions::plain_http>(0, "plain-http", "speak HTTP without TLS to the registry"),
};

// The options as pulls:: wants them, and the progress they ask for, which ends with this.
class PullSession {
 public:
  // Kind::invalid for a progress that does not exist.
  static Result<PullSession> make(const PullOptions& args, const Imagetool& tool);
  [[nodiscard]] const pulls::Options& options() const { return options_; }
  // To be called before anything else is written to standard error.
  void finish() { progress_->finish(); }

 private:
  PullSession(std::unique_ptr<Progress> progress, pulls::Options options)
      : progress_(std::move(progress)), options_(std::move(options)) {}
  std::unique_ptr<Progress> progress_;
  pulls::Options options_;
};
