// The system's sockets, the epoll loop and connections over them: the same behaviour as over the loopback network.

#include "source/net/socket.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <functional>

#include "source/event/epoll_loop.h"
#include "source/net/listener.h"
#include "test/unit/net/scripted_codec.h"

namespace pillion::net {
namespace {

// Runs the loop on this thread until a condition holds; fails after some seconds of real time.
class SocketTest : public testing::Test, public AcceptEvents {
 public:
  void RunUntil(const std::function<bool()>& condition) {
    bool late = false;
    base::Timer limit(&late, [](void* flag) { *static_cast<bool*>(flag) = true; });
    worker_.RunTurn();
    worker_.SetTimer(limit, std::chrono::seconds(20));
    while (!condition() && !late) loop_.Turn();
    ASSERT_FALSE(late);
  }

  void Listen(const Address& at, const ListenOptions& options = {}) {
    auto socket = ListenSocket::Open(at, options);
    ASSERT_TRUE(socket.ok()) << socket.status();
    socket_ = *std::move(socket);
    acceptor_ = std::make_unique<Acceptor>(loop_, *socket_, *this, 16);
    acceptor_->Start();
  }
  std::unique_ptr<Owned> Connect(const Address& address) {
    return std::make_unique<Owned>(worker_, connector_.Connect(address, nullptr), true);
  }

  void OnAccept(std::unique_ptr<Transport> transport) override {
    accepted_.push_back(std::make_unique<Owned>(worker_, std::move(transport), false));
  }
  void OnAccepted(uint32_t count) override { counted_ += count; }
  void OnAcceptFailed(int error) override { accept_errors_.push_back(error); }

  base::SystemClock clock_;
  event::Worker worker_{0, clock_};
  event::EpollLoop loop_{worker_};
  SocketConnector connector_{loop_};
  std::unique_ptr<ListenSocket> socket_;
  std::unique_ptr<Acceptor> acceptor_;
  std::vector<std::unique_ptr<Owned>> accepted_;
  size_t counted_ = 0;  // of those, as it was told
  std::vector<int> accept_errors_;
};

class SocketTestAt : public SocketTest, public testing::WithParamInterface<const char*> {
 public:
  Address Here() {
    const std::string name = GetParam();
    if (name == "unix") return *Address::Unix("@pillion-socket-test-" + std::to_string(getpid()));
    return *Address::Ip(name, 0);
  }
};

INSTANTIATE_TEST_SUITE_P(Families, SocketTestAt, testing::Values("127.0.0.1", "::1", "unix"),
                         [](const auto& info) { return std::string(info.param == std::string("127.0.0.1") ? "V4"
                                                                   : info.param == std::string("::1")     ? "V6"
                                                                                                          : "Unix"); });

TEST_P(SocketTestAt, ConnectsExchangesAndEnds) {
  Listen(Here());
  const std::unique_ptr<Owned> client = Connect(socket_->address());
  std::string text;
  for (int i = 0; i < 1'000'000; ++i) text += static_cast<char>('a' + i % 26);
  client->codec.Send(text);
  client->connection.EndOutput();
  RunUntil([&] { return !accepted_.empty() && accepted_[0]->codec.ends == 1; });
  Owned& server = *accepted_[0];
  EXPECT_TRUE(client->connected);
  EXPECT_EQ(server.codec.received, text);
  EXPECT_FALSE(server.closed);
  if (GetParam() != std::string("unix")) {
    EXPECT_EQ(client->connection.transport().local_address(), server.connection.transport().remote_address());
    EXPECT_EQ(server.connection.transport().local_address(), socket_->address());
  }

  server.codec.end = codec::Ending::kClose;
  server.codec.Send("answer behind your end");
  RunUntil([&] { return server.disposed; });
  EXPECT_EQ(server.closed, CloseReason::kFinished);
  accepted_.clear();
  RunUntil([&] { return client->codec.ends == 1; });
  EXPECT_EQ(client->codec.received, "answer behind your end");
}

TEST_P(SocketTestAt, AbortIsAResetForThePeer) {
  Listen(Here());
  const std::unique_ptr<Owned> client = Connect(socket_->address());
  RunUntil([&] { return client->connected && !accepted_.empty(); });
  if (GetParam() == std::string("unix")) {
    // There a reset is an end with bytes unread.
    accepted_[0]->codec.wants = false;
    client->codec.Send("not read");
    RunUntil([&] { return client->connection.bytes_written() > 0; });
  }
  accepted_[0]->connection.Abort();
  RunUntil([&] { return accepted_[0]->disposed; });
  accepted_.clear();
  RunUntil([&] { return client->closed.has_value(); });
  EXPECT_EQ(client->closed, CloseReason::kError);
  EXPECT_EQ(client->error, ECONNRESET);
}

TEST_P(SocketTestAt, TheHalfCloseOfThePeerIsToldOnce) {
  Listen(Here());
  const std::unique_ptr<Owned> client = Connect(socket_->address());
  client->connection.EndOutput();
  RunUntil([&] { return !accepted_.empty() && accepted_[0]->codec.ends == 1; });
  // The pipe fills and drains many times: as many edges that tell of the end again.
  client->codec.wants = false;
  accepted_[0]->codec.Send(std::string(4'000'000, 'x'));
  for (int i = 0; i < 5; ++i) {
    loop_.Turn();
    client->codec.wants = true;
    client->connection.ReadingResumed();
    loop_.Turn();
    client->codec.wants = false;
  }
  client->codec.wants = true;
  client->connection.ReadingResumed();
  RunUntil([&] { return client->codec.received.size() == 4'000'000; });
  EXPECT_EQ(accepted_[0]->codec.ends, 1);
}

TEST_F(SocketTest, ConnectThatIsRefused) {
  auto probe = ListenSocket::Open(*Address::Ip("127.0.0.1", 0), {.reuse_port = false});
  ASSERT_TRUE(probe.ok());
  const Address nobody = (*probe)->address();
  probe->reset();
  const std::unique_ptr<Owned> client = Connect(nobody);
  RunUntil([&] { return client->closed.has_value(); });
  EXPECT_EQ(client->closed, CloseReason::kConnectFailed);
  EXPECT_EQ(client->error, ECONNREFUSED);
}

TEST_F(SocketTest, ConnectToAUnixNameThatIsNotThere) {
  const std::unique_ptr<Owned> client = Connect(*Address::Unix("@pillion-nobody-" + std::to_string(getpid())));
  RunUntil([&] { return client->closed.has_value(); });
  EXPECT_EQ(client->closed, CloseReason::kConnectFailed);
  EXPECT_EQ(client->error, ECONNREFUSED);
}

// Hostile inputs, O1 and O2.
TEST_F(SocketTest, WithoutDescriptorsConnectsFailAndAcceptingPauses) {
  Listen(*Address::Ip("127.0.0.1", 0));
  // One round before: UBSan's own checks need descriptors when they meet a type for the first time.
  const std::unique_ptr<Owned> first = Connect(socket_->address());
  RunUntil([&] { return first->connected && accepted_.size() == 1; });
  EXPECT_EQ(counted_, 1u);
  first->connection.Close();
  accepted_[0]->connection.Close();
  RunUntil([&] { return first->disposed && accepted_[0]->disposed; });
  accepted_.clear();

  const std::unique_ptr<Owned> waiting = Connect(socket_->address());
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const int lowest_free = dup(0);
  ASSERT_GE(lowest_free, 0);
  close(lowest_free);
  rlimit none = before;
  none.rlim_cur = static_cast<rlim_t>(lowest_free);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);

