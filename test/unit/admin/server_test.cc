// The server over real sockets: the loop on this thread, clients with blocking sockets on another.

#include "source/admin/server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/executor_work_guard.hpp>
#include <cstring>
#include <fstream>
#include <functional>
#include <sstream>
#include <thread>

namespace pillion::admin {
namespace {

int Connect(const config::Address& address) {
  sockaddr_storage storage = {};
  socklen_t size;
  if (const auto* socket = std::get_if<config::SocketAddress>(&address)) {
    if (socket->is_ipv6) {
      auto* six = reinterpret_cast<sockaddr_in6*>(&storage);
      six->sin6_family = AF_INET6;
      six->sin6_port = htons(socket->port);
      inet_pton(AF_INET6, socket->ip.c_str(), &six->sin6_addr);
      size = sizeof *six;
    } else {
      auto* four = reinterpret_cast<sockaddr_in*>(&storage);
      four->sin_family = AF_INET;
      four->sin_port = htons(socket->port);
      inet_pton(AF_INET, socket->ip.c_str(), &four->sin_addr);
      size = sizeof *four;
    }
  } else {
    auto* local = reinterpret_cast<sockaddr_un*>(&storage);
    local->sun_family = AF_UNIX;
    const std::string& path = std::get<config::UnixPath>(address).path;
    std::memcpy(local->sun_path, path.data(), path.size());
    if (path[0] == '@') local->sun_path[0] = '\0';
    size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + (path[0] == '@' ? 0 : 1));
  }
  const int descriptor = socket(storage.ss_family, SOCK_STREAM, 0);
  EXPECT_EQ(connect(descriptor, reinterpret_cast<sockaddr*>(&storage), size), 0) << strerror(errno);
  return descriptor;
}

void Send(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
}

std::string ReadToEnd(int descriptor) {
  std::string out;
  char bytes[4096];
  for (ssize_t got; (got = recv(descriptor, bytes, sizeof bytes, 0)) > 0;)
    out.append(bytes, static_cast<size_t>(got));
  close(descriptor);
  return out;
}

class ServerTest : public ::testing::Test {
 protected:
  ServerTest() {
    sources_.state = [] { return State::kLive; };
    sources_.uptime = [] { return std::chrono::seconds(1); };
    sources_.quit = [this] { io_.stop(); };
    sources_.reopen_logs = [this] { ++reopened_; };
    sources_.listeners = [this] {
      return std::vector<ListenerView>(many_listeners_, {std::string(1000, 'l'), config::UnixPath{"/x"}});
    };
  }

  void Listen(const config::Address& address, const Limits& limits = {},
              std::vector<std::unique_ptr<telemetry::AccessLog>> logs = {}) {
    server_ = std::make_unique<Server>(io_, endpoints_, access_, stats_, std::move(logs),
                                       [this](const std::string& text) { said_.push_back(text); }, limits);
    const absl::Status status = server_->Listen(address);
    ASSERT_TRUE(status.ok()) << status;
  }
  void Listen(const Limits& limits = {}) { Listen(config::SocketAddress{"127.0.0.1", false, 0}, limits); }

  // Runs the loop until `client` has returned.
  void While(const std::function<void()>& client) {
    const auto work = boost::asio::make_work_guard(io_);
    std::thread thread([&] {
      client();
      io_.stop();
    });
    io_.restart();
    io_.run();
    thread.join();
  }

  std::string Exchange(std::string_view bytes) {
    std::string answer;
    While([&] {
      const int descriptor = Connect(server_->local_address());
      Send(descriptor, bytes);
      answer = ReadToEnd(descriptor);
    });
    return answer;
  }

  uint64_t Counter(std::string_view name) {
    for (const stats::Snapshot::Number& number : stats_.Read().numbers) {
      if (number.description->name() == name) return number.counter;
    }
    return UINT64_MAX;
  }

