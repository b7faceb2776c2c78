#include <criterion/criterion.h>

#include "spec/json.h"
#include "spec/json_writer.h"
#include "tests/unit/support/expect.h"

namespace {

// The tree as compact JSON, numbers as they were written.
void show(json::Value value, std::string& out) {
  const bool object = value.is(json::Type::object);
  if (!object && !value.is(json::Type::array)) {
    const char* quote = value.is(json::Type::string) ? "\"" : "";
    out += str::cat(quote, value.text(), quote);
    return;
  }
  out += object ? '{' : '[';
  bool first = true;
  for (const json::Value child : value) {
    if (!first) out += ',';
    first = false;
    if (object) out += str::cat("\"", child.key(), "\":");
    show(child, out);
  }
  out += object ? '}' : ']';
}

std::string parsed(std::string_view text, size_t depth = 64) {
  const Result<json::Document> document =
      json::parse(text, {.name = "x", .bytes = 4096, .depth = depth, .values = 100});
  if (!document.ok()) return document.error().message;
  std::string out;
  show(document.value().root(), out);
  return out;
}

}  // namespace

Test(json, parses) {
  const struct {
    const char* in;
    const char* want;
  } cases[] = {
      {"{}", "{}"},
      {" [ ] ", "[]"},
      {"7", "7"},
      {"\"x\"", "\"x\""},
      {"null", "null"},
      {"[true,false,null]", "[true,false,null]"},
      {"[18446744073709551615,-1,1.50e+3,123456789012345678901234567890]",
       "[18446744073709551615,-1,1.50e+3,123456789012345678901234567890]"},
      {"{\"a\":{\"b\":[1,{\"c\":2}]},\"d\":[]}", "{\"a\":{\"b\":[1,{\"c\":2}]},\"d\":[]}"},
      {R"(["\u00e9\ud83d\ude00","\/","\u0001"])", "[\"é😀\",\"/\",\"\x01\"]"},
      {R"(["\\ud800","a\\"])", "[\"\\ud800\",\"a\\\"]"},
      {"{\"\":1,\"\\u0061\":2}", "{\"\":1,\"a\":2}"},
      {"[\"\"]", "[\"\"]"},
  };
  for (const auto& c : cases) {
    const std::string got = parsed(c.in);
    expect_text(got, c.want, c.in);
  }
}

Test(json, says_what_is_wrong_and_where) {
  const struct {
    const char* in;
    const char* want;
  } cases[] = {
      {"", "x:1:1: the document is empty"},
      {"{\"a\":1", "x:1:7: the text ends in the middle of an object; is it cut off?"},
      {"[1,", "x:1:4: the text ends in the middle of an array; is it cut off?"},
      {"{\"a\"", "x:1:5: the text ends in the middle of an object; is it cut off?"},
      {"[1,]", "x:1:3: trailing comma before ']'"},
      {"[1,,2]", "x:1:4: expected a value, found ','"},
      {"{\"a\":1,}", "x:1:7: trailing comma before '}'"},
      {"{,}", "x:1:2: expected a property name in double quotes, found ','"},
      {"{\"a\" 1}", "x:1:6: expected ':' after a property name, found '1'"},
      {"{\"a\":}", "x:1:6: expected a value, found '}'"},
      {"[1 2]", "x:1:4: expected ',' or ']', found '2'"},
      {"[1 \"b\"]", "x:1:4: missing ',' before \"b\""},
      {"[1}", "x:1:3: expected ',' or ']', found '}'"},
      {"{} x", "x:1:4: nothing may follow the end of the document, found 'x'"},
      {"[nul]", "x:1:2: expected a value, found 'nul'"},
      {"[NULL]", "x:1:2: unknown word 'NULL' (did you mean 'null'?)"},
      {"[None]", "x:1:2: unknown word 'None' (did you mean 'null'?)"},
      {"[+1]", "x:1:2: expected a value, found '+1'"},
      {"[-]", "x:1:2: '-' is not a number"},
      {"[1.]", "x:1:2: '1.' is not a number"},
      {"[0x10]", "x:1:3: expected ',' or ']', found 'x10'"},
      {"[-01]", "x:1:3: a number must not start with a zero"},
      {"['a']", "x:1:2: strings are written in double quotes"},
      {"[# a\n]", "x:1:2: comments are not allowed in JSON"},
      {"[1 // a\n]", "x:1:4: comments are not allowed in JSON"},
      {"[\"a\nb\"]", "x:1:2: the string is not closed on its line"},
      {"[\"ab", "x:1:2: the string is not closed"},
      {"[\"\\u12x4\"]", "x:1:3: '\\u' needs four hexadecimal digits"},
      {"[\"\\x\"]", "x:1:3: unknown escape '\\x' in a string"},
      {"[\"\x01\"]", "x:1:3: a control character in a string must be escaped, as in '\\u0001'"},
      {"[\"\x1f\"]", "x:1:3: a control character in a string must be escaped, as in '\\u001f'"},
      {"[\n \"é\", \"\xc0\xaf\"]", "x:2:8: the text is not UTF-8"},
      {"[\"\xed\xa0\x80\"]", "x:1:3: the text is not UTF-8"},
      {"[\"\xf4\x90\x80\x80\"]", "x:1:3: the text is not UTF-8"},
      {"[\"\\u0000\"]", "x:1:2: a string must not hold a NUL character"},
      {"{\"\\u0000\":1}", "x:1:2: a string must not hold a NUL character"},
      {"[\"\\ud800\"]", "x:1:2: a string holds half of a surrogate pair"},
      {"[\"\\ude00\\ud83d\"]", "x:1:2: a string holds half of a surrogate pair"},
      {"[\"\\ud800\\u0041\"]", "x:1:2: a string holds half of a surrogate pair"},
      {"{\"a\":1,\"b\":2,\"a\":3}", "x:1:18: a: given twice, first at 1:6"},
      {"{\"n\":[{\"a\":1,\"\\u0061\":3}]}", "x:1:23: n[0].a: given twice, first at 1:12"},
      {"{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":1,\"c\":2}",
       "x:1:60: c: given twice, first at 1:18"},
  };
  for (const auto& c : cases) {
    const std::string got = parsed(c.in);
    expect_text(got, c.want, c.in);
  }
}

