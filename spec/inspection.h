// A config.json looked at as a whole, for `validate`: every mistake and every oddity with its place, whatever found it —
// the syntax, the field tables, the rules across fields, or a check of the caller's own.
//
// `create` goes through check_config() and stops where there is a mistake; the tables and rules are the same.  Here the
// later stages run even if an earlier one found something, and no errors about errors come of it: what a later stage says
// of a value that the field tables refused, or of what depends on one, is dropped.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "spec/config.h"
#include "spec/json.h"
#include "spec/schema.h"

namespace oci {

enum class Severity { error, warning, note };  // a note asks for nothing

struct Finding {
  Severity severity = Severity::error;
  json::Position at;
  std::string path;  // "linux.namespaces[1].type"; empty: the document
  std::string message;
};

class Inspection {
 public:
  // `text` must outlive it; `name` stands for the document in messages.
  Inspection(std::string_view text, std::string name);

  // nullopt where there is no JSON object.  Parts with mistakes have their defaults.
  [[nodiscard]] const std::optional<Config>& config() const { return config_; }
  // Adds what a later check has found, unless its part of the document is known to be wrong.
  void add(Severity severity, std::string_view path, std::string message);
  // The same for an Error of several lines, each "path: message".
  void add(const Error& error);
  // In the order of the document.
  [[nodiscard]] std::vector<Finding> findings() const;

 private:
  void note(Severity severity, size_t offset, std::string path, std::string message);
  void note_all(Severity severity, const std::vector<json::Problem>& problems);
  std::string_view text_;
  std::string name_;
  std::optional<json::Document> document_;
  std::optional<Config> config_;
  std::vector<std::string> broken_;     // paths of the mistakes that the field tables have found
  std::vector<std::string> ruled_out_;  // and the rules: later checks find the same again, in other words
  struct Found {
    size_t offset;
    Finding finding;
  };
  std::vector<Found> found_;
};

// "mounts[2].type: missing" → where the path ends; 0: the line does not begin with a path of config.json.
size_t path_length(std::string_view line);

}  // namespace oci
