// The field tables that several files of spec/ need.  Each is defined once (linux.cc, linux_resources.cc, config.cc), which keeps the
// templates behind it out of the other object files.
#pragma once

#include "spec/config.h"
#include "spec/schema.h"

namespace json {

template <>
Table table<oci::IdMapping>();
template <>
Table table<oci::Linux>();
template <>
Table table<oci::Resources>();
template <>
Table table<oci::Seccomp>();
template <>
Table table<oci::MemoryPolicy>();
template <>
Table table<oci::Personality>();
template <>
Table table<oci::Config>();
template <>
Table table<oci::Process>();
template <>
Table table<oci::Hooks>();

template <>
struct Names<oci::NamespaceType> {
  static constexpr const auto& table = oci::kNamespaceTypes;
};

}  // namespace json