  stats::Registry stats_{1};
  Sources sources_;
  Endpoints endpoints_{sources_, stats_};
  config::AdminAccess granted_ = config::DefaultAdminAccess();
  Access access_{granted_, false};
  std::vector<std::string> said_;
  boost::asio::io_context io_{1};
  std::unique_ptr<Server> server_;
  int reopened_ = 0;
  size_t many_listeners_ = 0;
};

TEST_F(ServerTest, AnswersOnAKeptConnection) {
  Listen();
  const std::string answer = Exchange(
      "GET /ready HTTP/1.1\r\nhost: a\r\n\r\n"
      "HEAD /ready HTTP/1.1\r\nhost: a\r\n\r\n"
      "POST /reopen_logs HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nx=y"
      "GET /none HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
  const std::string head =
      "HTTP/1.1 200 OK\r\nServer: pillion\r\nContent-Type: text/plain; charset=UTF-8\r\n"
      "Cache-Control: no-cache, max-age=0\r\nx-content-type-options: nosniff\r\n";
  EXPECT_TRUE(answer.starts_with(head + "Content-Length: 5\r\n\r\nLIVE\n" + head + "Content-Length: 5\r\n\r\n" +
                                 head + "Content-Length: 3\r\n\r\nOK\nHTTP/1.1 404 Not Found\r\n"))
      << answer;
  EXPECT_EQ(reopened_, 1);
  EXPECT_EQ(Counter("http.admin.downstream_cx_total"), 1u);
  EXPECT_EQ(Counter("http.admin.downstream_rq_total"), 4u);
  EXPECT_EQ(Counter("http.admin.downstream_rq_2xx"), 3u);
  EXPECT_EQ(Counter("http.admin.downstream_rq_4xx"), 1u);
}

TEST_F(ServerTest, FormsAreRead) {
  std::string level;
  sources_.set_log_level = [&](const std::string&, const std::string& wanted) {
    level = wanted;
    return absl::OkStatus();
  };
  sources_.log_levels = [] { return std::vector<std::pair<std::string, std::string>>(); };
  Listen();
  Exchange(
      "POST /logging HTTP/1.1\r\nconnection: close\r\ncontent-type: application/x-www-form-urlencoded\r\n"
      "content-length: 18\r\n\r\nlevel=debug&paths=");
  EXPECT_EQ(level, "debug");
}

TEST_F(ServerTest, ThePageNamesItsPolicy) {
  Listen();
  const std::string answer = Exchange("GET / HTTP/1.1\r\nconnection: close\r\n\r\n");
  EXPECT_NE(answer.find("content-security-policy: default-src 'none';"), std::string::npos);
  EXPECT_NE(answer.find("<h1>pillion</h1>"), std::string::npos);
}

TEST_F(ServerTest, BadRequestsGetAnAnswer) {
  Listen();
  EXPECT_TRUE(Exchange("GET / HTTP/1.1\r\nbad header\r\n\r\n").starts_with("HTTP/1.1 400 "));
  EXPECT_TRUE(Exchange("\x16\x03\x01\x02").starts_with("HTTP/1.1 400 "));
  EXPECT_TRUE(Exchange("OPTIONS * HTTP/1.1\r\nconnection: close\r\n\r\n").starts_with("HTTP/1.1 400 "));
  EXPECT_TRUE(
      Exchange("GET / HTTP/1.1\r\nx: " + std::string(20'000, 'x') + "\r\n\r\n").starts_with("HTTP/1.1 431 "));
  EXPECT_TRUE(
      Exchange("POST /reopen_logs HTTP/1.1\r\ncontent-length: 100000\r\n\r\n").starts_with("HTTP/1.1 413 "));
  EXPECT_EQ(reopened_, 0);
}

TEST_F(ServerTest, PagesOfOtherOriginsPressNoButtons) {
  Listen();
  const auto post = [this](std::string_view origin) {
    return Exchange("POST /reopen_logs HTTP/1.1\r\nhost: 127.0.0.1:9901\r\norigin: " + std::string(origin) +
                    "\r\nconnection: close\r\n\r\n");
  };
  EXPECT_TRUE(post("http://evil.example").starts_with("HTTP/1.1 403 "));
  EXPECT_TRUE(post("null").starts_with("HTTP/1.1 403 "));
  EXPECT_EQ(reopened_, 0);
  EXPECT_TRUE(post("http://127.0.0.1:9901").starts_with("HTTP/1.1 200 "));
  EXPECT_EQ(reopened_, 1);
}

TEST_F(ServerTest, SlowRequestsEnd) {
  Limits limits;
  limits.request_timeout = std::chrono::seconds(0);
  Listen(limits);
  EXPECT_EQ(Exchange("GET /ready HT"), "");
}

// Who has said nothing for longest gives way.
TEST_F(ServerTest, TooManyConnectionsAreClosed) {
  Limits limits;
  limits.connections = 2;
  Listen(limits);
  While([&] {
    const int first = Connect(server_->local_address());
    const int second = Connect(server_->local_address());
    const int third = Connect(server_->local_address());
    EXPECT_EQ(ReadToEnd(first), "");
    Send(third, "GET /ready HTTP/1.1\r\nconnection: close\r\n\r\n");
    EXPECT_TRUE(ReadToEnd(third).ends_with("LIVE\n"));
    close(second);
  });
  EXPECT_EQ(Counter("http.admin.downstream_cx_overflow"), 1u);
}

// Clients that ask for much and read nothing: others get a short answer instead of memory, and live again
// afterwards.
TEST_F(ServerTest, SlowReadersDoNotFillTheMemory) {
  Limits limits;
  limits.waiting_bytes = 8 << 20;
  many_listeners_ = 10'000;  // 10 MB of text
  Listen(limits);
  While([&] {
    const int slow = Connect(server_->local_address());
    Send(slow, "GET /listeners HTTP/1.1\r\n\r\n");
    char byte;
    EXPECT_EQ(recv(slow, &byte, 1, 0), 1);  // its answer is on the way
    const int other = Connect(server_->local_address());
    Send(other, "GET /ready HTTP/1.1\r\n\r\n");
    EXPECT_TRUE(ReadToEnd(other).starts_with("HTTP/1.1 503 "));
    shutdown(slow, SHUT_WR);
    EXPECT_GT(ReadToEnd(slow).size(), 10'000'000u);
    const int again = Connect(server_->local_address());
    Send(again, "GET /ready HTTP/1.1\r\nconnection: close\r\n\r\n");
    EXPECT_TRUE(ReadToEnd(again).ends_with("LIVE\n"));
  });
  EXPECT_EQ(Counter("http.admin.downstream_rq_overload_close"), 1u);
}

TEST_F(ServerTest, QuitComesAfterItsAnswer) {
  Listen();
  std::string answer;
  std::thread client([&, address = server_->local_address()] {
    const int descriptor = Connect(address);
    Send(descriptor, "POST /quitquitquit HTTP/1.1\r\nconnection: close\r\n\r\n");
    answer = ReadToEnd(descriptor);
  });
  io_.run();  // quit stops it
  server_.reset();
  io_.restart();
  io_.poll();  // what was under way ends
  client.join();
  EXPECT_TRUE(answer.ends_with("OK\n")) << answer;
}

TEST_F(ServerTest, EndsWithConnectionsOpen) {
  Listen();
  While([&] {
    const int descriptor = Connect(server_->local_address());
    Send(descriptor, "GET /ready HTTP/1.1\r\n\r\n");
    char byte;
    EXPECT_EQ(recv(descriptor, &byte, 1, 0), 1);
    close(descriptor);
  });
  const int open = Connect(server_->local_address());
  io_.restart();
  while (Counter("http.admin.downstream_cx_total") < 2) io_.run_one();
  server_.reset();
  io_.poll();
  EXPECT_EQ(ReadToEnd(open), "");
  EXPECT_EQ(Counter("http.admin.downstream_cx_total"), UINT64_MAX);
}

TEST_F(ServerTest, IPv6) {
  Listen(config::SocketAddress{"::1", true, 0});
  EXPECT_TRUE(Exchange("GET /ready HTTP/1.1\r\nconnection: close\r\n\r\n").ends_with("LIVE\n"));
}

TEST_F(ServerTest, UnixSocketReplacesAStaleOneAndGoes) {
  std::string pattern = "/tmp/pillion_admin_XXXXXX";  // a socket's path is short
  const std::string directory = mkdtemp(pattern.data());
  const std::string path = directory + "/admin.sock";
  Listen(config::UnixPath{path, 0600});
  struct stat status;
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  ASSERT_EQ(link(path.c_str(), (path + ".stale").c_str()), 0);
  server_.reset();
  EXPECT_NE(stat(path.c_str(), &status), 0);
  ASSERT_EQ(rename((path + ".stale").c_str(), path.c_str()), 0);
  Listen(config::UnixPath{path, std::nullopt});
  EXPECT_TRUE(Exchange("GET /ready HTTP/1.1\r\nconnection: close\r\n\r\n").ends_with("LIVE\n"));
  server_.reset();
  EXPECT_EQ(rmdir(directory.c_str()), 0);
}

TEST_F(ServerTest, AbstractUnixSocket) {
  Listen(config::UnixPath{"@pillion_admin_test_" + std::to_string(getpid()), std::nullopt});
  EXPECT_TRUE(Exchange("GET /ready HTTP/1.1\r\nconnection: close\r\n\r\n").ends_with("LIVE\n"));
}

TEST_F(ServerTest, ErrorsNameTheAddress) {
  Listen();
  Server second(io_, endpoints_, access_, stats_, {}, {});
  const absl::Status status = second.Listen(server_->local_address());
  EXPECT_EQ(status.message(), "admin: cannot listen on " + config::AddressText(server_->local_address()) +
                                  ": Address already in use");
  EXPECT_FALSE(Server(io_, endpoints_, access_, stats_, {}, {}).Listen(config::UnixPath{std::string(200, 'x')}).ok());
}

// A second process with the same socket file would leave the first one without a way to it.
TEST_F(ServerTest, ASocketFileThatSomebodyListensOnStays) {
  const std::string path = "/tmp/pillion_admin_taken_" + std::to_string(getpid());  // a short one
  Listen(config::UnixPath{path, std::nullopt});
  const absl::Status status = Server(io_, endpoints_, access_, stats_, {}, {}).Listen(config::UnixPath{path, std::nullopt});
  EXPECT_EQ(status.message(), "admin: cannot listen on " + path + ": Address already in use");
  EXPECT_TRUE(Exchange("GET /ready HTTP/1.1\r\nconnection: close\r\n\r\n").ends_with("LIVE\n"));
}

TEST_F(ServerTest, WritesAccessLogs) {
  std::string pattern = ::testing::TempDir() + "admin_XXXXXX";
  const std::string path = std::string(mkdtemp(pattern.data())) + "/access.log";
  telemetry::LogWriter writer(stats_, std::chrono::hours(1));
  std::vector<std::string> errors;
  std::vector<std::unique_ptr<telemetry::AccessLog>> logs;
  logs.push_back(telemetry::AccessLog::Create(
      {config::FileLogSink{path},
       config::TextLogFormat{"%REQ(:METHOD)% %REQ(:PATH)% %REQ(X-A)% %RESPONSE_CODE%\n"}},
      writer, errors));
  ASSERT_TRUE(errors.empty());
  Listen(config::SocketAddress{"127.0.0.1", false, 0}, {}, std::move(logs));
  Exchange("GET /ready?x HTTP/1.1\r\nX-A: b\r\nconnection: close\r\n\r\n");
  writer.Flush();
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_EQ(text.str(), "GET /ready?x b 200\n");
  server_.reset();  // before the writer
}

}  // namespace
}  // namespace pillion::admin