Test(json, has_limits) {
  expect_text(parsed("[[[1]]]", 3), "[[[1]]]");
  expect_text(parsed("[[[1]]]", 2), "x:1:3: nested deeper than 2 levels");
  expect_text(parsed("{\"a\":{\"b\":{}}}", 2), "x:1:11: nested deeper than 2 levels");
  std::string many = "[1";
  for (int i = 1; i < 99; ++i) many += ",1";
  cr_expect(parsed(many + "]").starts_with("[1,1"));
  expect_text(parsed(many + ",1]"), "x:1:200: more than 100 values");
  expect_text(parsed(std::string(4097, ' ')), "x: larger than 4096 bytes");
}

// A cut at any place is an error, and never anything worse.
Test(json, refuses_every_prefix) {
  const std::string text = R"({"a":[1,-2.5e3,"é\n\u00e9\ud83d\ude00",true],"b":{"c":null,"d":{}}})";
  for (size_t i = 0; i < text.size(); ++i)
    cr_expect(parsed(text.substr(0, i)).starts_with("x:"), "%s", text.substr(0, i).c_str());
  cr_expect_eq(parsed(text)[0], '{');
}

Test(json, finds_values_by_path) {
  const std::string text = "{\n \"a\": [10, {\"b.c\": \"x\", \"d\": true}],\n \"é\": null\n}";
  Result<json::Document> parsed_document = json::parse(text, {.name = "x"});
  cr_assert(parsed_document.ok());
  const json::Document document = std::move(parsed_document).take();
  const struct {
    const char* path;
    const char* value;
    const char* where;
  } cases[] = {
      {"", "an object", "x:1:1"},
      {"a", "an array", "x:2:7"},
      {"a[0]", "the number 10", "x:2:8"},
      {"a[1]", "an object", "x:2:12"},
      {"a[1]['b.c']", "the string 'x'", "x:2:20"},
      {"a[1].d", "true", "x:2:30"},
      {"['é']", "null", "x:3:7"},
  };
  for (const auto& c : cases) {
    const json::Value value = document.nearest(c.path);
    expect_text(value.path(), c.path);
    expect_text(json::describe(value), c.value);
    expect_text(document.where(value.offset()), c.where);
  }
  for (const char* missing : {"a[1].e", "a[1]['e']", "a[1].e.f[3]"})
    expect_text(document.nearest(missing).path(), "a[1]", missing);
  for (const char* broken : {"a[", "a[x]", "a['", "a]", "a[99999999999999999999]"})
    cr_expect(document.nearest(broken).path().starts_with("a") || document.nearest(broken).path().empty());
  cr_expect_eq(document.root().find("a")->size(), 2u);
  cr_expect_not(document.root().find("b").has_value());
  cr_expect_not(document.root().find_string("a").has_value());
}

Test(json, cuts_what_it_shows) {
  const std::string text = str::cat("[\"", std::string(39, 'a'), "éé\", \"a\\nb\"]");
  const Result<json::Document> document = json::parse(text, {.name = "x"});
  cr_assert(document.ok());
  const std::string is = json::describe(document.value().nearest("[0]"));
  const std::string want = str::cat("the string '", std::string(39, 'a'), "…'");
  expect_text(is, want);
  expect_text(json::describe(document.value().nearest("[1]")), "the string 'a\\nb'");
}

Test(writer, writes_both_styles) {
  const auto write = [](json::Style style) {
    json::Writer w(style);
    w.begin_object();
    w.key("a").begin_array();
    w.number(1).number(UINT64_MAX).number(INT64_MIN).boolean(true).null();
    w.end_array();
    w.key("b").begin_object().end_object();
    w.key("c").begin_array().end_array();
    w.key("d").begin_object();
    w.key("e").string("f");
    w.end_object();
    w.end_object();
    return std::move(w).take();
  };
  expect_text(write(json::Style::compact),
              R"({"a":[1,18446744073709551615,-9223372036854775808,true,null],"b":{},"c":[],"d":{"e":"f"}})");
  expect_text(write(json::Style::indented),
              "{\n  \"a\": [\n    1,\n    18446744073709551615,\n    -9223372036854775808,\n    true,\n "
              "   null\n  ],\n"
              "  \"b\": {},\n  \"c\": [],\n  \"d\": {\n    \"e\": \"f\"\n  }\n}");
}

Test(writer, escapes_so_that_the_parser_agrees) {
  const struct {
    std::string in, want;
  } cases[] = {
      {"plain", "plain"},
      {"q\"b\\", R"(q\"b\\)"},
      {"\n\r\t", R"(\n\r\t)"},
      {std::string("\x01\x1f\x7f", 3), R"(\u0001\u001f\u007f)"},
      {"é😀/", "é😀/"},
      {"a\xff\xc3z", "a\xef\xbf\xbd\xef\xbf\xbdz"},
      {"", ""},
  };
  for (const auto& c : cases) {
    json::Writer w;
    const std::string text = std::move(w.string(c.in)).take();
    const std::string want = str::cat("\"", c.want, "\"");
    expect_text(text, want);
    const Result<json::Document> again = json::parse(text, {.name = "x"});
    cr_assert(again.ok());
    if (str::utf8_prefix(c.in) == c.in.size()) cr_expect(again.value().root().text() == c.in);
  }
}
