#include "source/xds/asking.h"

#include <utility>

#include "source/codec/grpc/status.h"

namespace pillion::xds {
namespace {

namespace v3 = envoy::service::discovery::v3;

template <typename Request>
void SetHead(Request& request, const std::string& type_url, const Asking::Node* node) {
  request.set_type_url(type_url);
  if (node != nullptr) *request.mutable_node() = *node;
}

template <typename Request>
void SetError(Request& request, const std::string& error) {
  if (error.empty()) return;
  request.mutable_error_detail()->set_code(static_cast<int>(codec::grpc::Code::kInternal));
  request.mutable_error_detail()->set_message(error);
}

// Each request has the whole list of names, the version that was taken last and the nonce of the last answer.
class StateAsking final : public Asking {
 public:
  explicit StateAsking(std::string type_url) : type_url_(std::move(type_url)) {}

  void Begin() override {
    nonce_.clear();
    if (std::exchange(put_, false)) version_.clear();
  }
  void OnAdd(const std::string& name) override { added_.insert(name); }
  void OnRemove(const std::string& name) override { added_.erase(name); }
  void OnAnswer(const Answer& answer) override { nonce_ = answer.nonce; }
  void OnExpire() override { version_.clear(); }
  void OnPut() override { put_ = true; }
  void OnTaken(const std::string& version, const Interest& interest) override {
    version_ = version;
    put_ = false;
    if (!interest.due()) added_.clear();
  }

  std::string Request(Interest& interest, const Holdings&, const Node* node) override {
    // On a new stream the other end can't know which of the names are new: by its version it would take all as answered.
    if (!interest.asked() && !added_.empty()) version_.clear();
    interest.TellList();
    return Say(interest, nonce_, "", node);
  }
  std::string Reply(const Interest& interest, const std::string& nonce, const std::string& error,
                    const Node* node) override {
    return Say(interest, nonce, error, node);
  }

 private:
  std::string Say(const Interest& interest, const std::string& nonce, const std::string& error, const Node* node) const {
    v3::DiscoveryRequest request;
    SetHead(request, type_url_, node);
    request.set_version_info(version_);
    request.set_response_nonce(nonce);
    for (const std::string& name : interest.told()) request.add_resource_names(name);
    SetError(request, error);
    return request.SerializeAsString();
  }

  const std::string type_url_;
  std::string version_;  // that was taken last
  std::string nonce_;    // of the last answer on this stream
  bool put_ = false;     // what is there is not what version_ says; this stream was told otherwise, the next one is not
  Names added_;          // of which no answer has spoken
};

// What is wanted is said in differences; a reply is a message of its own.
class DeltaAsking final : public Asking {
 public:
  explicit DeltaAsking(std::string type_url) : type_url_(std::move(type_url)) {}

  void Begin() override {}
  void OnAdd(const std::string&) override {}
  void OnRemove(const std::string&) override {}
  void OnAnswer(const Answer&) override {}
  void OnExpire() override {}
  void OnPut() override {}
  void OnTaken(const std::string&, const Interest&) override {}

  std::string Request(Interest& interest, const Holdings& holdings, const Node* node) override {
    v3::DeltaDiscoveryRequest request;
    SetHead(request, type_url_, node);
    if (!interest.asked()) {
      for (const auto& [name, held] : holdings.all()) (*request.mutable_initial_resource_versions())[name] = held.version;
    }
    for (const std::string& name : interest.added()) request.add_resource_names_subscribe(name);
    for (const std::string& name : interest.dropped()) request.add_resource_names_unsubscribe(name);
    interest.Tell();
    return request.SerializeAsString();
  }
  std::string Reply(const Interest&, const std::string& nonce, const std::string& error,
                    const Node* node) override {
    v3::DeltaDiscoveryRequest request;
    SetHead(request, type_url_, node);
    request.set_response_nonce(nonce);
    SetError(request, error);
    return request.SerializeAsString();
  }

 private:
  const std::string type_url_;
};

}  // namespace

std::unique_ptr<Asking> MakeAsking(Form form, std::string type_url) {
  if (form == Form::kDelta) return std::make_unique<DeltaAsking>(std::move(type_url));
  return std::make_unique<StateAsking>(std::move(type_url));
}

}  // namespace pillion::xds
