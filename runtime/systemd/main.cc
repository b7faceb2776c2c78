// The program inside the runtime that talks to systemd: request.h says how.
#include "runtime/systemd/manager.h"
#include "spec/base/fd.h"
#include "spec/base/file.h"
#include "spec/base/sys.h"

namespace {

constexpr size_t kMostRequest = 1 << 20;

Result<std::string> serve() {
  const std::string text = TRY(files::read(Fd(0), kMostRequest));
  const systemd::Request request = TRY(systemd::parse_request(text));
  systemd::Manager manager = TRY(systemd::Manager::connect(request.user));
  if (request.verb == systemd::Verb::start) return manager.start(request);
  TRY(request.verb == systemd::Verb::set ? manager.set(request) : manager.stop(request));
  return std::string();
}

}  // namespace

int main() {
  const Result<std::string> answer = serve();
  const std::string& text = answer.ok() ? answer.value() : answer.error().message;
  const Result<> written = sys::write_all(Fd(answer.ok() ? 1 : 2), text);
  return answer.ok() && written.ok() ? 0 : 1;
}
