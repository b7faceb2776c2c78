// The commands of `imagetool`.  One file each; main.cc lists them in the order of --help.
#pragma once

#include "imagetool/imagetool.h"

extern const ImagetoolCommand pull_command;
extern const ImagetoolCommand bundle_command;
extern const ImagetoolCommand unbundle_command;
extern const ImagetoolCommand run_command;
extern const ImagetoolCommand images_command;
extern const ImagetoolCommand rm_command;
extern const ImagetoolCommand tag_command;
extern const ImagetoolCommand inspect_command;
extern const ImagetoolCommand check_command;
extern const ImagetoolCommand du_command;
extern const ImagetoolCommand prune_command;
extern const ImagetoolCommand gc_command;
