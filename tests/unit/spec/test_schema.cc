#include <criterion/criterion.h>

#include "spec/schema.h"
#include "tests/unit/support/expect.h"

namespace {

enum class Colour { red, green };
constexpr names::Table<Colour> kColours[] = {{Colour::red, "red"}, {Colour::green, "green"}};

struct Inner {
  std::string name;
  std::optional<Colour> colour;
  bool operator==(const Inner&) const = default;
};

struct Outer {
  int8_t i8 = 0;
  uint8_t u8 = 0;
  int16_t i16 = 0;
  uint16_t u16 = 0;
  int32_t i32 = 0;
  uint32_t u32 = 0;
  int64_t i64 = 0;
  uint64_t u64 = 0;
  bool flag = false;
  uint32_t always = 0;
  std::optional<uint32_t> even;
  std::vector<uint32_t> evens;
  std::vector<std::string> few;
  std::vector<Inner> inners;
  std::map<std::string, Inner> by_name;
  std::map<std::string, int64_t> numbers;
  std::vector<std::string> keys;
  std::vector<Colour> colours;
  bool operator==(const Outer&) const = default;
};

std::string even(const uint32_t& n) { return n % 2 ? str::cat(n, " is odd") : ""; }
std::string at_most_two(const std::vector<std::string>& all) { return all.size() > 2 ? "too many" : ""; }
std::string short_key(const std::string& key) { return key.size() > 3 ? "has a long name" : ""; }

}  // namespace

template <>
struct json::Names<Colour> {
  static constexpr const auto& table = kColours;
};
template <>
struct json::Schema<Inner> {
  static constexpr auto fields =
      std::tuple{required("name", &Inner::name), optional("colour", &Inner::colour)};
};
template <>
struct json::Schema<Outer> {
  using O = Outer;
  static constexpr auto fields = std::tuple{
      optional("i8", &O::i8),
      optional("u8", &O::u8),
      optional("i16", &O::i16),
      optional("u16", &O::u16),
      optional("i32", &O::i32),
      optional("u32", &O::u32),
      optional("i64", &O::i64),
      optional("u64", &O::u64),
      optional("flag", &O::flag),
      written("always", &O::always),
      optional("even", &O::even, even),
      optional("evens", &O::evens, even),
      optional("few", &O::few, at_most_two),
      optional("inners", &O::inners),
      optional("byName", &O::by_name, KeyCheck{short_key}),
      optional("numbers", &O::numbers),
      optional("keys", &O::keys, AsKeys{}),
      optional("colours", &O::colours),
      ignored("old", "is gone, ignoring"),
      ignored("silent"),
  };
};

namespace {

Result<Outer> decode(std::string_view text) { return json::decode_text<Outer>(text, {.name = "x"}); }

}  // namespace

Test(schema, knows_the_range_of_every_integer) {
  const struct {
    const char* name;
    const char *least, *most, *below, *above;
  } cases[] = {
      {"i8", "-128", "127", "-129", "128"},
      {"u8", "0", "255", "-1", "256"},
      {"i16", "-32768", "32767", "-32769", "32768"},
      {"u16", "0", "65535", "-1", "65536"},
      {"i32", "-2147483648", "2147483647", "-2147483649", "2147483648"},
      {"u32", "0", "4294967295", "-1", "4294967296"},
      {"i64", "-9223372036854775808", "9223372036854775807", "-9223372036854775809", "9223372036854775808"},
      {"u64", "0", "18446744073709551615", "-1", "18446744073709551616"},
  };
  for (const auto& c : cases) {
    for (const char* good : {c.least, c.most}) {
      const Result<Outer> outer = decode(str::cat("{\"", c.name, "\":", good, "}"));
      cr_assert(outer.ok(), "%s %s", c.name, good);
      // A zero is left out.
      const std::string want = std::string_view(good) == "0"
                                   ? "{\"always\":0}"
                                   : str::cat("{\"", c.name, "\":", good, ",\"always\":0}");
      expect_text(json::encode(outer.value(), json::Style::compact), want);
    }
    for (const char* bad : {c.below, c.above}) {
      const Result<Outer> outer = decode(str::cat("{\"", c.name, "\":", bad, "}"));
      cr_assert_not(outer.ok(), "%s %s", c.name, bad);
      const std::string want = str::cat(c.name, ": ", bad, " is out of range ", c.least, "..", c.most);
      cr_expect(outer.error().message.ends_with(want), "%s", outer.error().message.c_str());
    }
    for (const char* other : {"1.0", "1e2", "\"1\"", "true", "[1]", "{}"}) {
      const Result<Outer> outer = decode(str::cat("{\"", c.name, "\":", other, "}"));
      cr_assert_not(outer.ok(), "%s %s", c.name, other);
      cr_expect(outer.error().message.find("expected an integer, got ") != std::string::npos);
    }
  }
}

Test(schema, gives_back_what_it_took) {
  const Outer full{.i8 = -1,
                   .u8 = 2,
                   .i16 = -3,
                   .u16 = 4,
                   .i32 = -5,
                   .u32 = 6,
                   .i64 = -7,
                   .u64 = 8,
                   .flag = true,
                   .always = 9,
                   .even = 10,
                   .evens = {0, 12},
                   .few = {"a", ""},
                   .inners = {{"x", Colour::green}, {"", std::nullopt}},
                   .by_name = {{"k", {"y", Colour::red}}},
                   .numbers = {{"n.o", INT64_MIN}},
                   .keys = {"80/tcp", "53/udp"},
                   .colours = {Colour::red, Colour::green}};
  const std::string text = json::encode(full, json::Style::compact);
  expect_text(
      text, R"({"i8":-1,"u8":2,"i16":-3,"u16":4,"i32":-5,"u32":6,"i64":-7,"u64":8,"flag":true,"always":9,)"
            R"("even":10,"evens":[0,12],"few":["a",""],"inners":[{"name":"x","colour":"green"},{"name":""}],)"
            R"("byName":{"k":{"name":"y","colour":"red"}},"numbers":{"n.o":-9223372036854775808},)"
            R"("keys":{"80/tcp":{},"53/udp":{}},"colours":["red","green"]})");
  for (const json::Style style : {json::Style::compact, json::Style::indented}) {
    const Result<Outer> again = decode(json::encode(full, style));
    cr_assert(again.ok());
    cr_expect(again.value() == full);
  }
}

