#include "runtime/concerns/netlink.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "spec/base/sys.h"

namespace netlink {

namespace {

constexpr size_t kMostMessage = 64UL * 1024;  // netlink(7): the kernel sends at most 32 KiB at a time

void pad(std::string& text) { text.resize(NLMSG_ALIGN(text.size())); }

// nlmsgerr: a negative errno, the header of what was asked, and behind that the kernel's explanation.
Error refusal(const nlmsghdr& header, std::string_view payload) {
  const auto answer = read_as<nlmsgerr>(payload);
  std::string reason;
  if (header.nlmsg_flags & NLM_F_ACK_TLVS) {
    // NETLINK_CAP_ACK keeps the rest of our own message out of it.
    const size_t skipped = sizeof(nlmsgerr);
    if (payload.size() > skipped)
      for (const Attribute& a : attributes(payload.substr(skipped)))
        if (a.type == NLMSGERR_ATTR_MSG) reason = str::cat(" (", std::string(a.data).c_str(), ")");
  }
  return Error::os(str::cat("netlink", reason), -answer.error);
}

// What one packet brought; `last`: the end of the answer was among it.
struct Batch {
  std::vector<Answer> answers;
  bool last = false;
};

Result<Batch> parse(std::string_view packet, uint32_t sequence) {
  Batch batch;
  while (packet.size() >= sizeof(nlmsghdr)) {
    const auto header = read_as<nlmsghdr>(packet);
    if (header.nlmsg_len < sizeof header || header.nlmsg_len > packet.size()) break;
    const std::string_view payload = packet.substr(sizeof header, header.nlmsg_len - sizeof header);
    packet.remove_prefix(std::min<size_t>(NLMSG_ALIGN(header.nlmsg_len), packet.size()));
    if (header.nlmsg_seq != sequence) continue;
    const bool status = header.nlmsg_type == NLMSG_ERROR || header.nlmsg_type == NLMSG_DONE;
    if (status && payload.size() >= sizeof(int) && read_as<int>(payload) < 0) return refusal(header, payload);
    batch.last = batch.last || status;
    if (!status) batch.answers.push_back({header.nlmsg_type, std::string(payload)});
  }
  return batch;
}

}  // namespace

Request::Request(uint16_t type, uint16_t flags, std::string_view body) {
  nlmsghdr header{};
  header.nlmsg_type = type;
  header.nlmsg_flags = flags | NLM_F_REQUEST;
  text_.assign(reinterpret_cast<const char*>(&header), sizeof header);
  text_ += body;
  pad(text_);
}

Request& Request::add(unsigned short type, std::string_view data) {
  rtattr attribute{};
  attribute.rta_type = type;
  attribute.rta_len = static_cast<unsigned short>(RTA_LENGTH(data.size()));
  text_.append(reinterpret_cast<const char*>(&attribute), sizeof attribute);
  text_ += data;
  pad(text_);
  return *this;
}

Request& Request::add_text(unsigned short type, const std::string& text) {
  return add(type, std::string_view(text.c_str(), text.size() + 1));
}

Request& Request::add_number(unsigned short type, uint32_t number) {
  return add(type, std::string_view(reinterpret_cast<const char*>(&number), sizeof number));
}

std::string Request::bytes(uint32_t sequence) const {
  std::string text = text_;
  auto header = read_as<nlmsghdr>(text);
  header.nlmsg_len = static_cast<uint32_t>(text.size());
  header.nlmsg_seq = sequence;
  std::memcpy(text.data(), &header, sizeof header);
  return text;
}

std::vector<Attribute> attributes(std::string_view text) {
  std::vector<Attribute> found;
  while (text.size() >= sizeof(rtattr)) {
    const auto attribute = read_as<rtattr>(text);
    if (attribute.rta_len < sizeof attribute || attribute.rta_len > text.size()) break;
    found.push_back({static_cast<unsigned short>(attribute.rta_type & NLA_TYPE_MASK),
                     text.substr(sizeof attribute, attribute.rta_len - sizeof attribute)});
    text.remove_prefix(std::min<size_t>(RTA_ALIGN(attribute.rta_len), text.size()));
  }
  return found;
}

Result<Socket> Socket::open() {
  const int n = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (n < 0) return Error::os("socket(AF_NETLINK)");
  UniqueFd fd(n);
  // Explanations are a help only; a kernel without them does its work all the same.
  const int on = 1;
  (void)::setsockopt(fd.raw(), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
  (void)::setsockopt(fd.raw(), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
  return Socket(std::move(fd));
}

Result<std::vector<Answer>> Socket::ask(const Request& request) {
  const uint32_t sequence = ++sequence_;
  TRY(sys::send(fd_, request.bytes(sequence)));
  std::vector<Answer> answers;
  for (;;) {
    const sys::Message packet = TRY(sys::receive(fd_, kMostMessage));
    if (packet.data.empty()) return Error(Kind::protocol, "netlink: the kernel sent nothing");
    Batch batch = TRY(parse(packet.data, sequence));
    for (Answer& answer : batch.answers) answers.push_back(std::move(answer));
    if (batch.last) return answers;
  }
}

}  // namespace netlink
