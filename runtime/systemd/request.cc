#include "runtime/systemd/request.h"

#include "spec/base/names.h"
#include "spec/schema.h"

namespace systemd {

static constexpr names::Table<Verb> kVerbs[] = {
    {Verb::start, "start"}, {Verb::set, "set"}, {Verb::stop, "stop"}};

}  // namespace systemd

using namespace systemd;  // the tables below are about nothing else

template <>
struct json::Names<Verb> {
  static constexpr const auto& table = kVerbs;
};

template <>
struct json::Schema<Property> {
  using P = Property;
  static constexpr auto fields = std::tuple{
      required("name", &P::name),
      required("signature", &P::signature),
      optional("values", &P::values),
      optional("since", &P::since),
  };
};

template <>
struct json::Schema<Request> {
  using R = Request;
  static constexpr auto fields = std::tuple{
      required("verb", &R::verb), required("unit", &R::unit),        optional("user", &R::user),
      optional("pid", &R::pid),   optional("limitMs", &R::limit_ms), optional("properties", &R::properties),
  };
};

namespace systemd {

std::string encode(const Request& request) { return json::encode(request, json::Style::compact); }

Result<Request> parse_request(std::string_view text) {
  return json::decode_text<Request>(text, {.name = "request"});
}

}  // namespace systemd
