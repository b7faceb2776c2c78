// JSON text → a tree of values.  json.cc is the only file that includes yajl.
//
// Strict, because whoever writes config.json and an image's documents may be hostile: a duplicate key, a number out of
// range, trailing text, text that is no UTF-8, a NUL in a string and a lone surrogate are errors, and bytes, depth and
// number of values are limited.  Numbers stay text until a field claims them, so 2^64-1 survives.
//
// The tree is one flat vector in the order of the text: a Value is a pointer into it, its children follow it.  Strings
// are views into the text where they hold no escapes.  Parsing 30 KB takes some 0.1 ms: `runtime` starts with it.
// RFC 8259 is the grammar.
#pragma once

#include <cstddef>
#include <cstdint>
#include <forward_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "spec/base/error.h"

namespace json {

enum class Type : uint8_t { null, boolean, number, string, array, object };

struct Node {
  std::string_view key;   // in an object; else empty
  std::string_view text;  // a string's characters, a number as written, "true", "false", "null"
  uint32_t offset = 0;    // in the text
  uint32_t up = 0;        // how many nodes back the parent is; 0 at the root
  uint32_t span = 1;      // this node and everything below it
  uint32_t count = 0;     // children
  Type type = Type::null;
};

// Borrowed from a Document, and as long-lived as that and its text.
class Value {
 public:
  explicit Value(const Node* node) : node_(node) {}

  [[nodiscard]] Type type() const { return node_->type; }
  [[nodiscard]] bool is(Type type) const { return node_->type == type; }
  [[nodiscard]] std::string_view text() const { return node_->text; }
  [[nodiscard]] std::string_view key() const { return node_->key; }
  [[nodiscard]] size_t offset() const { return node_->offset; }
  [[nodiscard]] size_t size() const { return node_->count; }
  // The property of an object; nullopt if there is none, or this is no object.
  [[nodiscard]] std::optional<Value> find(std::string_view key) const;
  // The text of a property that is a string; nullopt otherwise.
  [[nodiscard]] std::optional<std::string_view> find_string(std::string_view key) const;
  // "linux.namespaces[1].type"; keys that are no plain words as ['net.ipv4.ip_forward']; "" at the root.
  [[nodiscard]] std::string path() const;

  class Iterator {
   public:
    Iterator(const Node* node, size_t left) : node_(node), left_(left) {}
    Value operator*() const { return Value(node_); }
    Iterator& operator++() {
      node_ += node_->span;
      --left_;
      return *this;
    }
    bool operator!=(const Iterator& other) const { return left_ != other.left_; }

   private:
    const Node* node_;
    size_t left_;
  };
  [[nodiscard]] Iterator begin() const { return {node_ + 1, node_->count}; }
  [[nodiscard]] Iterator end() const { return {nullptr, 0}; }

 private:
  const Node* node_;
};

// `parent` and a property's name as one path.
std::string join_path(std::string_view parent, std::string_view key);
// "the string 'x'", "the number 7", "an array"…: what was found, for messages; long text is cut.
std::string describe(Value value);

struct Options {
  std::string_view name;            // of the document, for messages: "config.json"
  size_t bytes = size_t{16} << 20;  // largest text; below 4 GiB
  size_t depth = 64;                // of nested arrays and objects
  size_t values = 500'000;          // in the whole tree: bounds its memory (64 bytes each)
};

struct Position {
  size_t line = 1, column = 1;  // from 1; columns count characters
};
Position position(std::string_view text, size_t offset);

// Owns the tree, borrows the text, which must outlive it.  Moving it leaves its Values valid.
class Document {
 public:
  [[nodiscard]] Value root() const { return Value(nodes_.data()); }
  [[nodiscard]] std::string_view text() const { return text_; }
  [[nodiscard]] std::string_view name() const { return name_; }
  // The value at a path as Value::path() writes it, or the nearest one above it that exists.
  [[nodiscard]] Value nearest(std::string_view path) const;
  // "config.json:12:9"
  [[nodiscard]] std::string where(size_t offset) const;

 private:
  friend class Builder;
  std::string_view text_;
  std::string name_;
  std::vector<Node> nodes_;
  std::forward_list<std::string> unescaped_;  // what views into the text cannot express
};

// Kind::invalid: "config.json:1:49: trailing comma before ']'".
Result<Document> parse(std::string_view text, const Options& options);

}  // namespace json
