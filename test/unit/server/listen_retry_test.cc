// Against the system's sockets, on simulated time.

#include "source/server/listen_retry.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test/support/simulated_timers.h"

namespace pillion::server {
namespace {

// Bound there as well, and faster.
class Other {
 public:
  explicit Other(const net::Address& address) : descriptor_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const int on = 1;
    EXPECT_EQ(setsockopt(descriptor_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), 0);
    EXPECT_EQ(bind(descriptor_, address.data(), address.size()), 0);
    EXPECT_EQ(listen(descriptor_, 1), 0);
  }
  ~Other() { close(descriptor_); }

 private:
  const int descriptor_;
};

class ListenRetryTest : public testing::Test {
 protected:
  static std::shared_ptr<net::ListenSocket> Bind() {
    net::ListenOptions options;
    options.reuse_port = false;
    options.listens = false;
    absl::StatusOr<std::unique_ptr<net::ListenSocket>> socket = net::ListenSocket::Open(*net::Address::Ip("127.0.0.1", 0), options);
    EXPECT_TRUE(socket.ok()) << socket.status();
    return *std::move(socket);
  }

  test::SimulatedClock clock_;
  test::SimulatedTimers timers_{clock_};
  std::vector<std::string> said_;
  ListenRetry retry_{timers_, [this](std::string_view line) { said_.emplace_back(line); }};
};

TEST_F(ListenRetryTest, UntilItListens) {
  const std::shared_ptr<net::ListenSocket> socket = Bind();
  const std::string at = socket->address().text();
  {
    const Other other(socket->address());
    const absl::Status why = socket->Listen();
    ASSERT_FALSE(why.ok());
    retry_.Add("web", socket, why);
    retry_.Add("web", socket, why);  // as another worker's
    timers_.Advance(5 * ListenRetry::kPause);
    ASSERT_EQ(retry_.unready().size(), 1u);
    EXPECT_EQ(retry_.unready()[0].name, "web");
    EXPECT_EQ(retry_.unready()[0].targets,
              std::vector<std::string>{"cannot listen on " + at + ": listen: Address already in use; tried again each second"});
    EXPECT_EQ(retry_.WhyNot("web", socket->address()), "cannot listen on " + at + ": listen: Address already in use");
    EXPECT_EQ(retry_.WhyNot("other", socket->address()), "");
    EXPECT_TRUE(said_.empty());
  }
  timers_.Advance(ListenRetry::kPause);
  EXPECT_EQ(said_.at(0), "listener web listens on " + at + " after all");
  EXPECT_TRUE(retry_.unready().empty());
  EXPECT_EQ(retry_.WhyNot("web", socket->address()), "");
  EXPECT_EQ(timers_.armed(), 0u);
  // It does.
  const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  EXPECT_EQ(connect(client, socket->address().data(), socket->address().size()), 0);
  close(client);
}

TEST_F(ListenRetryTest, UntilItsListenerIsGone) {
  std::shared_ptr<net::ListenSocket> socket = Bind();
  const Other other(socket->address());
  retry_.Add("web", socket, socket->Listen());
  socket = nullptr;
  EXPECT_TRUE(retry_.unready().empty());
  timers_.Advance(ListenRetry::kPause);
  EXPECT_EQ(timers_.armed(), 0u);
  EXPECT_TRUE(said_.empty());
}

}  // namespace
}  // namespace pillion::server