  const std::unique_ptr<Owned> client = Connect(socket_->address());
  RunUntil([&] { return client->closed.has_value() && !accept_errors_.empty(); });
  EXPECT_EQ(client->closed, CloseReason::kConnectFailed);
  EXPECT_EQ(client->error, EMFILE);
  EXPECT_EQ(accept_errors_, std::vector<int>{EMFILE});
  EXPECT_TRUE(accepted_.empty());

  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  RunUntil([&] { return accepted_.size() == 1; });
  EXPECT_EQ(accept_errors_.size(), 1u);  // it paused instead of failing in every turn
}

TEST_F(SocketTest, StoppedAcceptorLeavesConnectionsInTheQueue) {
  Listen(*Address::Ip("127.0.0.1", 0));
  acceptor_->Stop();
  const std::unique_ptr<Owned> client = Connect(socket_->address());
  RunUntil([&] { return client->connected; });
  for (int i = 0; i < 3; ++i) worker_.RunTurn();
  EXPECT_TRUE(accepted_.empty());
  acceptor_->Start();
  RunUntil([&] { return accepted_.size() == 1; });
  EXPECT_FALSE(client->closed);
}

TEST_F(SocketTest, TakesAFewConnectionsATurn) {
  Listen(*Address::Ip("127.0.0.1", 0));
  acceptor_ = std::make_unique<Acceptor>(loop_, *socket_, *this, /*per_event=*/2);
  std::vector<std::unique_ptr<Owned>> clients;
  for (int i = 0; i < 5; ++i) clients.push_back(Connect(socket_->address()));
  RunUntil([&] { return std::all_of(clients.begin(), clients.end(), [](const auto& c) { return c->connected; }); });
  acceptor_->Start();
  for (const size_t count : {2u, 4u, 5u}) {
    RunUntil([&, before = accepted_.size()] { return accepted_.size() > before; });
    EXPECT_EQ(accepted_.size(), count);
  }
}

TEST_F(SocketTest, BacklogIsWhatWasAskedFor) {
  const auto backlog = [](const ListenOptions& options) {
    const auto socket = ListenSocket::Open(*Address::Ip("127.0.0.1", 0), options);
    tcp_info info{};
    socklen_t size = sizeof info;
    EXPECT_EQ(getsockopt((*socket)->descriptor(), IPPROTO_TCP, TCP_INFO, &info, &size), 0);
    return info.tcpi_sacked;  // of a listening socket
  };
  EXPECT_EQ(backlog({.backlog = 7}), 7u);
  EXPECT_GT(backlog({}), 7u);
}

TEST_F(SocketTest, KeepaliveOfTheSystem) {
  Listen(*Address::Ip("127.0.0.1", 0));
  const int descriptor = dup(0);  // the next one
  close(descriptor);
  const ConnectOptions options{.keepalive = TcpKeepaliveOptions{.probes = 3, .time_s = 60, .interval_s = 7}};
  const std::unique_ptr<Transport> transport = connector_.Connect(socket_->address(), &options);
  const auto option = [&](int level, int name) {
    int value = -1;
    socklen_t size = sizeof value;
    EXPECT_EQ(getsockopt(descriptor, level, name, &value, &size), 0);
    return value;
  };
  EXPECT_EQ(option(SOL_SOCKET, SO_KEEPALIVE), 1);
  EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPCNT), 3);
  EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPIDLE), 60);
  EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPINTVL), 7);
}

