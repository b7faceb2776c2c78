#include "spec/inspection.h"

#include <algorithm>

#include "spec/rules.h"
#include "spec/tables.h"

namespace oci {

constexpr size_t kMostFindings = 1000;  // of each kind

// "linux.namespaces[1].type" → "linux"
static std::string section_of(std::string_view path) {
  return std::string(path.substr(0, path.find_first_of(".[")));
}

size_t path_length(std::string_view line) {
  size_t end = 0;
  while (end < line.size() && !line.substr(end).starts_with(": ")) {
    // A key that is no plain word may hold anything.
    const size_t key_end = line.substr(end).starts_with("['") ? line.find("']", end) : end;
    if (key_end == std::string_view::npos || line[end] == ' ') return 0;
    end = key_end == end ? end + 1 : key_end + 2;
  }
  if (end == line.size()) return 0;
  const std::string section = section_of(line.substr(0, end));
  for (const json::Row& row : json::table<Config>())
    if (row.name == section) return end;
  return 0;
}

// Whether `path` is `ancestor` or a part of it.
static bool is_within(std::string_view path, std::string_view ancestor) {
  if (!path.starts_with(ancestor)) return false;
  const std::string_view rest = path.substr(ancestor.size());
  return rest.empty() || rest.front() == '.' || rest.front() == '[';
}

// "linux.resources.memory.limit" → "linux.resources.memory", "mounts[1]" → "mounts"
static std::string_view parent_of(std::string_view path) {
  const size_t end = path.find_last_of(".[");
  return end == std::string_view::npos ? std::string_view() : path.substr(0, end);
}

// Objects and arrays whose members have little to do with each other.
static bool is_collection(std::string_view path) {
  constexpr std::string_view kCollections[] = {"",       "hooks",   "linux",       "linux.resources",
                                               "mounts", "process", "process.user"};
  return std::find(std::begin(kCollections), std::end(kCollections), path) != std::end(kCollections);
}

// Whether what is said of `path` may come of the mistake at `broken`.
static bool may_follow(std::string_view path, std::string_view broken) {
  if (path.empty()) return false;
  if (is_within(path, broken) || is_within(broken, path)) return true;
  // Properties of one object depend on each other: a source on its options, a swap on its limit...
  const std::string_view parent = parent_of(broken);
  if (!is_collection(parent) && is_within(path, parent)) return true;
  // ... and parts of the document on others.
  constexpr struct {
    std::string_view on, what;
  } kDependences[] = {
      {"linux.namespaces", "hostname"},
      {"linux.namespaces", "domainname"},
      {"linux.namespaces", "mounts"},
      {"linux.namespaces", "linux"},
      {"linux.namespaces", "process.user"},
      {"linux.uidMappings", "process.user"},
      {"linux.gidMappings", "process.user"},
      {"linux.uidMappings", "linux.gidMappings"},
      {"linux.uidMappings", "mounts"},
      {"linux.gidMappings", "mounts"},
      {"mounts", "linux.devices"},
      {"mounts", "process.args"},
      {"mounts", "root"},
      {"root", "process.args"},
      {"process.cwd", "process.args"},
      {"process.env", "process.args"},
  };
  return std::any_of(std::begin(kDependences), std::end(kDependences),
                     [&](const auto& d) { return is_within(broken, d.on) && is_within(path, d.what); });
}

Inspection::Inspection(std::string_view text, std::string name) : text_(text), name_(std::move(name)) {
  Result<json::Document> parsed = json::parse(text, {.name = name_});
  if (!parsed.ok()) {
    // "config.json:1:49: trailing comma before ']'": the place stands in front of the only mistake that is found.
    std::string_view message = parsed.error().message;
    json::Position at;
    if (message.starts_with(name_)) message.remove_prefix(name_.size());
    const std::vector<std::string_view> parts = str::split(message, ':');
    const auto line = parts.size() > 3 ? str::number<size_t>(parts[1]) : std::nullopt;
    const auto column = parts.size() > 3 ? str::number<size_t>(parts[2]) : std::nullopt;
    if (line && column) at = {*line, *column};
    if (line && column) message.remove_prefix(parts[1].size() + parts[2].size() + 3);
    found_.push_back({0, {Severity::error, at, "", std::string(str::trim(message))}});
    return;
  }
  document_ = std::move(parsed).take();
  json::Decoder decoder;
  decoder.most = kMostFindings;
  Config config = json::decode<Config>(decoder, document_->root());
  note_all(Severity::error, decoder.problems);
  if (decoder.more_problems > 0)
    note(Severity::error, text_.size(), "", str::cat("and ", decoder.more_problems, " more mistakes"));
  note_all(Severity::warning, decoder.warnings);
  if (!document_->root().is(json::Type::object)) return;
  for (const json::Problem& problem : decoder.problems) broken_.push_back(problem.path);
  config_ = std::move(config);
  const rules::Findings findings = rules::check(*config_);
  for (const json::Problem& problem : findings.problems) add(Severity::error, problem.path, problem.message);
  for (const json::Problem& warning : findings.warnings)
    add(Severity::warning, warning.path, warning.message);
  for (const json::Problem& problem : findings.problems)
    if (!is_collection(problem.path)) ruled_out_.push_back(problem.path);
}

void Inspection::note(Severity severity, size_t offset, std::string path, std::string message) {
  if (found_.size() < 3 * kMostFindings)
    found_.push_back({offset, {severity, {}, std::move(path), std::move(message)}});
}

void Inspection::note_all(Severity severity, const std::vector<json::Problem>& problems) {
  for (const json::Problem& problem : problems) note(severity, problem.offset, problem.path, problem.message);
}

void Inspection::add(Severity severity, std::string_view path, std::string message) {
  for (const std::string& broken : broken_)
    if (may_follow(path, broken)) return;
  for (const std::string& known : ruled_out_)
    if (is_within(path, known) || is_within(known, path)) return;
  const auto same = [&](const Found& f) { return f.finding.path == path && f.finding.message == message; };
  if (std::any_of(found_.begin(), found_.end(), same)) return;
  note(severity, document_ ? document_->nearest(path).offset() : 0, std::string(path), std::move(message));
}

void Inspection::add(const Error& error) {
  for (const std::string_view line : str::split(error.message, '\n')) {
    const size_t length = path_length(line);
    add(Severity::error, line.substr(0, length), std::string(line.substr(length ? length + 2 : 0)));
  }
}

std::vector<Finding> Inspection::findings() const {
  std::vector<Found> sorted = found_;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Found& a, const Found& b) { return a.offset < b.offset; });
  std::vector<Finding> findings;
  findings.reserve(sorted.size());
  // Each place is counted from the one before: one pass over the document, however many there are.
  size_t last = 0;
  json::Position at;
  for (Found& found : sorted) {
    if (document_) {
      const json::Position further = json::position(text_.substr(last), found.offset - last);
      at = {at.line + further.line - 1, further.line == 1 ? at.column + further.column - 1 : further.column};
      last = found.offset;
      found.finding.at = at;
    }
    findings.push_back(std::move(found.finding));
  }
  return findings;
}

}  // namespace oci
