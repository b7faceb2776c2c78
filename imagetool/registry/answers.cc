#include "imagetool/registry/answers.h"

#include <algorithm>
#include <cerrno>

#include "imagetool/limits.h"
#include "spec/base/text.h"
#include "spec/image.h"
#include "spec/json.h"

namespace answers {

namespace {

constexpr size_t kShown = 200;  // of a server's text

// {"errors":[{"code":"MANIFEST_UNKNOWN","message":"…"}]}: the first one.
struct Said {
  std::string code, message;
};

Said said(std::string_view body) {
  Result<json::Document> parsed =
      json::parse(body, {.name = "error", .bytes = limits::kErrorBody, .depth = 16});
  if (!parsed.ok()) return {};
  const json::Document document = std::move(parsed).take();
  const auto errors = document.root().find("errors");
  if (!errors || !errors->is(json::Type::array) || errors->size() == 0) return {};
  const json::Value first = *errors->begin();
  const auto text = [&](std::string_view key) {
    return str::shortened(str::trim(first.find_string(key).value_or("")), kShown);
  };
  return {text("code"), text("message")};
}

// ": it says 'too many requests'"
std::string quoted(const Said& words) {
  const std::string& text = words.message.empty() ? words.code : words.message;
  return text.empty() ? std::string() : str::cat(" ('", text, "')");
}

// "100;w=21600" → ", 100 pulls in 6 h are used up"
std::string quota(const http::Response& response) {
  const auto fields = str::split(response.headers.get("ratelimit-limit"), ';');
  const auto limit = fields.empty() ? std::nullopt : str::number<uint32_t>(str::trim(fields[0]));
  if (!limit) return {};
  std::string text = str::cat(", ", *limit, " pulls");
  const std::string_view window = fields.size() > 1 ? str::trim(fields[1]) : std::string_view();
  const auto seconds = window.starts_with("w=") ? str::number<uint32_t>(window.substr(2)) : std::nullopt;
  if (seconds && *seconds >= 3600)
    text += str::cat(" in ", *seconds / 3600, " h");
  else if (seconds)
    text += str::cat(" in ", *seconds, " s");
  return text + " are allowed";
}

Error too_many(const http::Answer& answer, const Context& context, const Said& words) {
  const auto seconds = http::retry_after(answer.response.headers.get("retry-after"), clocks::now());
  const std::string when = !seconds                 ? "wait"
                           : *seconds < 7200        ? str::cat("wait ", *seconds, " s")
                           : *seconds < 30 * 86'400 ? str::cat("wait ", *seconds / 3600, " h")
                                                    : "it names no time that could be waited for: wait";
  return Error(
      Kind::network, EAGAIN,
      str::cat("'", context.registry, "' takes no more requests for the time being (429",
               quota(answer.response), ")", quoted(words), ": ", when, ", or log in for a larger quota"));
}

Error missing(const Context& context, const Said& words) {
  if (words.code == "NAME_UNKNOWN")
    return Error(Kind::not_found, str::cat("repository '", context.repository, "' does not exist on '",
                                           context.registry, "': check the name"));
  if (context.what.starts_with("blob "))
    return Error(Kind::protocol, str::cat("'", context.registry, "' has lost ", context.what, " of '",
                                          context.repository, "'"));
  return Error(Kind::not_found, str::cat("image '", context.what, "' does not exist on '", context.registry,
                                         "': check the name and the tag"));
}

}  // namespace

Error explain(const http::Answer& answer, const Context& context) {
  const int status = answer.response.status;
  const Said words = said(answer.body);
  if (answer.redirected && status >= 400 && status < 500 && status != 404 && status != 429)
    return Error(Kind::network, EAGAIN,
                 str::cat(context.what, " is refused where '", context.registry, "' keeps its data (", status,
                          "): try again later"));
  if ((status == 401 || status == 403) && !context.user.empty())
    return Error(Kind::denied,
                 str::cat("repository '", context.repository, "' of '", context.registry,
                          "' does not exist, or ", context.user, " has no access to it", quoted(words)));
  if (status == 401 || status == 403)
    return Error(Kind::denied, str::cat("repository '", context.repository, "' of '", context.registry,
                                        "' does not exist or needs a login", quoted(words),
                                        ": check the name, log in with podman or docker, or use --creds"));
  if (status == 404) return missing(context, words);
  if (status == 429) return too_many(answer, context, words);
  if (status >= 500)
    return Error(Kind::network, EAGAIN,
                 str::cat("'", context.registry, "' has trouble, status ", status, quoted(words),
                          ": try again later"));
  return Error(Kind::protocol, str::cat("'", context.registry, "' answers with status ", status,
                                        quoted(words), " when asked for '", context.what, "'"));
}

Result<std::string> manifest_type(std::string_view content_type) {
  const std::string type = str::lower(str::trim(content_type.substr(0, content_type.find(';'))));
  if (oci::is_index(type) || oci::is_manifest(type)) return type;
  if (type.starts_with("application/vnd.docker.distribution.manifest.v1+"))
    return Error(
        Kind::unsupported,
        "the image is in Docker's schema 1 form from before 2016: push it again with a newer docker");
  for (const std::string_view open : {"", "application/json", "application/octet-stream", "text/plain"})
    if (type == open) return std::string();
  return Error(Kind::protocol, str::cat("its answer is '", str::printable(type.substr(0, kShown)),
                                        "' and no image manifest: is it a registry?"));
}

Result<> check_encoding(const http::Response& response) {
  const std::string encoding = str::lower(str::trim(response.headers.get("content-encoding")));
  if (encoding.empty() || encoding == "identity") return {};
  return Error(Kind::protocol, str::cat("its answer is packed with '", str::shortened(encoding, 40),
                                        "', which was not asked for: is there a proxy in the way?"));
}

std::string warning(std::string_view value) {
  if (!value.starts_with("299 ")) return {};
  const size_t open = value.find('"');
  const size_t close = value.rfind('"');
  if (open == std::string_view::npos || close <= open) return {};
  std::string text;
  for (const char c : value.substr(open + 1, close - open - 1))
    if (c != '\\') text += c;
  return str::printable(std::string_view(text).substr(0, kShown));
}

}  // namespace answers
