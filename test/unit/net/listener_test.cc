#include "source/net/listener.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

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

TEST(ListenSocket, SocketOptions) {
  const auto number = [](int value) { return std::string(reinterpret_cast<const char*>(&value), sizeof value); };
  ListenOptions options;
  options.socket_options = {{.level = SOL_SOCKET, .name = SO_KEEPALIVE, .value = number(1)},
                            {.level = IPPROTO_IP, .name = IP_TOS, .value = number(16), .when = SocketOption::When::kBound},
                            {.level = IPPROTO_TCP, .name = TCP_KEEPIDLE, .value = number(77),
                             .when = SocketOption::When::kListening}};
  const auto socket = ListenSocket::Open(*Address::Ip("127.0.0.1", 0), options);
  ASSERT_TRUE(socket.ok()) << socket.status();
  EXPECT_EQ(Option(**socket, SOL_SOCKET, SO_KEEPALIVE), 1);
  EXPECT_EQ(Option(**socket, IPPROTO_IP, IP_TOS), 16);
  EXPECT_EQ(Option(**socket, IPPROTO_TCP, TCP_KEEPIDLE), 77);

  for (const auto when : {SocketOption::When::kPrebind, SocketOption::When::kBound, SocketOption::When::kListening}) {
    options.socket_options = {{.level = SOL_SOCKET, .name = SO_KEEPALIVE, .value = number(1)},
                              {.level = SOL_SOCKET, .name = 9999, .value = number(1), .when = when}};
    const auto refused = ListenSocket::Open(*Address::Ip("127.0.0.1", 0), options);
    EXPECT_NE(refused.status().message().find("socket_options[1]: level 1, name 9999: Protocol not available"),
              std::string::npos)
        << refused.status();
  }
}

// One that somebody listens on is left alone, also where nobody accepts from it: who knocks does not wait for room.
TEST(ListenSocket, UnixSocketWithAFullQueue) {
  const std::string path = "/tmp/pillion-full-" + std::to_string(getpid());
  const Address address = *Address::Unix(path);
  const int other = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(bind(other, address.data(), address.size()), 0);
  ASSERT_EQ(listen(other, 0), 0);
  const auto knock = [&] {
    const int client = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    EXPECT_GE(client, 0);
    const bool taken = connect(client, address.data(), address.size()) == 0;
    EXPECT_TRUE(taken || errno == EAGAIN);
    return std::pair(client, taken);
  };
  std::vector<int> clients;
  for (bool taken = true; taken && clients.size() < 100;) {
    const auto [client, one] = knock();
    clients.push_back(client);
    taken = one;
  }
  ASSERT_LT(clients.size(), 100u);
  const auto refused = ListenSocket::Open(address, {});
  EXPECT_NE(refused.status().message().find("Address already in use"), std::string::npos) << refused.status();
  for (const int client : clients) close(client);
  close(other);
  EXPECT_TRUE(ListenSocket::Open(address, {}).ok());  // nobody has it any more
  unlink(path.c_str());
}

}  // namespace
}  // namespace pillion::net
