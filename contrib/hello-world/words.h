// What hello-world says.
#pragma once

#include <string>
#include <string_view>

#include "spec/base/text.h"

namespace hello {

inline std::string words(std::string_view architecture) {
  return str::cat(
      "Hello! These lines were written inside a container.\n"
      "\n"
      "What has just happened, step by step:\n"
      "  1. imagetool looked up the image \"hello-world\", chose the one for this processor\n"
      "     (",
      architecture,
      "), and checked every byte of it against its digest.\n"
      "  2. imagetool unpacked the image and made a bundle of it: a directory with the\n"
      "     file system of the container, and a config.json that says how to run it.\n"
      "  3. runtime read config.json and created the container: its own processes,\n"
      "     mounts, network, host name and IPC, fenced off in namespaces.\n"
      "  4. runtime started /hello, the only program in here. It wrote what you are\n"
      "     reading, and has ended by now.\n"
      "\n"
      "What to try next:\n"
      "  runtime list                                what ran, and how it ended\n"
      "  imagetool images                            the images on this machine\n"
      "  imagetool run --name hello2 hello-world     once more, and quicker: the image is here\n"
      "  runtime delete hello hello2                 forget both containers\n"
      "  imagetool rm hello-world                    give the disk space back\n");
}

}  // namespace hello
