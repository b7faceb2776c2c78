#include "runtime/systemd/manager.h"

#include <algorithm>
#include <cerrno>

#include "spec/base/clock.h"

namespace systemd {

namespace {

constexpr const char* kName = "org.freedesktop.systemd1";
constexpr const char* kPath = "/org/freedesktop/systemd1";
constexpr const char* kManager = "org.freedesktop.systemd1.Manager";
constexpr const char* kUnitExists = "org.freedesktop.systemd1.UnitExists";
constexpr const char* kNoSuchUnit = "org.freedesktop.systemd1.NoSuchUnit";

struct Unref {
  void operator()(sd_bus_message* message) const { sd_bus_message_unref(message); }
};
using Message = std::unique_ptr<sd_bus_message, Unref>;

// What the other side says is wrong.
class Reason {
 public:
  Reason() = default;
  Reason(const Reason&) = delete;
  Reason& operator=(const Reason&) = delete;
  ~Reason() { sd_bus_error_free(&error_); }
  sd_bus_error* out() { return &error_; }
  [[nodiscard]] bool is(const char* name) const { return sd_bus_error_has_name(&error_, name) > 0; }
  [[nodiscard]] Error error(std::string_view what, int code) const {
    const std::string text = error_.message ? str::printable(error_.message) : std::string();
    if (text.empty()) return Error::os(what, -code);
    return Error(code == -EACCES || code == -EPERM ? Kind::denied : Kind::os, -code,
                 str::cat(what, ": ", text));
  }

