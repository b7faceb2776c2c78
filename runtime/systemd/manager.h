// systemd's manager on its bus: units that are started, changed and stopped, each with a limit of time.
//
// A job is over when systemd says so by the signal JobRemoved, which is subscribed to before the job is asked for.
// sd-bus(3); org.freedesktop.systemd1(5).
#pragma once

#include <systemd/sd-bus.h>

#include <memory>
#include <string>

#include "runtime/systemd/request.h"
#include "spec/base/error.h"

namespace systemd {

class Manager {
 public:
  // The host's, or the user's own.  Kind::unsupported: there is none to be reached.
  static Result<Manager> connect(bool user);

  // The unit's cgroup, as systemd names it.  Kind::conflict: a unit of that name runs.
  Result<std::string> start(const Request& request);
  // Returns when systemd has written the control files that follow from the properties.
  Result<> set(const Request& request);
  Result<> stop(const Request& request);

 private:
  struct Close {
    void operator()(sd_bus* bus) const { sd_bus_flush_close_unref(bus); }
  };
  explicit Manager(sd_bus* bus) : bus_(bus) {}
  Result<unsigned> version();
  Result<> start_once(const Request& request, unsigned version);
  Result<> settle(const std::string& what, uint64_t limit_us);

  std::unique_ptr<sd_bus, Close> bus_;
};

}  // namespace systemd
