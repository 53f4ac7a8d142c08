#include "test/integration/running_server.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>

#include "source/config/load.h"
#include "source/server/log.h"
#include "source/server/server.h"

namespace pillion::test {
namespace {

constexpr std::chrono::seconds kPatience(30);

std::shared_ptr<const config::Bootstrap> Load(const std::string& text) {
  config::Loaded loaded = config::LoadText(text);
  for (const config::ConfigError& error : loaded.errors) ADD_FAILURE() << config::ErrorText("bootstrap", error);
  return loaded.bootstrap;
}

}  // namespace

bool Until(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

std::string SocketPath(std::string_view name) {
  static std::atomic<int> next = 0;
  return "@pillion-" + std::string(name) + "-" + std::to_string(getpid()) + "-" + std::to_string(next++);
}

RunningServer::RunningServer(const std::string& static_resources, uint32_t workers)
    : admin_path_(SocketPath("admin")) {
  EXPECT_TRUE(server::SetLogLevel("", "warning").ok());
  const std::shared_ptr<const config::Bootstrap> bootstrap =
      Load("admin: {address: {pipe: {path: \"" + admin_path_ + "\"}}}\nstatic_resources:\n" + static_resources);
  std::promise<absl::Status> started;
  std::future<absl::Status> start = started.get_future();
  std::promise<void> done;
  done_ = done.get_future();
  thread_ = std::thread([bootstrap, workers, started = std::move(started), done = std::move(done)]() mutable {
    {
      server::Options options;
      options.concurrency = workers;
      server::Server server(options, bootstrap, {});
      const absl::Status status = server.Start();
      started.set_value(status);
      if (status.ok()) server.Run();
    }
    done.set_value();
  });
  const absl::Status status = start.get();
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_TRUE(Until([this] { return Get("/ready") == "LIVE\n"; }));
  const std::string listeners = Get("/listeners");  // front::127.0.0.1:1234
  const size_t at = listeners.find("front::127.0.0.1:");
  EXPECT_NE(at, listeners.npos) << listeners;
  front_ = *net::Address::Ip("127.0.0.1", static_cast<uint16_t>(std::stoi(listeners.substr(at + 17))));
}

RunningServer::~RunningServer() {
  if (done_.wait_for(std::chrono::seconds(0)) != std::future_status::ready) Admin("POST", "/quitquitquit");
  thread_.join();
}

void RunningServer::Terminate() { kill(getpid(), SIGTERM); }

bool RunningServer::Ended() { return done_.wait_for(kPatience) == std::future_status::ready; }

int64_t RunningServer::stat(std::string_view name) const {
  const std::string text = Get("/stats?filter=^" + std::string(name) + "$");
  const size_t at = text.find(": ");
  return at == text.npos ? 0 : std::stoll(text.substr(at + 2));
}

std::string RunningServer::Admin(std::string_view method, std::string_view path) const {
  const net::Address address = *net::Address::Unix(admin_path_);
  const int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  std::string answer;
  if (connect(descriptor, address.data(), address.size()) == 0) {
    const std::string request =
        std::string(method) + " " + std::string(path) + " HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n";
    [[maybe_unused]] const ssize_t sent = send(descriptor, request.data(), request.size(), MSG_NOSIGNAL);
    char buffer[65536];
    for (ssize_t size; (size = read(descriptor, buffer, sizeof buffer)) > 0;) answer.append(buffer, static_cast<size_t>(size));
  }
  close(descriptor);
  const size_t body = answer.find("\r\n\r\n");
  return body == answer.npos ? "" : answer.substr(body + 4);
}

}  // namespace pillion::test
