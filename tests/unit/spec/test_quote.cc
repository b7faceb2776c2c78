#include <criterion/criterion.h>

#include <string>

#include "spec/base/quote.h"

Test(quote, both_styles) {
  const struct {
    std::string text;
    const char *json, *go;
  } cases[] = {
      {"", R"("")", R"("")"},
      {"a \"b\" \\", R"("a \"b\" \\")", R"("a \"b\" \\")"},
      {"\n\r\t", R"("\n\r\t")", R"("\n\r\t")"},
      {"\x1b\x7f", R"("\u001b\u007f")", R"("\x1b\x7f")"},
      {std::string("\0", 1), R"("\u0000")", R"("\x00")"},
      {"\xc3\xbc", "\"\xc3\xbc\"", "\"\xc3\xbc\""},
      {"x\xc0\xafy", "\"x\xef\xbf\xbd\xef\xbf\xbdy\"", "\"x\xef\xbf\xbd\xef\xbf\xbdy\""},
  };
  for (const auto& c : cases) {
    std::string json = "=", go = "=";
    str::append_quoted(json, c.text, str::Quotes::json);
    str::append_quoted(go, c.text, str::Quotes::go);
    cr_expect_str_eq(json.c_str() + 1, c.json);
    cr_expect_str_eq(go.c_str() + 1, c.go);
  }
}
