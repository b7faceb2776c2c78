// Progress: what each style writes, to a file that is no terminal.
#include "imagetool/progress.h"
#include "spec/base/file.h"
#include "spec/base/sys.h"
#include "tests/unit/support/expect.h"

namespace {

oci::Descriptor layer(char digit, uint64_t size) {
  oci::Descriptor descriptor;
  descriptor.digest = oci::Digest::parse(std::string("sha256:") + std::string(64, digit)).take();
  descriptor.size = size;
  return descriptor;
}

// The whole life of an image with one layer that is there and one that is fetched.
std::string tell(Progress::Style style) {
  const UniqueFd file = sys::memfd_create("progress", 0).take();
  {
    Progress progress(style, file);
    const oci::Descriptor old = layer('a', 100), fresh = layer('b', 13336);
    progress.step("resolving app");
    progress.layers({old, fresh, old});
    progress.present(old.digest);
    progress.received(fresh.digest, 13336);
    progress.fetched(fresh.digest);
    progress.notice("slow\x1b[2J");
    progress.unpacked(old.digest);
    progress.unpacking(fresh.digest);
    progress.unpacked(fresh.digest);
    progress.tick();
  }
  const UniqueFd again = sys::open(file.get().proc_path().c_str(), O_RDONLY).take();
  return files::read(again, 1 << 20).take();
}

}  // namespace

Test(progress, sizes_as_docker_shows_them) {
  const struct {
    uint64_t bytes;
    const char* want;
  } cases[] = {{0, "0B"},
               {999, "999B"},
               {1000, "1.00kB"},
               {1999, "1.99kB"},
               {13336, "13.3kB"},
               {999999, "999kB"},
               {1000000, "1.00MB"},
               {123456789, "123MB"},
               {1020000000, "1.02GB"},
               {UINT64_MAX, "18446PB"}};
  for (const auto& c : cases) expect_text(Progress::size(c.bytes), c.want);
}

Test(progress, styles) {
  const UniqueFd file = sys::memfd_create("progress", 0).take();
  cr_expect(Progress::style("auto", file, "xterm").take() == Progress::Style::plain, "a file is no terminal");
  cr_expect(Progress::style("bar", file, "").take() == Progress::Style::bar);
  cr_expect(Progress::style("json", file, "").take() == Progress::Style::json);
  expect_text(Progress::style("loud", file, "").error().message,
              "--progress 'loud': write auto, bar, plain, json or none");
}

Test(progress, none_is_silent) { expect_text(tell(Progress::Style::none), ""); }

Test(progress, plain_is_a_line_for_each_layer) {
  expect_text(tell(Progress::Style::plain),
              "imagetool: slow\\x1b[2J\n"
              "imagetool: layer aaaaaaaaaaaa done, was there\n"
              "imagetool: layer bbbbbbbbbbbb done, 13.3kB\n");
}

Test(progress, json_is_an_object_for_each_event) {
  const std::string a(64, 'a'), b(64, 'b');
  const auto line = [](std::string_view event, const std::string& digits, int received, int size) {
    return str::cat(R"({"event":")", event, R"(","digest":"sha256:)", digits, R"(","received":)", received,
                    R"(,"size":)", size, "}\n");
  };
  expect_text(tell(Progress::Style::json),
              str::cat("{\"event\":\"step\",\"text\":\"resolving app\"}\n", line("present", a, 100, 100),
                       line("fetching", b, 13336, 13336), line("fetched", b, 13336, 13336),
                       "{\"event\":\"notice\",\"text\":\"slow\\u001b[2J\"}\n", line("unpacked", a, 100, 100),
                       line("unpacking", b, 13336, 13336), line("unpacked", b, 13336, 13336)));
}

Test(progress, bars_end_with_every_layer_on_a_line) {
  const std::string text = tell(Progress::Style::bar);
  cr_expect(text.find("slow\\x1b[2J\n") != std::string::npos);
  cr_expect(text.ends_with("aaaaaaaaaaaa  done       was there\nbbbbbbbbbbbb  done       13.3kB\n"), "%s",
            text.c_str());
}