 private:
  sd_bus_error error_{};
};

Error failed(std::string_view what, int code) { return Error::os(what, -code); }

// ---- values ----

template <class N, class Append>
int append_number(std::string_view text, const Append& append) {
  const std::optional<N> n = str::number<N>(text);
  return n ? append(*n) : -EINVAL;
}

int append_one(sd_bus_message* to, char type, const std::string& text) {
  const auto basic = [&](auto n) { return sd_bus_message_append_basic(to, type, &n); };
  switch (type) {
    case 's':
      return sd_bus_message_append_basic(to, 's', text.c_str());
    case 'b':
      return basic(static_cast<int>(text == "true"));
    case 'i':
      return append_number<int32_t>(text, basic);
    case 'u':
      return append_number<uint32_t>(text, basic);
    case 't':
      return append_number<uint64_t>(text, basic);
    case 'y':
      return append_number<uint8_t>(text, basic);
    default:
      return -EINVAL;
  }
}

// "ay", "as" and "a(st)": the type of an entry's parts, one after the other.
int append_array(sd_bus_message* to, std::string_view entry, const std::vector<std::string>& values) {
  const bool is_struct = entry.front() == '(';
  const std::string parts(is_struct ? entry.substr(1, entry.size() - 2) : entry);
  if (parts.empty() || values.size() % parts.size() != 0) return -EINVAL;
  int code = sd_bus_message_open_container(to, 'a', std::string(entry).c_str());
  for (size_t i = 0; i < values.size() && code >= 0; i += parts.size()) {
    if (is_struct) code = sd_bus_message_open_container(to, 'r', parts.c_str());
    for (size_t part = 0; part < parts.size() && code >= 0; ++part)
      code = append_one(to, parts[part], values[i + part]);
    if (is_struct && code >= 0) code = sd_bus_message_close_container(to);
  }
  return code < 0 ? code : sd_bus_message_close_container(to);
}

int append_value(sd_bus_message* to, const Property& property) {
  const std::string& signature = property.signature;
  if (signature.empty()) return -EINVAL;
  if (signature.front() == 'a')
    return append_array(to, std::string_view(signature).substr(1), property.values);
  return property.values.size() == 1 ? append_one(to, signature.front(), property.values.front()) : -EINVAL;
}

// One (sv) of the a(sv) that is open.
Result<> append_property(sd_bus_message* to, const Property& property) {
  int code = sd_bus_message_open_container(to, 'r', "sv");
  if (code >= 0) code = sd_bus_message_append_basic(to, 's', property.name.c_str());
  if (code >= 0) code = sd_bus_message_open_container(to, 'v', property.signature.c_str());
  if (code >= 0) code = append_value(to, property);
  if (code >= 0) code = sd_bus_message_close_container(to);
  if (code >= 0) code = sd_bus_message_close_container(to);
  if (code < 0) return failed(str::cat("the property '", property.name, "'"), code);
  return {};
}

Result<> append_properties(sd_bus_message* to, const std::vector<Property>& properties, unsigned version) {
  int code = sd_bus_message_open_container(to, 'a', "(sv)");
  if (code < 0) return failed("writing a message", code);
  for (const Property& property : properties)
    if (property.since <= version) TRY(append_property(to, property));
  code = sd_bus_message_close_container(to);
  if (code < 0) return failed("writing a message", code);
  return {};
}

// ---- jobs ----

// The end of one job.  Signals of others' jobs go by.
struct Job {
  std::string path;                                        // empty: not known yet
  std::vector<std::pair<std::string, std::string>> ended;  // before we knew: path, result
  [[nodiscard]] const std::string* result() const {
    const auto found =
        std::find_if(ended.begin(), ended.end(), [&](const auto& e) { return e.first == path; });
    return path.empty() || found == ended.end() ? nullptr : &found->second;
  }
};

// JobRemoved(u id, o job, s unit, s result)
int on_job_removed(sd_bus_message* message, void* data, sd_bus_error* /*error*/) {
  const char *path = nullptr, *unit = nullptr, *result = nullptr;
  uint32_t id = 0;
  if (sd_bus_message_read(message, "uoss", &id, &path, &unit, &result) >= 0)
    static_cast<Job*>(data)->ended.emplace_back(path, result);
  return 0;
}

Result<> wait_for(sd_bus* bus, const Job& job, const std::string& what, int64_t limit_ms) {
  const int64_t deadline = clocks::monotonic_ms() + limit_ms;
  while (!job.result()) {
    const int done = sd_bus_process(bus, nullptr);
    if (done < 0) return failed(what, done);
    if (done > 0) continue;
    const int64_t left = deadline - clocks::monotonic_ms();
    if (left <= 0)
      return Error(Kind::conflict,
                   str::cat(what, ": systemd has not been done with it within ", limit_ms, " ms"));
    const int waited = sd_bus_wait(bus, static_cast<uint64_t>(left) * 1000);
    if (waited < 0 && waited != -EINTR) return failed(what, waited);
  }
  if (*job.result() == "done") return {};
  return Error(Kind::os, str::cat(what, ": systemd's job ended as '", str::printable(*job.result()),
                                  "'; its journal tells more"));
}

Result<Message> method(sd_bus* bus, const char* name) {
  sd_bus_message* message = nullptr;
  const int code = sd_bus_message_new_method_call(bus, &message, kName, kPath, kManager, name);
  if (code < 0) return failed("writing a message", code);
  return Message(message);
}

// Subscribed to from here to the end of the job; `message` asks for that, and is answered with its path.
Result<> do_job(sd_bus* bus, sd_bus_message* message, const std::string& what, int64_t limit_ms,
                Reason& reason) {
  Job job;
  sd_bus_slot* slot = nullptr;
  int code = sd_bus_match_signal(bus, &slot, kName, kPath, kManager, "JobRemoved", on_job_removed, &job);
  if (code < 0) return failed("waiting for systemd's signals", code);
  const std::unique_ptr<sd_bus_slot, sd_bus_slot* (*)(sd_bus_slot*)> unsubscribe(slot, sd_bus_slot_unref);
  sd_bus_message* answer = nullptr;
  code = sd_bus_call(bus, message, static_cast<uint64_t>(limit_ms) * 1000, reason.out(), &answer);
  const Message owned(answer);
  if (code < 0) return reason.error(what, code);
  const char* path = nullptr;
  code = sd_bus_message_read_basic(answer, 'o', &path);
  if (code < 0) return failed(what, code);
  job.path = path;
  return wait_for(bus, job, what, limit_ms);
}

// A unit that has failed stays loaded, and is of no use to anybody.
void forget_failure(sd_bus* bus, const std::string& unit) {
  (void)sd_bus_call_method(bus, kName, kPath, kManager, "ResetFailedUnit", nullptr, nullptr, "s",
                           unit.c_str());
}

// Of the host's manager when there is no bus: the private socket that systemctl falls back on, for root alone.
int connect_privately(sd_bus** bus) {
  int code = sd_bus_new(bus);
  if (code >= 0) code = sd_bus_set_address(*bus, "unix:path=/run/systemd/private");
  if (code >= 0) code = sd_bus_start(*bus);
  return code;
}

// No bus at all is the usual case, and the kernel's words for that are those for a missing file.
Error unreachable(bool user, int code) {
  const std::string why = code == -ENOENT || code == -ENOMEDIUM ? std::string("there is no bus to ask it on")
                                                                : Error::os("the bus", -code).message;
  if (!user)
    return Error(Kind::unsupported,
                 str::cat("systemd cannot be reached (", why, "); use the cgroup manager 'cgroupfs'"));
  return Error(
      Kind::unsupported,
      str::cat("the user's systemd cannot be reached (", why,
               "); it runs while the user is logged in, or always after 'loginctl enable-linger', and "
               "$XDG_RUNTIME_DIR leads to it; otherwise use the cgroup manager 'cgroupfs'"));
}

}  // namespace

Result<Manager> Manager::connect(bool user) {
  sd_bus* bus = nullptr;
  int code = user ? sd_bus_open_user(&bus) : sd_bus_open_system(&bus);
  if (code < 0 && !user) {
    sd_bus* direct = nullptr;
    if (connect_privately(&direct) >= 0) {
      bus = direct;
      code = 0;
    } else {
      sd_bus_unref(direct);
    }
  }
  if (code < 0) return unreachable(user, code);
  Manager manager(bus);
  // Without subscribers systemd sends no signals; over its private socket it always does, and refuses.
  (void)sd_bus_call_method(bus, kName, kPath, kManager, "Subscribe", nullptr, nullptr, nullptr);
  return manager;
}

// "252.39-1~deb12u2" is 252.
Result<unsigned> Manager::version() {
  Reason reason;
  char* text = nullptr;
  const int code =
      sd_bus_get_property_string(bus_.get(), kName, kPath, kManager, "Version", reason.out(), &text);
  if (code < 0) return reason.error("asking systemd for its version", code);
  const std::unique_ptr<char, void (*)(void*)> owned(text, ::free);
  std::string_view digits(text);
  digits.remove_prefix(std::min(digits.find_first_of("0123456789"), digits.size()));
  return str::number<unsigned>(digits.substr(0, digits.find_first_not_of("0123456789"))).value_or(0);
}

Result<> Manager::start_once(const Request& request, unsigned version) {
  const std::string what = str::cat("starting systemd's unit '", request.unit, "'");
  const Message message = TRY(method(bus_.get(), "StartTransientUnit"));
  int code = sd_bus_message_append(message.get(), "ss", request.unit.c_str(), "fail");
  if (code < 0) return failed(what, code);
  std::vector<Property> all = request.properties;
  if (request.pid) all.push_back({"PIDs", "au", {str::cat(request.pid)}});
  TRY(append_properties(message.get(), all, version).within(what));
  code = sd_bus_message_append(message.get(), "a(sa(sv))", 0);
  if (code < 0) return failed(what, code);
  Reason reason;
  Result<> done = do_job(bus_.get(), message.get(), what, request.limit_ms, reason);
  if (!done.ok() && reason.is(kUnitExists)) return Error(Kind::conflict, EEXIST, done.error().message);
  return done;
}

Result<std::string> Manager::start(const Request& request) {
  const unsigned known = TRY(version());
  Result<> started = start_once(request, known);
  if (!started.ok() && started.error().errnum == EEXIST) {
    forget_failure(bus_.get(), request.unit);
    started = start_once(request, known);
  }
  if (!started.ok()) return started.take_error();
  Reason reason;
  sd_bus_message* answer = nullptr;
  int code = sd_bus_call_method(bus_.get(), kName, kPath, kManager, "GetUnit", reason.out(), &answer, "s",
                                request.unit.c_str());
  const Message owned(answer);
  const char* path = nullptr;
  if (code >= 0) code = sd_bus_message_read_basic(answer, 'o', &path);
  if (code < 0) return reason.error(str::cat("looking for systemd's unit '", request.unit, "'"), code);
  char* cgroup = nullptr;
  const bool slice = request.unit.ends_with(".slice");
  code = sd_bus_get_property_string(
      bus_.get(), kName, path, slice ? "org.freedesktop.systemd1.Slice" : "org.freedesktop.systemd1.Scope",
      "ControlGroup", reason.out(), &cgroup);
  if (code < 0) return reason.error(str::cat("asking for the cgroup of '", request.unit, "'"), code);
  const std::unique_ptr<char, void (*)(void*)> text(cgroup, ::free);
  return std::string(cgroup);
}

Result<> Manager::set(const Request& request) {
  const std::string what = str::cat("changing systemd's unit '", request.unit, "'");
  const Message message = TRY(method(bus_.get(), "SetUnitProperties"));
  int code = sd_bus_message_append(message.get(), "sb", request.unit.c_str(), 1);
  if (code < 0) return failed(what, code);
  TRY(append_properties(message.get(), request.properties, TRY(version())).within(what));
  Reason reason;
  const uint64_t limit_us = static_cast<uint64_t>(request.limit_ms) * 1000;
  code = sd_bus_call(bus_.get(), message.get(), limit_us, reason.out(), nullptr);
  if (code < 0) return reason.error(what, code);
  return settle(what, limit_us);
}

// systemd answers first and writes the control files then, but before it takes the next message.
Result<> Manager::settle(const std::string& what, uint64_t limit_us) {
  sd_bus_message* question = nullptr;
  int code = sd_bus_message_new_method_call(bus_.get(), &question, kName, kPath, "org.freedesktop.DBus.Peer",
                                            "Ping");
  const Message owned(question);
  if (code < 0) return failed("writing a message", code);
  Reason reason;
  code = sd_bus_call(bus_.get(), question, limit_us, reason.out(), nullptr);
  if (code < 0) return reason.error(what, code);
  return {};
}

Result<> Manager::stop(const Request& request) {
  const std::string what = str::cat("stopping systemd's unit '", request.unit, "'");
  const Message message = TRY(method(bus_.get(), "StopUnit"));
  const int code = sd_bus_message_append(message.get(), "ss", request.unit.c_str(), "replace");
  if (code < 0) return failed(what, code);
  Reason reason;
  Result<> done = do_job(bus_.get(), message.get(), what, request.limit_ms, reason);
  if (!done.ok() && !reason.is(kNoSuchUnit)) return done;
  forget_failure(bus_.get(), request.unit);
  return {};
}

}  // namespace systemd
