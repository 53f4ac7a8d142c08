#include "source/xds/rest_subscription.h"

#include <utility>

#include "envoy/service/discovery/v3/discovery.pb.h"
#include "google/protobuf/util/json_util.h"
#include "source/config/resource_file.h"

namespace pillion::xds {
namespace {

constexpr int kOk = 200;
constexpr int kNotModified = 304;

std::string ToJson(const std::string& request) {
  envoy::service::discovery::v3::DiscoveryRequest message;
  message.ParseFromString(request);
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string json;
  (void)google::protobuf::util::MessageToJsonString(message, &json, options);  // it has no Any that could be unknown
  return json;
}

}  // namespace

RestSubscription::RestSubscription(std::string who, std::string path, const config::ApiSource& source, Options options,
                                   TypeWatcher& watcher, Surroundings surroundings)
    : FetchedSubscription(std::move(who), Form::kState, std::move(options), watcher, surroundings.clock, surroundings.log),
      path_(std::move(path)),
      delay_(source.refresh_delay),
      timeout_(source.request_timeout),
      with_(std::move(surroundings)),
      timer_(with_.timers.New()) {}

void RestSubscription::Start() {
  started_ = true;
  AskSoon();
}

void RestSubscription::Subscribe(const std::string& name) {
  protocol_.Subscribe(name);
  AskSoon();
}

void RestSubscription::Unsubscribe(const std::string& name) { protocol_.Unsubscribe(name); }

void RestSubscription::AskSoon() {
  if (!started_ || !wanted()) return;
  again_ = call_ != nullptr;
  if (call_ == nullptr) timer_->Set(base::Duration::zero(), [this] { Ask(); });
}

void RestSubscription::Ask() {
  if (!wanted()) return;
  CountAttempt();
  std::optional<client::Target> target = with_.target();
  if (!target) {
    Fail("there is no host");
    return Rest();
  }
  again_ = false;
  where_ = target->address.text();
  protocol_.Begin();
  call_ = with_.caller.Call(*target,
                            {.method = "POST",
                             .path = path_,
                             .headers = {{"content-type", "application/json"},
                                         {"accept-encoding", "identity"},
                                         {"user-agent", "pillion"}},
                             .body = ToJson(protocol_.NextRequest(&with_.node).bytes),
                             .timeout = timeout_,
                             .max_answer = kMostBytes},
                            [this](absl::StatusOr<client::HttpAnswer> answer) { OnEnd(std::move(answer)); });
}

// It counts as being asked until all of the answer was taken: what that makes wanted is asked for then.
void RestSubscription::OnEnd(absl::StatusOr<client::HttpAnswer> answer) {
  if (!answer.ok()) {
    Fail(std::string(answer.status().message()));
  } else if (!answer->encoding.empty() && answer->encoding != "identity") {
    Fail("content-encoding \"" + answer->encoding + "\", expected none");
  } else if (answer->status == kOk) {
    contact_.Reached(where_);
    if (const std::optional<Answer> read = ReadAnswer(config::ReadResourceText(answer->body, with_.unknown))) Take(*read);
  } else if (answer->status == kNotModified) {
    contact_.Reached(where_);
  } else {
    Fail("status " + std::to_string(answer->status) + ", expected 200");
  }
  call_.reset();
  Rest();
}

// At random, so that those who began together do not stay so.
void RestSubscription::Rest() {
  if (std::exchange(again_, false)) return AskSoon();
  const auto jitter = base::Duration(static_cast<int64_t>(with_.random.Below(static_cast<uint64_t>(delay_.count()))));
  timer_->Set(delay_ + jitter, [this] { Ask(); });
}

}  // namespace pillion::xds
