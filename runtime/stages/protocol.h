// What the three processes say to each other while a container is made.
//
//   parent                           bridge                              init
//     │ spawn ──────────────────────▶│ joins by path, unshare(user)
//     │◀───────────────── want_setup │
//     │ id maps; setup_done ────────▶│ spawn(CLONE_PARENT) ───────────────▶│
//     │◀── init_pid (+ its pidfd) ───│ exits                               │ waits: it may be quicker than its announcement
//     │ known ────────────────────────────────────────────────────────────▶│ cgroup, rootfs, mounts, devices
//     │◀──────────────────────────────────────────────────── want_hooks ──│ only if something is to be done from outside
//     │ prestart, createRuntime; hooks_done (+ states in files) ──────────▶│ createContainer hooks, pivot, masks
//     │◀───────────────────────────────────────── terminal (+ pty master) │ only with a terminal
//     │◀───────────────────────────────────────────────────────── ready ──│ waits for `start`
//     │ `create` alone: the container is on record; saved ────────────────▶│ listens on the start socket
//     │ start (here, or later by `start` through the start socket) ───────▶│ startContainer hooks, seccomp, exec
//     │◀────────────────────────────────────── listener_helper (+ pidfd) │ only with SCMP_ACT_NOTIFY
//     │◀──────────────────────────────────────────────── listener (+ fd) │ from that helper of init's, as the next two
//     │ the agent has it; listener_taken ─────────────────────────────────▶│
//     │◀──────────────────────────────────────────────── listener_settled │ exec
//     │◀─────────────────────────────────────────────── end of file: exec worked; failed: it did not
//        at any time from either stage: failed {kind, errno, message}  ·  log {level, text}  ·  end of file = it died
//
// Without a bridge (the common case) init itself sends want_setup, and only with a new user namespace: otherwise
// nobody waits for anybody before `ready`.  `exec` is the same conversation without want_hooks and without a pause.
//
// A container with a user namespace has one more process at its side while it is set up: sources.h.
//
// One packet a message over SOCK_SEQPACKET: a tag byte, then the payload; descriptors ride along.  Sequence says which
// tag may come next and is tested without any process.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "spec/base/error.h"
#include "spec/base/fd.h"
#include "spec/base/log.h"

namespace stages {

enum class Tag : char {
  want_setup = 'u',
  setup_done = 'U',
  init_pid = 'i',
  known = 'k',
  want_hooks = 'h',
  hooks_done = 'H',
  terminal = 't',
  ready = 'r',
  saved = 'V',
  start = 'S',
  want_source = 'o',
  source = 'O',
  listener_helper = 'p',
  listener = 'n',
  listener_taken = 'N',
  listener_settled = 'P',
  failed = 'f',
  log = 'l',
};

struct Packet {
  Tag tag{};
  std::string payload;
  std::vector<UniqueFd> fds;
};

class Channel {
 public:
  Channel() = default;
  explicit Channel(UniqueFd socket) : socket_(std::move(socket)) {}
  struct Pair;
  static Result<Pair> pair();

  // Precondition: the payload is shorter than 64 KiB; what may be longer goes in a file, as a descriptor.
  Result<> send(Tag tag, std::string_view payload = {}, std::initializer_list<Fd> fds = {});
  // The next packet; nullopt at the end of file (every process on the other side has gone or has executed).
  Result<std::optional<Packet>> receive();
  // In a stage: the other side must say `tag` next.  Its death is an error ("the runtime went away").
  Result<> expect(Tag tag);
  // `failed` and `log`, cut where they are too long; they cannot fail themselves.
  void fail(const Error& error);
  void log(logs::Level level, std::string_view text);
  [[nodiscard]] Fd fd() const { return socket_; }
  [[nodiscard]] bool open() const { return socket_.valid(); }
  void close() { socket_.reset(); }

 private:
  UniqueFd socket_;
};

struct Channel::Pair {
  Channel parent, child;
};

// The payload of `failed`.
std::string encode(const Error& error);
Error decode_error(std::string_view payload);

// Which tags the parent may receive, in which order; what is optional may be skipped.  Kind::protocol otherwise.
class Sequence {
 public:
  struct Expectations {
    bool setup = false, init_pid = false, hooks = false, terminal = false;
  };
  explicit Sequence(const Expectations& expect);
  Result<> accept(Tag tag);
  [[nodiscard]] bool done() const { return at_ == wanted_.size(); }
  // What the parent is waiting for, in words, for messages and --debug.
  [[nodiscard]] std::string_view waiting_for() const;

 private:
  std::vector<Tag> wanted_;
  size_t at_ = 0;
};

}  // namespace stages
