#pragma once

// A server in this process, as main() runs one: its main thread is a thread of the test's.

#include <functional>
#include <future>
#include <string>
#include <string_view>
#include <thread>

#include "source/net/address.h"

namespace pillion::test {

class RunningServer {
 public:
  // `static_resources`: YAML, a listener "front" with port 0 among them. Ready to serve when it returns.
  RunningServer(const std::string& static_resources, uint32_t workers);
  // Ends it at once, unless it has ended.
  ~RunningServer();

  const net::Address& front() const { return front_; }
  // What the administration answers.
  std::string Get(std::string_view path) const { return Admin("GET", path); }
  // A counter or gauge; 0 where there is none.
  int64_t stat(std::string_view name) const;

  void Terminate();  // SIGTERM
  // Waits until it has ended by itself; false: it has not within some seconds.
  bool Ended();

 private:
  std::string Admin(std::string_view method, std::string_view path) const;

  const std::string admin_path_;
  net::Address front_;
  std::future<void> done_;
  std::thread thread_;
};

// Until `condition` holds; false after some seconds.
bool Until(const std::function<bool()>& condition);

// A path for a socket that no other test has.
std::string SocketPath(std::string_view name);

}  // namespace pillion::test
