// linux.intelRdt (config-linux.md, "IntelRdt"): the resctrl group that the container's processes are to be in, and what is
// written there.  Whether the group exists already decides the rest, and that is seen when it is done.
#pragma once

#include <string>
#include <vector>

#include "spec/config.h"

namespace plan {

struct RdtLine {
  std::string path;       // of the property, for messages
  std::string text;       // one line of `schemata`
  bool compared = false;  // in a group that exists it has to be there already
};

struct IntelRdt {
  bool wanted = false;
  std::string group;              // beneath resctrl's mount; empty: its root
  bool own = false;               // named after the container: removed with it
  std::vector<RdtLine> schemata;  // in the order of writing
  std::string monitor;            // name of a group beneath mon_groups; empty: none
};

IntelRdt make_intel_rdt(const oci::Config& config, const std::string& id);

// Whether each domain of `line` ("L3:0=7f0;1=1f") has its value in `schemata`, the text of such a file.
bool holds(const std::string& schemata, const std::string& line);

}  // namespace plan
