#include <criterion/criterion.h>

#include <cerrno>

#include "runtime/stages/protocol.h"
#include "tests/unit/support/expect.h"

using stages::Sequence;
using stages::Tag;

Test(protocol, sequences) {
  const struct {
    Sequence::Expectations expect;
    std::vector<Tag> tags;  // in the only order there is
  } cases[] = {
      {{}, {Tag::ready}},
      {{.setup = true}, {Tag::want_setup, Tag::ready}},
      {{.init_pid = true, .terminal = true}, {Tag::init_pid, Tag::terminal, Tag::ready}},
      {{true, true, true, true},
       {Tag::want_setup, Tag::init_pid, Tag::want_hooks, Tag::terminal, Tag::ready}},
  };
  const Tag all[] = {Tag::want_setup, Tag::setup_done, Tag::init_pid, Tag::want_hooks, Tag::hooks_done,
                     Tag::terminal,   Tag::ready,      Tag::start,    Tag::failed,     Tag::log};
  for (const auto& c : cases) {
    Sequence sequence(c.expect);
    for (const Tag next : c.tags) {
      cr_expect(!sequence.done());
      for (const Tag other : all) {
        if (other == next) continue;
        const Result<> refused = sequence.accept(other);  // and leaves the sequence where it is
        cr_expect(!refused.ok() && refused.error().kind == Kind::protocol);
      }
      cr_expect(sequence.accept(next).ok());
    }
    cr_expect(sequence.done());
    expect_text(std::string(sequence.waiting_for()), "nothing");
    cr_expect(!sequence.accept(Tag::ready).ok());
  }
}

Test(protocol, errors_cross_whole) {
  const Error errors[] = {
      Error(Kind::invalid, "process.args: x"), Error(Kind::os, EACCES, "mount(\"/a\"): denied"),
      Error(Kind::command_missing, ENOENT, ""), Error(Kind::conflict, std::string("a\0b\n", 4))};
  for (const Error& error : errors) {
    const Error back = stages::decode_error(stages::encode(error));
    cr_expect(back.kind == error.kind && back.errnum == error.errnum);
    expect_text(back.message, error.message);
  }
  for (const char* cut : {"", "f", "ffff"}) cr_expect(stages::decode_error(cut).kind == Kind::protocol);
}

Test(protocol, channels) {
  auto made = stages::Channel::pair();
  cr_assert(made.ok());
  stages::Channel::Pair ends = std::move(made).take();
  cr_assert(ends.child.send(Tag::want_hooks, "payload").ok());
  auto packet = ends.parent.receive();
  cr_assert(packet.ok() && packet.value());
  cr_expect(packet.value()->tag == Tag::want_hooks);
  expect_text(packet.value()->payload, "payload");

  cr_assert(ends.parent.send(Tag::hooks_done).ok());
  cr_expect(ends.child.expect(Tag::hooks_done).ok());
  cr_assert(ends.parent.send(Tag::start).ok());
  cr_expect(!ends.child.expect(Tag::hooks_done).ok());
  ends.parent.fail(Error(Kind::denied, EPERM, "why"));
  const Result<> failed = ends.child.expect(Tag::start);
  cr_assert(!failed.ok());
  cr_expect(failed.error().kind == Kind::denied && failed.error().errnum == EPERM);
  expect_text(failed.error().message, "why");

  ends.child.close();
  packet = ends.parent.receive();
  cr_expect(packet.ok() && !packet.value());
}
