// What a registry's answer means to people: statuses, error documents and header fields as one plain sentence.
// Pure: no network.  Text of the server's is printable and short when it leaves here.
#pragma once

#include <string>
#include <string_view>

#include "imagetool/registry/exchange.h"
#include "spec/base/error.h"

namespace answers {

struct Context {
  std::string registry;    // "docker.io"
  std::string repository;  // "library/hello-world"
  std::string what;        // "hello-world:latest", "blob 0123456789ab"
  std::string user = {};   // "user 'bob'", who is logged in; empty: nobody
};

// Precondition: the answer is no success.  Kinds: denied (401, 403), not_found (404), network (429, 5xx: later it may
// work), protocol (everything else).
Error explain(const http::Answer& answer, const Context& context);

// The media type of a manifest or index, lower case and without parameters; empty where the server leaves it open
// (no Content-Type, application/json, octet-stream, text/plain).  Kind::protocol: it is something else (a login page).
// Kind::unsupported: Docker's schema 1.
Result<std::string> manifest_type(std::string_view content_type);

// Kind::protocol: the body is packed in a way that nobody asked for (Content-Encoding), as some proxies do.
Result<> check_encoding(const http::Response& response);

// The text of a Warning header of the form 299 - "text" (distribution-spec, "Warnings"); empty: it is another.
std::string warning(std::string_view value);

}  // namespace answers
