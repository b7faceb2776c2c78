#include "imagetool/store/catalog.h"

#include <algorithm>
#include <functional>

#include "imagetool/layers/sink.h"
#include "imagetool/limits.h"
#include "imagetool/registry/reference.h"
#include "imagetool/store/holders.h"
#include "spec/base/file.h"
#include "spec/base/sys.h"

namespace catalog {

namespace {

constexpr char kFullName[] = "io.containerd.image.name";
constexpr char kRefName[] = "org.opencontainers.image.ref.name";
constexpr char kIndex[] = "io.imagetool.index";
constexpr int kLockMs = 60'000;

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// annotations.md: ref ::= component ("/" component)*, component ::= alphanum (separator alphanum)*,
// separator ::= one of "-._:@+" or "--".  `fixed` gets every longer run of separators cut to its first character.
bool fits_grammar(std::string_view name, std::string& fixed) {
  constexpr std::string_view kSeparators = "-._:@+/";
  bool fits = !name.empty();
  fixed.clear();
  for (size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    if (is_alphanumeric(c)) {
      fixed.push_back(c);
      continue;
    }
    const bool separates = kSeparators.find(c) != std::string_view::npos;
    const bool after_text = !fixed.empty() && is_alphanumeric(fixed.back());
    const bool before_text = i + 1 < name.size() && is_alphanumeric(name[i + 1]);
    const bool double_dash =
        c == '-' && i + 2 < name.size() && name[i + 1] == '-' && is_alphanumeric(name[i + 2]);
    if (separates && after_text && (before_text || double_dash)) {
      fixed.push_back(c);
      if (double_dash) fixed.push_back(name[++i]);
      continue;
    }
    fits = false;
    if (after_text && i + 1 < name.size()) fixed.push_back(separates ? c : '.');
  }
  while (!fixed.empty() && !is_alphanumeric(fixed.back())) fixed.pop_back();
  return fits;
}

// The digest of the index an entry was chosen from, if the entry is still what was chosen.
oci::Digest index_of(const oci::Descriptor& entry) {
  const auto found = entry.annotations.find(kIndex);
  if (found == entry.annotations.end()) return {};
  const std::vector<std::string_view> parts = str::split(found->second, ' ');
  if (parts.size() != 2 || parts[1] != entry.digest.text()) return {};
  Result<oci::Digest> index = oci::Digest::parse(parts[0]);
  return index.ok() ? std::move(index).take() : oci::Digest();
}

std::string name_of(const oci::Descriptor& entry) {
  const auto ref = entry.annotations.find(kRefName);
  if (ref == entry.annotations.end()) return {};
  const auto full = entry.annotations.find(kFullName);
  const bool ours = full != entry.annotations.end() && ref_name(full->second) == ref->second;
  const std::string& name = ours ? full->second : ref->second;
  const Result<Reference> parsed = reference::parse(name);
  return parsed.ok() ? parsed.value().text() : name;
}

Result<oci::Index> load(const Store& store) {
  const std::string text = TRY(files::read(store.root(), "index.json", limits::kIndex).within("index.json"));
  return oci::parse_index(text, {}).within("store '", store.dir(), "': index.json");
}

// Whoever holds it is at one small file; only one that is stopped, or a disk that hangs, can be in the way for long.
Result<UniqueFd> lock_index(const Store& store) {
  UniqueFd lock = TRY(store.open_lock("index.lock"));
  Result<> locked = files::lock(lock, files::Lock::exclusive, kLockMs);
  if (locked.ok()) return lock;
  if (locked.error().kind != Kind::conflict) return locked.take_error();
  return Error(Kind::conflict, str::cat("index.json of store '", store.dir(), "' is being changed by ",
                                        holders::describe(lock), " for more than ", kLockMs / 1000, " s"));
}

Result<> change(const Store& store, const std::function<void(std::vector<oci::Descriptor>&)>& edit) {
  const UniqueFd lock = TRY(lock_index(store));
  oci::Index index = TRY(load(store));
  edit(index.manifests);
  return files::replace(store.root(), "index.json", oci::encode(index), 0644, files::Durable::yes)
      .within("store '", store.dir(), "': index.json");
}

}  // namespace

std::string ref_name(std::string_view name) {
  std::string fixed;
  if (fits_grammar(name, fixed)) return std::string(name);
  Hasher hasher("sha256");
  hasher.update(name);
  const Result<oci::Digest> digest = hasher.finish();
  assert(digest.ok());  // sha256 is always there
  if (fixed.empty()) fixed = "name";
  return str::cat(fixed, "-", digest.value().hex().substr(0, 8));
}

Entry interpret(const oci::Descriptor& entry) {
  return {.name = name_of(entry), .descriptor = entry, .index = index_of(entry)};
}

Result<std::vector<Entry>> read(const Store& store) {
  const oci::Index index = TRY(load(store));
  std::vector<Entry> entries;
  for (const oci::Descriptor& entry : index.manifests) entries.push_back(interpret(entry));
  return entries;
}

Result<> put(const Store& store, const std::string& name, const oci::Descriptor& manifest,
             const oci::Digest& index) {
  oci::Descriptor entry = manifest;
  entry.annotations[kFullName] = name;
  entry.annotations[kRefName] = ref_name(name);
  entry.annotations.erase(kIndex);
  if (!index.empty()) entry.annotations[kIndex] = str::cat(index.text(), " ", manifest.digest.text());
  return change(store, [&](std::vector<oci::Descriptor>& entries) {
    std::erase_if(entries, [&](const oci::Descriptor& other) { return name_of(other) == name; });
    entries.push_back(entry);
  });
}

Result<> remove(const Store& store, const std::vector<std::string>& names) {
  return change(store, [&](std::vector<oci::Descriptor>& entries) {
    std::erase_if(entries, [&](const oci::Descriptor& entry) {
      const std::string name = name_of(entry);
      return !name.empty() && std::ranges::find(names, name) != names.end();
    });
  });
}

Result<> remove_manifests(const Store& store, const std::set<oci::Digest>& manifests) {
  return change(store, [&](std::vector<oci::Descriptor>& entries) {
    std::erase_if(entries, [&](const oci::Descriptor& entry) { return manifests.contains(entry.digest); });
  });
}

}  // namespace catalog