Test(schema, reports_every_mistake_with_its_path) {
  const Result<Outer> outer = decode(R"({"even":3,"evens":[2,5,"x"],"few":["a","b","c"],
"inners":[{"colour":"gren"},{"name":1,"colour":7},5],
"byName":{"long":{"name":"y"},"n.":{}},"numbers":{"a":"1"},"keys":{"a":1},"colours":{},"flag":"true"})");
  cr_assert_not(outer.ok());
  cr_expect(outer.error().kind == Kind::invalid);
  expect_text(outer.error().message,
              "x:1:9: even: 3 is odd\n"
              "x:1:22: evens[1]: 5 is odd\n"
              "x:1:24: evens[2]: expected an integer, got the string 'x'\n"
              "x:1:35: few: too many\n"
              "x:2:21: inners[0].colour: unknown value 'gren' (did you mean 'green'?)\n"
              "x:2:11: inners[0].name: required, but missing\n"
              "x:2:37: inners[1].name: expected a string, got the number 1\n"
              "x:2:48: inners[1].colour: expected a string, got the number 7\n"
              "x:2:51: inners[2]: expected an object, got the number 5\n"
              "x:3:18: byName.long: has a long name\n"
              "x:3:36: byName['n.'].name: required, but missing\n"
              "x:3:55: numbers.a: expected an integer, got the string '1'\n"
              "x:3:72: keys.a: expected an empty object, got the number 1\n"
              "x:3:85: colours: expected an array, got an object\n"
              "x:3:95: flag: expected true or false, got the string 'true'");
}

Test(schema, ignores_unknown_properties_with_a_warning) {
  const std::string text =
      R"({"alway":1,"zzz":[{}],"old":1,"silent":2,"flag":null,"inners":[{"name":"n","colur":1}]})";
  const Result<json::Document> document = json::parse(text, {.name = "x"});
  cr_assert(document.ok());
  json::Decoder decoder;
  const Outer outer = json::decode<Outer>(decoder, document.value().root());
  cr_expect(decoder.problems.empty());
  cr_expect_eq(outer.always, 0u);
  const std::string is = str::join(json::warnings(decoder, document.value()), "\n");
  expect_text(is,
              "x:1:10: alway: unknown property (did you mean 'always'?), ignoring\n"
              "x:1:18: zzz: unknown property, ignoring\n"
              "x:1:29: old: is gone, ignoring\n"
              "x:1:84: inners[0].colur: unknown property (did you mean 'colour'?), ignoring");
}

Test(schema, keeps_its_reports_short) {
  std::string text = "{\"evens\":[1";
  for (int i = 0; i < 9000; ++i) text += ",1";
  const Result<Outer> outer = decode(text + "]}");
  cr_assert_not(outer.ok());
  cr_expect(outer.error().message.ends_with("\nx: and 8981 more mistakes"));
  cr_expect_lt(outer.error().message.size(), 2000u);
}

// A hostile document: what is wrong is found out without explaining each of half a million mistakes.
Test(schema, gives_up_on_hopeless_documents, .timeout = 300) {
  std::string text = "{\"evens\":[1";
  for (int i = 0; i < 400000; ++i) text += ",1";
  Result<Outer> outer = decode(text + "]}");
  cr_assert_not(outer.ok());
  cr_expect(outer.error().message.ends_with("\nx: and at least 9980 more mistakes"));

  outer =
      decode("{\"" + std::string(100000, 'k') + "\\n\":1,\"evens\":[\"" + std::string(100000, 'x') + "\"]}");
  cr_assert_not(outer.ok());
  cr_expect_lt(outer.error().message.size(), 3000u, "what it quotes is cut");
}

Test(schema, many_unknown_properties_are_soon_ignored, .timeout = 300) {
  std::string text = "{\"mode\":\"always\"";
  for (int i = 0; i < 300000; ++i) text += str::cat(",\"colour of the item ", i, "\":1");
  text += "}";
  const Result<json::Document> document = json::parse(text, {.name = "x"});
  cr_assert(document.ok());
  json::Decoder decoder;
  (void)json::decode<Outer>(decoder, document.value().root());
  cr_expect_eq(decoder.warnings.size(), 20u);
}

Test(schema, names_the_choices_when_none_is_near) {
  static constexpr std::string_view kFew[] = {"one", "two"};
  static constexpr std::string_view kPrefixed[] = {"RLIMIT_NOFILE", "RLIMIT_CORE"};
  expect_text(json::unknown_value("xxxxx", kFew), "unknown value 'xxxxx' (there are 'one' and 'two')");
  expect_text(json::unknown_value("x", kFew), "unknown value 'x' (there are 'one' and 'two')");
  expect_text(json::unknown_value("twoo", kFew), "unknown value 'twoo' (did you mean 'two'?)");
  expect_text(json::unknown_value("CORE", kPrefixed), "unknown value 'CORE' (did you mean 'RLIMIT_CORE'?)");
}
