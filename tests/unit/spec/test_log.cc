#include <criterion/criterion.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "spec/base/file.h"
#include "spec/base/log.h"

using logs::Format;
using logs::Level;

Test(log, records) {
  const struct {
    Format format;
    Level level;
    std::string message;
    const char* want;
  } cases[] = {
      {Format::text, Level::error, "plain", R"(time="T" level=error msg="plain")"},
      {Format::text, Level::warning, "a \"b\" \\ c\nd\te\x1b",
       R"(time="T" level=warning msg="a \"b\" \\ c\nd\te\x1b")"},
      {Format::json, Level::error, "plain", R"({"level":"error","msg":"plain","time":"T"})"},
      {Format::json, Level::debug, "a \"b\" \\ c\nd\te\r\x1b\x7f",
       R"({"level":"debug","msg":"a \"b\" \\ c\nd\te\r\u001b\u007f","time":"T"})"},
      {Format::json, Level::info, "gr\xc3\xbc\xc3\x9f\x65 \xe2\x82\xac \xf0\x9f\x90\xb3",
       "{\"level\":\"info\",\"msg\":\"gr\xc3\xbc\xc3\x9f\x65 \xe2\x82\xac "
       "\xf0\x9f\x90\xb3\",\"time\":\"T\"}"},
      // Overlong, a surrogate, cut short, a lone continuation byte: none of them is UTF-8.
      {Format::json, Level::error, "\xc0\xaf",
       "{\"level\":\"error\",\"msg\":\"\xef\xbf\xbd\xef\xbf\xbd\",\"time\":\"T\"}"},
      {Format::json, Level::error, "\xed\xa0\x80!",
       "{\"level\":\"error\",\"msg\":\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd!\",\"time\":\"T\"}"},
      {Format::json, Level::error, "x\xe2\x82",
       "{\"level\":\"error\",\"msg\":\"x\xef\xbf\xbd\xef\xbf\xbd\",\"time\":\"T\"}"},
      {Format::json, Level::error, std::string("\0", 1), R"({"level":"error","msg":"\u0000","time":"T"})"},
  };
  for (const auto& c : cases) {
    const std::string got = logs::record(c.format, c.level, c.message, "T");
    cr_expect_str_eq(got.c_str(), c.want);
  }
}

static std::string scratch_file() {
  char name[] = "/tmp/test_log.XXXXXX";
  ::close(::mkstemp(name));
  return name;
}

// Runs `body` with standard error in a file, and returns what was written there.
template <class Body>
static std::string stderr_of(Body body) {
  const std::string name = scratch_file();
  const int saved = ::dup(2);
  const int file = ::open(name.c_str(), O_WRONLY | O_APPEND);
  ::dup2(file, 2);
  body();
  ::dup2(saved, 2);
  ::close(saved);
  ::close(file);
  std::string text = files::read(Fd::cwd(), name.c_str(), 65536).take();
  ::unlink(name.c_str());
  return text;
}

Test(log, file_is_appended_to_and_people_are_told) {
  const std::string name = scratch_file();
  const std::string seen = stderr_of([&] {
    for (int i = 0; i < 2; ++i) {
      cr_assert(logs::open({.file = name, .format = Format::json}).ok());
      logs::error(Error(Kind::invalid, "first line\nsecond\x1b line"));
      logs::debug("not shown");
    }
  });
  const std::string text = files::read(Fd::cwd(), name.c_str(), 65536).take();
  ::unlink(name.c_str());
  cr_expect_eq(std::count(text.begin(), text.end(), '\n'), 2, "%s", text.c_str());
  cr_expect(text.starts_with(R"({"level":"error","msg":"first line\nsecond\u001b line","time":"2)"), "%s",
            text.c_str());
  cr_expect(text.ends_with("Z\"}\n"));
  cr_expect_str_eq(seen.c_str(),
                   "error: first line\n  second\\x1b line\nerror: first line\n  second\\x1b line\n");
}

Test(log, without_a_file) {
  const std::string text = stderr_of([] {
    cr_assert(logs::open({.least = Level::debug}).ok());
    logs::debug("step ", 1);
    logs::warn("odd, ignoring");
  });
  cr_expect(text.starts_with("time=\""), "%s", text.c_str());
  cr_expect(text.ends_with("Z\" level=debug msg=\"step 1\"\nwarning: odd, ignoring\n"), "%s", text.c_str());
  const std::string json = stderr_of([] {
    cr_assert(logs::open({.format = Format::json}).ok());
    logs::warn("odd");
  });
  cr_expect(json.starts_with(R"({"level":"warning","msg":"odd","time":")"), "%s", json.c_str());
}

Test(log, redirected) {
  std::vector<std::string> seen;
  const std::string text = stderr_of([&] {
    cr_assert(logs::open({}).ok());
    logs::redirect([&](Level level, std::string_view message) {
      seen.push_back(str::cat(static_cast<int>(level), message));
    });
    logs::warn("a");
    logs::debug("b");
    logs::redirect(nullptr);
    logs::warn("c");
  });
  cr_expect_str_eq(text.c_str(), "warning: c\n");
  cr_assert_eq(seen.size(), 1);
  cr_expect_str_eq(seen[0].c_str(), "2a");
}

Test(log, bad_file_is_named) {
  const auto opened = logs::open({.file = "/nowhere/at/all"});
  cr_assert(!opened.ok());
  cr_expect_str_eq(opened.error().message.c_str(),
                   "log file '/nowhere/at/all': its directory does not exist");
  const auto directory = logs::open({.file = "/tmp"});
  cr_assert(!directory.ok());
  cr_expect(directory.error().message.starts_with("opening log file '/tmp': "), "%s",
            directory.error().message.c_str());
}
