// Any bytes as what a registry says besides images: the body of a refusal, a Content-Type, a Warning, a Retry-After, a
// quota.  It ends as one sentence that cannot forge another.
#include "imagetool/registry/answers.h"

#include "spec/image.h"
#include "tests/fuzz/support/input.h"

using fuzz::must;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr int kStatus[] = {400, 401, 403, 404, 405, 416, 429, 500, 503, 599};
  fuzz::Input input(data, size);
  http::Answer answer;
  answer.response.status = input.one_of(kStatus);
  const std::string_view type = input.line(), warning = input.line(), retry = input.line();
  answer.response.headers.add("Retry-After", std::string(retry));
  answer.response.headers.add("RateLimit-Limit", std::string(input.line()));
  answer.body = std::string(input.rest());

  const Error error = answers::explain(answer, {"docker.io", "library/hello-world", "hello-world:latest"});
  fuzz::must_be_sentence(error);
  must(error.message.size() < 2000, "a sentence is short");

  const auto media = answers::manifest_type(type);
  if (!media.ok())
    fuzz::must_be_sentence(media.error());
  else
    must(media.value().empty() || oci::is_index(media.value()) || oci::is_manifest(media.value()),
         "a type is one that we read", media.value());
  if (const std::string said = answers::warning(warning); !said.empty())
    fuzz::must_be_sentence(Error(Kind::os, said));
  const clocks::Stamp noon{.seconds = 1700000000};
  if (const auto seconds = http::retry_after(retry, noon)) must(*seconds >= 0, "one waits forward");
  return 0;
}
