// Any bytes as config.json, state.json and the documents of an image: what is accepted survives encoding unchanged.
#include "spec/config.h"

#include <cstdlib>

#include "spec/image.h"
#include "spec/state.h"

template <class T, class Parse>
static void check(const Result<T>& first, Parse parse) {
  if (!first.ok()) return;
  const Result<T> again = parse(oci::encode(first.value()));
  if (!again.ok() || !(again.value() == first.value())) std::abort();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check(oci::parse_config(text), oci::parse_config);
  check(oci::parse_process(text), oci::parse_process);
  check(oci::parse_state(text), oci::parse_state);
  check(oci::parse_exec_defaults(text), oci::parse_exec_defaults);
  check(oci::parse_manifest(text, ""), [](const std::string& t) { return oci::parse_manifest(t, ""); });
  check(oci::parse_index(text, ""), [](const std::string& t) { return oci::parse_index(t, ""); });
  check(oci::parse_image_config(text), oci::parse_image_config);
  return 0;
}