TEST_F(SocketTest, ConnectsFromTheSourceOfItsFamily) {
  Listen(*Address::Ip("127.0.0.1", 0));
  const ConnectOptions options{.sources = {*Address::Ip("::1", 0), *Address::Ip("127.0.0.7", 0)}};
  const std::unique_ptr<Transport> transport = connector_.Connect(socket_->address(), &options);
  EXPECT_EQ(transport->connect_error(), 0);
  EXPECT_EQ(transport->local_address().ip(), "127.0.0.7");
  EXPECT_NE(transport->local_address().port(), 0);
}

// As where a client's connections go to a host that has addresses of both families.
TEST_F(SocketTest, AForeignSourceIsOnlyForPeersOfItsFamily) {
  Listen(*Address::Ip("127.0.0.1", 0));
  ConnectOptions options{.foreign_source = Address::Ip("2001:db8::7", 0)};
  const std::unique_ptr<Transport> plain = connector_.Connect(socket_->address(), &options);
  EXPECT_EQ(plain->connect_error(), 0);
  EXPECT_EQ(plain->local_address().ip(), "127.0.0.1");
  options.sources = {*Address::Ip("127.0.0.7", 0)};
  const std::unique_ptr<Transport> bound = connector_.Connect(socket_->address(), &options);
  EXPECT_EQ(bound->connect_error(), 0);
  EXPECT_EQ(bound->local_address().ip(), "127.0.0.7");
  // Who may take it gets it; nobody connects from elsewhere in its place.
  options.foreign_source = Address::Ip("127.0.0.8", 0);
  const std::unique_ptr<Transport> foreign = connector_.Connect(socket_->address(), &options);
  const int error = foreign->connect_error();
  EXPECT_EQ(error, ForeignSourceError(0));
  if (error == 0) {
    EXPECT_EQ(foreign->local_address().ip(), "127.0.0.8");
  } else {
    EXPECT_EQ(error, EPERM);
  }
}

TEST_F(SocketTest, WhatTheSystemRefusesFailsTheConnect) {
  Listen(*Address::Ip("127.0.0.1", 0));
  // TEST-NET-1 is nobody's; with freebind it can be bound to all the same, only leads nowhere from there.
  ConnectOptions options{.sources = {*Address::Ip("192.0.2.1", 0)}};
  EXPECT_EQ(connector_.Connect(socket_->address(), &options)->connect_error(), EADDRNOTAVAIL);
  options.freebind = true;
  EXPECT_NE(connector_.Connect(socket_->address(), &options)->connect_error(), EADDRNOTAVAIL);
  options = {.sources = {*Address::Ip("::1", 0)}};
  EXPECT_NE(connector_.Connect(socket_->address(), &options)->connect_error(), 0);
  options = {.socket_options = {{.level = SOL_SOCKET, .name = 9999, .value = "1234"}}};
  EXPECT_EQ(connector_.Connect(socket_->address(), &options)->connect_error(), ENOPROTOOPT);
}

