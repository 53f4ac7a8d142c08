// Input: a byte of options, then answers of a control plane, each behind its length in two bytes. What must hold: a watcher is
// told of each name once in an answer, of what it wants only, and of no removal beside it; what counts as held is what it has
// taken; each answer is replied to by a request that can be read, and that has an error where one was found.

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "source/base/check.h"
#include "source/xds/type_protocol.h"

namespace pillion::xds {
namespace {

namespace v3 = envoy::service::discovery::v3;

constexpr uint8_t kDelta = 1, kNamed = 2, kRefuses = 4;

class StepClock final : public base::Clock {
 public:
  base::MonotonicTime MonotonicNow() const override { return base::MonotonicTime(now_); }
  base::WallTime WallNow() const override { return base::WallTime(now_); }
  void Advance(base::Duration by) { now_ += by; }

 private:
  base::Duration now_ = std::chrono::hours(1);
};

// Refuses what is longer than the one before it.
class Watcher final : public TypeWatcher {
 public:
  Watcher(bool named, bool refuses) : named_(named), refuses_(refuses) {}

  std::vector<Refusal> OnUpdate(const Update& update) override {
    std::vector<Refusal> refusals;
    std::set<std::string> names;
    size_t length = 10;
    for (const Resource& resource : update.resources) {
      PILLION_CHECK(!resource.name.empty() && names.insert(resource.name).second);
      PILLION_CHECK(!named_ || resource.name == "a" || resource.name == "b");
      PILLION_CHECK(resource.body != nullptr && NameWithin(resource.body->value()) == resource.name);
      PILLION_CHECK(!resource.ttl || *resource.ttl > base::Duration::zero());
      if (refuses_ && resource.body->value().size() > length) {
        refusals.push_back({resource.name, {resource.body->value()}});
      } else {
        held_[resource.name] = resource.version;
      }
      length = resource.body->value().size();
    }
    for (const std::string& name : update.removed) {
      PILLION_CHECK(names.insert(name).second);
      held_.erase(name);
    }
    return refusals;
  }

  const std::map<std::string, std::string>& held() const { return held_; }

 private:
  const bool named_;
  const bool refuses_;
  std::map<std::string, std::string> held_;
};

template <typename Request>
void CheckReply(const std::string& bytes, const Answer& answer, const std::string& error) {
  Request request;
  PILLION_CHECK(request.ParseFromString(bytes));
  PILLION_CHECK(request.response_nonce() == answer.nonce);
  PILLION_CHECK(request.error_detail().message() == error && request.has_error_detail() == !error.empty());
}

void Fuzz(std::string_view bytes) {
  if (bytes.empty()) return;
  const uint8_t options = static_cast<uint8_t>(bytes[0]);
  bytes.remove_prefix(1);
  const Form form = (options & kDelta) != 0 ? Form::kDelta : Form::kState;
  StepClock clock;
  Watcher watcher((options & kNamed) != 0, (options & kRefuses) != 0);
  TypeProtocol protocol(form, "envoy.config.cluster.v3.Cluster", (options & kNamed) == 0, watcher, clock);
  if (!protocol.all()) {
    protocol.Subscribe("a");
    protocol.Subscribe("b");
  }
  protocol.NextRequest(nullptr);
  while (bytes.size() > 2) {
    const size_t size = static_cast<uint8_t>(bytes[0]) * 256u + static_cast<uint8_t>(bytes[1]);
    const std::optional<Answer> answer = ReadAnswer(form, bytes.substr(2, size));
    bytes.remove_prefix(std::min(bytes.size(), size + 2));
    if (!answer) continue;
    const std::string error = protocol.Take(*answer);
    const std::string reply = protocol.Reply(answer->nonce, error, nullptr);
    if (form == Form::kDelta) {
      CheckReply<v3::DeltaDiscoveryRequest>(reply, *answer, error);
    } else {
      CheckReply<v3::DiscoveryRequest>(reply, *answer, error);
    }
    clock.Advance(std::chrono::seconds(1));
    protocol.Expire();
    PILLION_CHECK(protocol.holdings().all().size() == watcher.held().size());
    for (const auto& [name, held] : protocol.holdings().all()) PILLION_CHECK(watcher.held().at(name) == held.version);
    PILLION_CHECK(protocol.refused().all().size() <= Refused::kMost);
  }
}

}  // namespace
}  // namespace pillion::xds

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const bool quiet = google::protobuf::SetLogHandler(nullptr) != nullptr;  // it speaks of texts that are no UTF-8
  static_cast<void>(quiet);
  pillion::xds::Fuzz({reinterpret_cast<const char*>(data), size});
  return 0;
}
