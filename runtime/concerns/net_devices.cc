#include "runtime/concerns/net_devices.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>

#include <cerrno>
#include <memory>

#include "runtime/concerns/netlink.h"
#include "spec/base/log.h"
#include "spec/base/sys.h"

namespace net_devices {

namespace {

using netlink::Request;
using netlink::Socket;

struct Link {
  int index = 0;
  bool up = false;
};

// A network namespace, and a socket that speaks for it.
struct Side {
  UniqueFd space;
  Socket socket;
};

// A device that is in the container.
struct Moved {
  plan::NetDevice device;
  Link before, inside;
  std::vector<std::string> addresses;  // ifaddrmsg and its attributes, as the kernel gave them
};

// Both ends, and what has passed between them; lives in the Undo.
struct Transfer {
  Side host, container;
  std::vector<Moved> moved;
};

ifinfomsg about(int index) {
  ifinfomsg info{};
  info.ifi_index = index;
  return info;
}

// ---- questions ----

// nullopt: the namespace has no device of that name.
Result<std::optional<Link>> find(Socket& socket, const std::string& name) {
  Request request(RTM_GETLINK, NLM_F_ACK, about(0));
  auto answers = socket.ask(request.add_text(IFLA_IFNAME, name));
  if (!answers.ok() && answers.error().errnum == ENODEV) return std::optional<Link>();
  const std::vector<netlink::Answer> links = TRY(std::move(answers));
  if (links.empty()) return Error(Kind::protocol, "netlink: the kernel said nothing of the device");
  const auto info = netlink::read_as<ifinfomsg>(links.front().payload);
  return std::optional<Link>({info.ifi_index, (info.ifi_flags & IFF_UP) != 0});
}

// Those that are permanent and of global scope: others come and go with the network they were made for.
Result<std::vector<std::string>> lasting_addresses(Socket& socket, int index) {
  const std::vector<netlink::Answer> answers = TRY(socket.ask(Request(RTM_GETADDR, NLM_F_DUMP, ifaddrmsg{})));
  std::vector<std::string> lasting;
  for (const netlink::Answer& answer : answers) {
    const auto address = netlink::read_as<ifaddrmsg>(answer.payload);
    if (answer.payload.size() >= sizeof address && address.ifa_index == static_cast<unsigned>(index) &&
        (address.ifa_flags & IFA_F_PERMANENT) && address.ifa_scope == RT_SCOPE_UNIVERSE)
      lasting.push_back(answer.payload);
  }
  return lasting;
}

// ---- changes ----

Result<> send_over(Socket& from, int index, Fd to, const std::string& name) {
  Request request(RTM_SETLINK, NLM_F_ACK, about(index));
  request.add_number(IFLA_NET_NS_FD, static_cast<uint32_t>(to.raw())).add_text(IFLA_IFNAME, name);
  (void)TRY(from.ask(request));
  return {};
}

Result<> rename(Socket& socket, int index, const std::string& name) {
  Request request(RTM_SETLINK, NLM_F_ACK, about(index));
  (void)TRY(socket.ask(request.add_text(IFLA_IFNAME, name)));
  return {};
}

Result<> bring_up(Socket& socket, int index) {
  ifinfomsg info = about(index);
  info.ifi_flags = info.ifi_change = IFF_UP;
  (void)TRY(socket.ask(Request(RTM_SETLINK, NLM_F_ACK, info)));
  return {};
}

// Texts of netlink end with a zero byte, which is part of the attribute.
std::string text_of(std::string_view data) { return std::string(data.substr(0, data.find('\0'))); }

Result<std::string> name_of(Socket& socket, int index) {
  const std::vector<netlink::Answer> links = TRY(socket.ask(Request(RTM_GETLINK, NLM_F_ACK, about(index))));
  for (const netlink::Answer& link : links)
    if (link.payload.size() > sizeof(ifinfomsg))
      for (const netlink::Attribute& a :
           netlink::attributes(std::string_view(link.payload).substr(sizeof(ifinfomsg))))
        if (a.type == IFLA_IFNAME) return text_of(a.data);
  return Error(Kind::protocol, "netlink: the kernel did not name the device");
}

// A label is the device's name, perhaps with ":something" behind it (ip-address(8)), and so is renamed with it.
std::string renamed_label(std::string_view data, const std::string& from, const std::string& to) {
  const std::string label = text_of(data);
  if (label == from) return to;
  return label.starts_with(from + ":") ? to + label.substr(from.size()) : label;
}

Result<> add_address(Socket& socket, int index, const std::string& address, const std::string& old_name,
                     const std::string& name) {
  auto body = netlink::read_as<ifaddrmsg>(address);
  body.ifa_index = static_cast<unsigned>(index);
  Request request(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, body);
  for (const netlink::Attribute& a : netlink::attributes(std::string_view(address).substr(sizeof body))) {
    if (a.type == IFA_LABEL)
      request.add_text(IFA_LABEL, renamed_label(a.data, old_name, name));
    else
      request.add(a.type, a.data);
  }
  (void)TRY(socket.ask(request));
  return {};
}

Result<> add_addresses(Socket& socket, int index, const Moved& moved, const std::string& name) {
  for (const std::string& address : moved.addresses)
    TRY(add_address(socket, index, address, moved.device.host, name).within("keeping its addresses"));
  return {};
}

// ---- there and back ----

Result<Side> enter_and_return(UniqueFd theirs, Fd ours) {
  TRY(sys::setns(theirs, CLONE_NEWNET).within("entering the container's network namespace"));
  Result<Socket> socket = Socket::open();
  TRY(sys::setns(ours, CLONE_NEWNET).within("returning to the runtime's own network namespace"));
  Socket made = TRY(std::move(socket));
  return Side{std::move(theirs), std::move(made)};
}

Result<std::shared_ptr<Transfer>> open_transfer(pid_t init) {
  UniqueFd own = TRY(sys::open("/proc/self/ns/net", O_RDONLY));
  const std::string path = str::cat("/proc/", init, "/ns/net");
  UniqueFd theirs = TRY(sys::open(path.c_str(), O_RDONLY));
  Side container = TRY(enter_and_return(std::move(theirs), own));
  Socket socket = TRY(Socket::open());
  return std::make_shared<Transfer>(
      Transfer{Side{std::move(own), std::move(socket)}, std::move(container), {}});
}

Result<Link> expect(Socket& socket, const std::string& name) {
  const std::optional<Link> link = TRY(find(socket, name));
  if (link) return *link;
  return Error(Kind::protocol, str::cat("'", name, "' is not where it was moved to"));
}

Result<> take_back(Transfer& transfer, const Moved& moved) {
  Socket& host = transfer.host.socket;
  const std::string& name = moved.device.host;
  TRY(send_over(transfer.container.socket, moved.inside.index, transfer.host.space, name));
  const Link link = TRY(expect(host, name));
  TRY(add_addresses(host, link.index, moved, name));
  return moved.before.up ? bring_up(host, link.index) : Result<>();
}

void take_all_back(Transfer& transfer) {
  for (auto moved = transfer.moved.rbegin(); moved != transfer.moved.rend(); ++moved) {
    const Result<> back = take_back(transfer, *moved);
    if (!back.ok())
      logs::warn(moved->device.path, ": taking it back from the container: ", back.error().message,
                 ", ignoring");
  }
}

// The number of a name that ends in "%d" is the kernel's choice.  Until then it has one that finds it again.
bool is_template(const plan::NetDevice& device) { return device.inside.ends_with("%d"); }

Result<> move_one(Transfer& transfer, const plan::NetDevice& device) {
  Socket &host = transfer.host.socket, &container = transfer.container.socket;
  const std::optional<Link> link = TRY(find(host, device.host));
  if (!link)
    return Error(Kind::invalid,
                 str::cat("the host has no network device '", device.host, "'; see `ip link`"));
  const std::string name = is_template(device) ? str::cat("rt", link->index) : device.inside;
  if (TRY(find(container, name)))
    return Error(Kind::conflict, str::cat("the container's network namespace has a device '", name,
                                          "' already; give another 'name', or one that ends in '%d'"));
  Moved moved{device, *link, {}, {}};
  moved.addresses = TRY(lasting_addresses(host, link->index));
  TRY(send_over(host, link->index, transfer.container.space, name));
  moved.inside = TRY(expect(container, name));
  const int index = moved.inside.index;
  transfer.moved.push_back(moved);
  if (is_template(device)) TRY(rename(container, index, device.inside));
  TRY(add_addresses(container, index, moved, TRY(name_of(container, index))));
  return bring_up(container, index).within("bringing it up");
}

Error explain(Error error) {
  if (error.errnum == EPERM)
    error.message += "; moving network devices needs root's rights over the host's network (CAP_NET_ADMIN)";
  return error;
}

}  // namespace

Result<Undo> move(const std::vector<plan::NetDevice>& devices, pid_t init) {
  if (devices.empty()) return Undo();
  auto opened = open_transfer(init).within("linux.netDevices");
  if (!opened.ok()) return explain(opened.take_error());
  const std::shared_ptr<Transfer> transfer = std::move(opened).take();
  Undo back([transfer] { take_all_back(*transfer); });
  for (const plan::NetDevice& device : devices) {
    Result<> moved = move_one(*transfer, device).within(device.path);
    if (!moved.ok()) return explain(moved.take_error());
  }
  return back;
}

}  // namespace net_devices
