// What every command of `imagetool` is given: the global options, facts that main has read once, and where results go.
//
// Exit status, for scripts:
//    0  done
//    1  anything else: wrong usage, unknown image, image in use, damaged image, no rights…
//   69  a registry cannot be reached (EX_UNAVAILABLE)
//   75  a registry answered, and asks to come back later: 429, 5xx, a transfer that broke (EX_TEMPFAIL)
// `run` is like docker's: it ends with what the container ended with, or
//  125  it has not come to that, whatever the reason: one of the above, or the runtime could not make the container
//  126  the container's command cannot be executed
//  127  it is not there
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "imagetool/layers/layer.h"
#include "imagetool/registry/credentials.h"
#include "imagetool/rootless.h"
#include "imagetool/store/store.h"
#include "spec/base/cli.h"

struct Imagetool {
  std::string store_dir;  // as asked for, or the user's default; empty: there is no place for it
  bool debug = false;
  uid_t uid = 0;  // effective: 0 also as root of a user namespace
  gid_t gid = 0;
  rootless::Caller caller;
  rootless::Outside outside;
  Environment environment;             // what registry access depends on
  std::vector<std::string> variables;  // all of the environment, "NAME=value"
  std::string term;                    // $TERM
  cli::Out& out;
  Fd err = Fd(2);  // progress

  // Opens the store, and makes it where it is missing.
  [[nodiscard]] Result<Store> open_store() const;
  // What this process can do when it unpacks.
  [[nodiscard]] layer::Options unpacking() const;
};

using ImagetoolCommand = cli::Command<Imagetool>;
