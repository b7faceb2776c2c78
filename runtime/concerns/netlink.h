// rtnetlink(7): requests about network devices and their addresses, and the kernel's answers.
//
// A socket speaks for the network namespace it was made in for as long as it lives, wherever its owner goes, so that one
// process can work on two namespaces at once.  Sizes in messages are the kernel's, and are checked all the same.
#pragma once

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "spec/base/error.h"
#include "spec/base/fd.h"

namespace netlink {

// A message under construction: its header, the fixed body of its type, and attributes.
class Request {
 public:
  template <class Body>
  Request(uint16_t type, uint16_t flags, const Body& body)
      : Request(type, flags, std::string_view(reinterpret_cast<const char*>(&body), sizeof body)) {}
  Request& add(unsigned short type, std::string_view data);
  Request& add_text(unsigned short type, const std::string& text);  // with its NUL
  Request& add_number(unsigned short type, uint32_t number);
  // The whole message; its length is set.
  [[nodiscard]] std::string bytes(uint32_t sequence) const;

 private:
  Request(uint16_t type, uint16_t flags, std::string_view body);
  std::string text_;
};

struct Attribute {
  unsigned short type;
  std::string_view data;
};
// Those in `text`, up to the first that does not fit into it.
std::vector<Attribute> attributes(std::string_view text);

// The structure that `text` begins with; zeros where it is too short.
template <class T>
T read_as(std::string_view text) {
  T value{};
  std::memcpy(&value, text.data(), std::min(text.size(), sizeof value));
  return value;
}

struct Answer {
  uint16_t type = 0;
  std::string payload;  // what stands behind the header
};

class Socket {
 public:
  // In the network namespace that the caller is in.
  static Result<Socket> open();
  // Sends, and receives up to the acknowledgement or the end of the dump.  Errors carry the kernel's errno and, where it
  // gave one, its explanation.
  Result<std::vector<Answer>> ask(const Request& request);

 private:
  explicit Socket(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
  uint32_t sequence_ = 0;
};

}  // namespace netlink
