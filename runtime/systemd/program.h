// The program that talks to systemd, as it was built: carried in our own binary, so that there is one file to install and none
// that somebody else could put in its place.
#pragma once

#include <string_view>

namespace systemd {

// An ELF file, whole.
std::string_view program();

}  // namespace systemd
