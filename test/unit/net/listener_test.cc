#include "source/net/listener.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

namespace pillion::net {
namespace {

int Option(const ListenSocket& socket, int level, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  EXPECT_EQ(getsockopt(socket.descriptor(), level, name, &value, &size), 0);
  return value;
}

TEST(ListenSocket, Options) {
  const auto plain = ListenSocket::Open(*Address::Ip("127.0.0.1", 0), {});
  ASSERT_TRUE(plain.ok()) << plain.status();
  EXPECT_EQ(Option(**plain, IPPROTO_IP, IP_FREEBIND), 0);
  EXPECT_EQ(Option(**plain, IPPROTO_IP, IP_TRANSPARENT), 0);
  EXPECT_EQ(Option(**plain, IPPROTO_TCP, TCP_FASTOPEN), 0);

  // 192.0.2.1 (RFC 5737) is no address of this machine.
  EXPECT_FALSE(ListenSocket::Open(*Address::Ip("192.0.2.1", 0), {}).ok());
  ListenOptions options;
  options.freebind = true;
  options.fast_open_queue = 17;
  const auto free = ListenSocket::Open(*Address::Ip("192.0.2.1", 0), options);
  ASSERT_TRUE(free.ok()) << free.status();
  EXPECT_EQ(Option(**free, IPPROTO_IP, IP_FREEBIND), 1);
  EXPECT_EQ(Option(**free, IPPROTO_TCP, TCP_FASTOPEN), 17);

  options = {};
  options.transparent = true;
  const auto transparent = ListenSocket::Open(*Address::Ip("127.0.0.1", 0), options);
  if (transparent.ok()) {
    EXPECT_EQ(Option(**transparent, IPPROTO_IP, IP_TRANSPARENT), 1);
  } else {  // wants CAP_NET_ADMIN, and says so
    EXPECT_NE(geteuid(), 0u);
    EXPECT_NE(transparent.status().message().find("IP_TRANSPARENT"), std::string::npos);
  }
}

}  // namespace
}  // namespace pillion::net
