// For documents: what was accepted survives encoding unchanged, and what was refused is explained.
#pragma once

#include "tests/fuzz/support/input.h"

namespace fuzz {

template <class T, class Parse>
void round_trip(const Result<T>& first, Parse parse) {
  if (!first.ok()) {
    must_be_sentence(first.error(), false);
    return;
  }
  const std::string written = oci::encode(first.value());
  const Result<T> again = parse(written);
  must(again.ok(), "what was written is accepted", again.ok() ? written : again.error().message);
  must(again.value() == first.value(), "what was written says the same", written);
}

}  // namespace fuzz
