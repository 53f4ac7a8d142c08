#include "source/xds/sotw_stream.h"

#include <algorithm>
#include <set>
#include <utility>

#include "source/base/escape.h"
#include "source/xds/subscription_stats.h"

namespace pillion::xds {
namespace {

// Of what goes back to a control plane: it stands in a message, and in logs.
constexpr size_t kMostDetail = 4096;

}  // namespace

void ControlPlaneStats::Identify(std::string_view identifier) {
  scope_.registry().SetText(identifier_, std::string(base::CutUtf8(identifier, kMostText)));
}

ControlPlaneStats::ControlPlaneStats(stats::Registry& registry)
    : scope_(registry, stats::Prefix("control_plane")),
      connected_(registry.control().gauge(scope_.AddGauge("connected_state"))),
      identifier_(scope_.AddText("identifier")) {
  // Always zero, for the dashboards that ask for them: nothing is held back.
  scope_.AddGauge("pending_requests");
  scope_.AddCounter("rate_limit_enforced");
}

SotwStream::SotwStream(Options options, Surroundings surroundings)
    : options_(std::move(options)),
      with_(std::move(surroundings)),
      backoff_(with_.random),
      retry_(with_.timers.New()),
      complaints_(with_.clock, with_.warn),
      refusal_backoff_(with_.random),
      refusal_(with_.timers.New()) {}

void SotwStream::Start() { Connect(); }

void SotwStream::Connect() {
  const std::optional<client::Target> target = with_.target();
  if (!target) return Failed("there is no host");
  answered_ = false;
  nearby_ = target->address.family() == AF_UNIX;
  first_ = true;
  nonce_.clear();
  call_ = with_.caller.Call(
      *target,
      {.path = options_.method,
       .metadata = options_.metadata,
       .max_message = options_.max_message,
       .subscription = true},
      *this);
  Send("");
}

void SotwStream::Send(const std::string& error) {
  if (call_ == nullptr) return;
  envoy::service::discovery::v3::DiscoveryRequest request;
  request.set_version_info(version_);
  request.set_type_url(TypeUrl());
  request.set_response_nonce(nonce_);
  for (const auto& [name, watcher] : watchers_) request.add_resource_names(name);
  if (first_ || !options_.node_once) *request.mutable_node() = with_.node;
  if (!error.empty()) {
    request.mutable_error_detail()->set_code(static_cast<int>(codec::grpc::Code::kInternal));
    request.mutable_error_detail()->set_message(error);
  }
  if (first_) {
    for (const auto& [name, watcher] : watchers_) watcher->OnRequest();
  }
  first_ = false;
  call_->Send(request.SerializeAsString(), false);
}

void SotwStream::OnMessage(std::string message) {
  Response response;
  if (!response.ParseFromString(message)) {
    call_.reset();
    if (answered_) with_.stats.Connected(false);
    return Failed("a message that is no DiscoveryResponse");
  }
  if (!std::exchange(answered_, true)) with_.stats.Connected(true);
  if (response.has_control_plane()) with_.stats.Identify(response.control_plane().identifier());
  nonce_ = response.nonce();
  refusal_->Cancel();  // what came later is answered instead
  std::string error = Take(response);
  if (error.empty()) {
    backoff_.Reset();
    refusal_backoff_.Reset();
    refused_ = false;
    complaints_.Reset();
    version_ = response.version_info();
    return Send("");
  }
  error.resize(base::CutUtf8(error, kMostDetail).size());
  complaints_.Say(options_.name + ": refused version \"" +
                  std::string(base::CutUtf8(response.version_info(), kMostText)) + "\": " + error);
  if (!std::exchange(refused_, true)) return Send(error);
  refusal_->Set(refusal_backoff_.Next(), [this, error] { Send(error); });
}

std::string SotwStream::Take(const Response& response) {
  std::string errors;
  const auto add = [&errors](const std::string& error) { errors += (errors.empty() ? "" : "; ") + error; };
  if (response.type_url() != TypeUrl()) add("type_url: \"" + response.type_url() + "\", expected \"" + TypeUrl() + "\"");
  std::set<std::string> names;
  for (int i = 0; i < response.resources_size(); ++i) {
    const google::protobuf::Any& resource = response.resources(i);
    const std::string place = "resources[" + std::to_string(i) + "]";
    if (!resource.type_url().ends_with("/" + options_.type_name)) {
      add(place + ": \"" + resource.type_url() + "\", expected \"" + TypeUrl() + "\"");
      continue;
    }
    const std::string name = with_.name_of(resource);
    if (name.empty()) {
      add(place + ": bytes that are no " + options_.type_name + " with a name");
      continue;
    }
    if (!names.insert(name).second) {
      add("\"" + name + "\": twice in one answer, expected once");
      continue;
    }
    const auto watcher = watchers_.find(name);
    if (watcher == watchers_.end()) continue;
    for (const std::string& error : watcher->second->OnResource(resource, response.version_info())) {
      add("\"" + name + "\": " + error);
    }
  }
  return errors;
}

void SotwStream::OnEnd(const codec::grpc::Status& status) {
  call_.reset();
  refusal_->Cancel();
  if (answered_) with_.stats.Connected(false);
  const bool absent = status.code == codec::grpc::Code::kUnavailable && !answered_ && nearby_;
  Failed(status.text(), absent);
}

// A stream that has answered may be ended by a server that restarts: that is no reason to wait longer and longer.
void SotwStream::Failed(const std::string& why, bool absent) {
  complaints_.Say(options_.name + ": " + why + "; what was taken stays, and it is tried again");
  for (const auto& [name, watcher] : watchers_) watcher->OnFailure();
  retry_->Set(absent ? backoff_.Nearby() : backoff_.Next(), [this] { Connect(); });
}

}  // namespace pillion::xds