TEST_F(SocketTest, SocketOptionsAreSet) {
  Listen(*Address::Ip("127.0.0.1", 0));
  const int descriptor = dup(0);  // the next one
  close(descriptor);
  const int tos = 16, priority = 3;
  const ConnectOptions options{
      .socket_options = {{.level = IPPROTO_IP,
                          .name = IP_TOS,
                          .value = std::string(reinterpret_cast<const char*>(&tos), sizeof tos)},
                         {.level = SOL_SOCKET,
                          .name = SO_PRIORITY,
                          .value = std::string(reinterpret_cast<const char*>(&priority), sizeof priority),
                          .when = SocketOption::When::kBound}}};
  const std::unique_ptr<Transport> transport = connector_.Connect(socket_->address(), &options);
  EXPECT_EQ(transport->connect_error(), 0);
  const auto option = [&](int level, int name) {
    int value = -1;
    socklen_t size = sizeof value;
    EXPECT_EQ(getsockopt(descriptor, level, name, &value, &size), 0);
    return value;
  };
  EXPECT_EQ(option(IPPROTO_IP, IP_TOS), 16);
  EXPECT_EQ(option(SOL_SOCKET, SO_PRIORITY), 3);
}

TEST_F(SocketTest, ListenErrorsNameThePlaceAndTheReason) {
  auto first = ListenSocket::Open(*Address::Ip("127.0.0.1", 0), {.reuse_port = false});
  ASSERT_TRUE(first.ok());
  const auto second = ListenSocket::Open((*first)->address(), {.reuse_port = false});
  EXPECT_EQ(second.status().message(),
            "cannot listen on " + (*first)->address().text() + ": bind: Address already in use");
  const auto foreign = ListenSocket::Open(*Address::Ip("192.0.2.1", 0), {});
  EXPECT_EQ(foreign.status().message(), "cannot listen on 192.0.2.1:0: bind: Cannot assign requested address");
}

TEST_F(SocketTest, Ipv4CompatTakesBoth) {
  for (const bool compat : {true, false}) {
    Listen(*Address::Ip("::", 0), {.ipv4_compat = compat});
    accepted_.clear();
    const std::unique_ptr<Owned> v6 = Connect(*Address::Ip("::1", socket_->address().port()));
    const std::unique_ptr<Owned> v4 = Connect(*Address::Ip("127.0.0.1", socket_->address().port()));
    RunUntil([&] { return v6->connected && (v4->connected || v4->closed.has_value()); });
    EXPECT_EQ(v4->connected, compat);
    RunUntil([&] { return accepted_.size() == (compat ? 2u : 1u); });
    acceptor_.reset();
  }
}

TEST_F(SocketTest, ReusePortGivesEachWorkerASocketOfItsOwn) {
  auto first = ListenSocket::Open(*Address::Ip("127.0.0.1", 0), {});
  ASSERT_TRUE(first.ok());
  EXPECT_TRUE(ListenSocket::Open((*first)->address(), {}).ok());
}

// As of another process: who shares a port with it says so.
TEST_F(SocketTest, SomebodyElseListens) {
  auto first = ListenSocket::Open(*Address::Ip("127.0.0.1", 0), {.listens = false});
  ASSERT_TRUE(first.ok());
  const Address address = (*first)->address();
  EXPECT_TRUE(ListenSocket::CheckUnshared(address, {}).ok()) << "nobody listens yet";
  ASSERT_TRUE((*first)->Listen().ok());
  const std::string text = address.text();
  EXPECT_EQ(ListenSocket::CheckUnshared(address, {}).message(),
            "cannot listen on " + text + ": another process listens there: Address already in use");
  EXPECT_FALSE(ListenSocket::CheckUnshared(*Address::Ip("0.0.0.0", address.port()), {}).ok()) << "that is there, too";
  EXPECT_TRUE(ListenSocket::CheckUnshared(*Address::Ip("127.0.0.2", address.port()), {}).ok());
  EXPECT_TRUE(ListenSocket::CheckUnshared(*Address::Ip("127.0.0.1", 0), {}).ok());
  first->reset();
  EXPECT_TRUE(ListenSocket::CheckUnshared(address, {}).ok());
}

TEST_F(SocketTest, SocketFileIsReplacedUnlessSomebodyListens) {
  const std::string path = "/tmp/pillion-socket-test-" + std::to_string(getpid());
  const Address address = *Address::Unix(path);
  auto first = ListenSocket::Open(address, {.unix_mode = 0600});
  ASSERT_TRUE(first.ok()) << first.status();
  struct stat status;
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  EXPECT_EQ(ListenSocket::Open(address, {}).status().message(),
            "cannot listen on " + path + ": bind: Address already in use");
  first->reset();  // the file stays
  EXPECT_TRUE(ListenSocket::Open(address, {}).ok());
  unlink(path.c_str());
}

}  // namespace
}  // namespace pillion::net
