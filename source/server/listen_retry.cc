#include "source/server/listen_retry.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"

namespace pillion::server {

ListenRetry::ListenRetry(event::ControlTimers& timers, std::function<void(std::string_view line)> say)
    : say_(std::move(say)), timer_(timers.New()) {}

void ListenRetry::Add(const std::string& listener, const std::shared_ptr<net::ListenSocket>& socket,
                      const absl::Status& why) {
  deaf_.push_back({listener, socket, std::string(why.message())});
  timer_->Set(kPause, [this] { Try(); });
}

void ListenRetry::Try() {
  std::erase_if(deaf_, [this](Deaf& deaf) {
    const std::shared_ptr<net::ListenSocket> socket = deaf.socket.lock();
    if (socket == nullptr) return true;  // its listener is gone
    const absl::Status status = socket->Listen();
    deaf.why = std::string(status.message());
    if (status.ok()) say_(absl::StrCat("listener ", deaf.listener, " listens on ", socket->address().text(), " after all"));
    return status.ok();
  });
  if (!deaf_.empty()) timer_->Set(kPause, [this] { Try(); });
}

std::vector<Unready> ListenRetry::unready() const {
  std::map<std::string, std::vector<std::string>> by_name;
  for (const Deaf& deaf : deaf_) {
    if (deaf.socket.expired()) continue;
    std::vector<std::string>& targets = by_name[deaf.listener];
    const std::string target = absl::StrCat(deaf.why, "; tried again each second");
    if (std::ranges::find(targets, target) == targets.end()) targets.push_back(target);  // one for all workers
  }
  std::vector<Unready> all;
  for (auto& [name, targets] : by_name) all.push_back({name, std::move(targets)});
  return all;
}

std::string ListenRetry::WhyNot(std::string_view listener, const net::Address& address) const {
  for (const Deaf& deaf : deaf_) {
    const std::shared_ptr<net::ListenSocket> socket = deaf.socket.lock();
    if (socket != nullptr && deaf.listener == listener && socket->address() == address) return deaf.why;
  }
  return "";
}

}  // namespace pillion::server
