#include "runtime/stages/protocol.h"

#include <sys/socket.h>

#include <array>
#include <cassert>
#include <cstring>

#include "spec/base/sys.h"

namespace stages {

namespace {

constexpr size_t kMostPayload = 64 * 1024;  // a message with a hook's captured stderr is the longest

std::string_view describe(Tag tag) {
  switch (tag) {
    case Tag::want_setup:
      return "the user namespace";
    case Tag::init_pid:
      return "the process id of init";
    case Tag::want_hooks:
      return "the root file system before its hooks";
    case Tag::terminal:
      return "the terminal";
    case Tag::ready:
      return "init to be ready";
    default:
      return "nothing";
  }
}

// What is said to people may be cut.
std::string_view shortened(std::string_view payload) { return payload.substr(0, kMostPayload - 1); }

}  // namespace

Result<Channel::Pair> Channel::pair() {
  sys::SocketPair ends = TRY(sys::socketpair(SOCK_SEQPACKET));
  return Pair{Channel(std::move(ends.left)), Channel(std::move(ends.right))};
}

Result<> Channel::send(Tag tag, std::string_view payload, std::initializer_list<Fd> fds) {
  assert(payload.size() < kMostPayload);
  std::string packet(1, static_cast<char>(tag));
  packet.append(payload);
  return sys::send(socket_, packet, std::span<const Fd>(fds.begin(), fds.size()));
}

Result<std::optional<Packet>> Channel::receive() {
  Result<sys::Message> received = sys::receive(socket_, kMostPayload);
  // A peer that died with unread packets of ours resets the connection: that is its end, too.
  if (!received.ok() && received.error().errnum == ECONNRESET) return std::optional<Packet>();
  sys::Message message = TRY(std::move(received));
  if (message.data.empty()) return std::optional<Packet>();
  return std::optional<Packet>(
      Packet{static_cast<Tag>(message.data[0]), message.data.substr(1), std::move(message.fds)});
}

Result<> Channel::expect(Tag tag) {
  const std::optional<Packet> packet = TRY(receive());
  if (!packet) return Error(Kind::protocol, "the runtime went away");
  if (packet->tag == Tag::failed) return decode_error(packet->payload);
  if (packet->tag != tag) return Error(Kind::protocol, "the runtime sent an unexpected message");
  return {};
}

void Channel::fail(const Error& error) {
  (void)send(Tag::failed, shortened(encode(error)));  // nobody left to tell if even that fails
}

void Channel::log(logs::Level level, std::string_view text) {
  const std::string line = str::cat(static_cast<char>('0' + static_cast<int>(level)), text);
  (void)send(Tag::log, shortened(line));  // a lost log line is no failure
}

std::string encode(const Error& error) {
  std::string payload(5, '\0');
  payload[0] = static_cast<char>(error.kind);
  std::memcpy(payload.data() + 1, &error.errnum, sizeof error.errnum);
  return payload + error.message;
}

Error decode_error(std::string_view payload) {
  if (payload.size() < 5) return Error(Kind::protocol, "a setup process failed without saying why");
  int errnum = 0;
  std::memcpy(&errnum, payload.data() + 1, sizeof errnum);
  return Error(static_cast<Kind>(payload[0]), errnum, std::string(payload.substr(5)));
}

Sequence::Sequence(const Expectations& expect) {
  if (expect.setup) wanted_.push_back(Tag::want_setup);
  if (expect.init_pid) wanted_.push_back(Tag::init_pid);
  if (expect.hooks) wanted_.push_back(Tag::want_hooks);
  if (expect.terminal) wanted_.push_back(Tag::terminal);
  wanted_.push_back(Tag::ready);
}

Result<> Sequence::accept(Tag tag) {
  if (at_ < wanted_.size() && wanted_[at_] == tag) {
    ++at_;
    return {};
  }
  return Error(Kind::protocol, str::cat("a setup process announced ", describe(tag),
                                        " while the runtime waited for ", waiting_for()));
}

std::string_view Sequence::waiting_for() const {
  return at_ < wanted_.size() ? describe(wanted_[at_]) : "nothing";
}

}  // namespace stages
