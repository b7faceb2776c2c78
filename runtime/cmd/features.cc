// runtime features: what this program can do, for engines (features.md).
#include "runtime/plan/features.h"

#include <seccomp.h>

#include "runtime/cmd/commands.h"
#include "runtime/concerns/seccomp.h"
#include "version.h"

namespace {

struct FeaturesArgs {};

std::string libseccomp_version() {
  const scmp_version* version = ::seccomp_version();
  return version ? str::cat(version->major, ".", version->minor, ".", version->micro)
                 : std::string("unknown");
}

Result<int> features_run(const FeaturesArgs& /*none*/, Runtime& rt) {
  oci::Features features = plan::make_features(seccomp::knows_flag);
  // The keys that engines look for, and in their manner our own.
  features.annotations = {{"io.github.seccomp.libseccomp.version", libseccomp_version()},
                          {"org.opencontainers.runc.checkpoint.enabled", "false"},
                          {"run.oci.runtime.commit", PROJECT_COMMIT},
                          {"run.oci.runtime.version", PROJECT_VERSION}};
  rt.out.line(oci::encode(features));
  return 0;
}

}  // namespace

constexpr RuntimeCommand features_command = cli::command<cli::none, cli::none, features_run>(
    "features", "print what this program can do, as JSON",
    {.details = "The features document of the OCI runtime specification. What the host lacks does not matter "
                "to it."});
