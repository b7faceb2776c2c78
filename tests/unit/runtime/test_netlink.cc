#include <criterion/criterion.h>
#include <linux/if_link.h>

#include "runtime/concerns/netlink.h"
#include "runtime/plan/net_devices.h"
#include "tests/unit/support/expect.h"

Test(netlink, attributes_there_and_back) {
  netlink::Request request(RTM_GETLINK, NLM_F_ACK, ifinfomsg{});
  request.add_text(IFLA_IFNAME, "eth0").add_number(IFLA_MTU, 1500);
  const std::string bytes = request.bytes(7);
  nlmsghdr header{};
  std::copy_n(bytes.data(), sizeof header, reinterpret_cast<char*>(&header));
  cr_expect_eq(header.nlmsg_len, bytes.size());
  cr_expect_eq(header.nlmsg_seq, 7U);
  cr_expect_eq(header.nlmsg_flags, NLM_F_ACK | NLM_F_REQUEST);
  cr_expect_eq(bytes.size() % NLMSG_ALIGNTO, 0UL);
  const auto found = netlink::attributes(std::string_view(bytes).substr(sizeof header + sizeof(ifinfomsg)));
  cr_assert_eq(found.size(), 2UL);
  cr_expect(found[0].type == IFLA_IFNAME && found[0].data == std::string_view("eth0", 5));
  cr_expect(found[1].type == IFLA_MTU && found[1].data.size() == 4);
}

Test(netlink, attributes_that_do_not_fit) {
  cr_expect(netlink::attributes("").empty());
  cr_expect(netlink::attributes("abc").empty(), "shorter than a header");
  cr_expect(netlink::attributes(std::string_view("\0\0\3\0", 4)).empty(), "shorter than itself");
  cr_expect(netlink::attributes(std::string_view("\x09\0\3\0abcd", 8)).empty(), "longer than the text");
  cr_expect_eq(netlink::attributes(std::string_view("\x05\0\3\0a", 5)).size(), 1UL,
               "without padding at the end");
}

Test(net_devices, names) {
  oci::Config config;
  config.linux_.emplace().net_devices = {{"eth0", {"net1"}}, {"eth1", {}}, {"eth2", {"c%d"}}, {"eth3", {""}}};
  std::string text;
  for (const plan::NetDevice& d : plan::make_net_devices(config))
    text += str::cat(d.path, " ", d.host, ">", d.inside, "\n");
  expect_text(
      text,
      "linux.netDevices.eth0 eth0>net1\nlinux.netDevices.eth1 eth1>eth1\nlinux.netDevices.eth2 eth2>c%d\n"
      "linux.netDevices.eth3 eth3>eth3\n");
}
