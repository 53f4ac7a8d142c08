#include "source/health/http_probe.h"

#include <algorithm>
#include <optional>

#include "source/codec/grpc/message.h"
#include "source/codec/http1/client_connection.h"
#include "source/codec/http2/client_connection.h"

namespace pillion::health {
namespace {

constexpr std::string_view kUserAgent = "Envoy/HC";
// Of a body that nothing bounds otherwise.
constexpr size_t kMostBody = 1024 * 1024;
constexpr size_t kMostGrpcBody = 4096;

const codec::http1::ClientOptions kHttp1Options{};
const codec::http2::Options kHttp2Options{};

bool InRanges(int status, const std::vector<config::StatusRange>& ranges) {
  return std::any_of(ranges.begin(), ranges.end(), [status](const config::StatusRange& range) {
    return status >= range.start && status < range.end;
  });
}

void AppendVarint(std::string& out, size_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

// Of grpc.health.v1.HealthCheckRequest only field 1, the service, exists.
std::string GrpcRequest(const std::string& service) {
  std::string message;
  if (!service.empty()) {
    message.push_back(0x0a);  // field 1, of a length
    AppendVarint(message, service.size());
    message += service;
  }
  return codec::grpc::Frame(message);
}

// Whether a framed grpc.health.v1.HealthCheckResponse says SERVING: field 1 is 1. Other fields are not known.
bool SaysServing(std::string_view framed) {
  codec::grpc::MessageReader reader(kMostGrpcBody);
  reader.Append(framed);
  const std::optional<std::string> message = reader.Next();
  return message && message->size() == 2 && (*message)[0] == 0x08 && (*message)[1] == 0x01;
}

}  // namespace

// Takes the answer to one request. Lives as long as its link, or until the next request on it.
class HttpProbe::Exchange final : public codec::ResponseReceiver {
 public:
  Exchange(HttpLink& link, base::BlockPool& blocks, size_t most_body)
      : link_(link), arena_(blocks), most_body_(most_body) {}

  base::Arena& arena() override { return arena_; }

 private:
  void OnInformational(http::ResponseHead&) override {}
  void OnResponseHead(http::ResponseHead& head, bool end) override {
    answer_.status = head.status;
    answer_.grpc = http::IsGrpc(head.headers);
    answer_.grpc_status = head.headers.Get(http::HeaderId::kGrpcStatus);
    answer_.degraded = head.headers.Find("x-envoy-degraded") != nullptr;
    answer_.immediate_failure = head.headers.Find("x-envoy-immediate-health-check-fail") != nullptr;
    if (const auto* field = head.headers.Find("x-envoy-upstream-healthchecked-cluster")) answer_.service = field->value();
    if (end) OnEnd();
  }
  void OnData(base::Slice data, bool end) override {
    answer_.body.append(data.view().substr(0, most_body_ - answer_.body.size()));
    if (end) OnEnd();
  }
  void OnTrailers(http::HeaderMap& trailers) override {
    if (const auto* field = trailers.Find(http::HeaderId::kGrpcStatus)) answer_.grpc_status = field->value();
    OnEnd();
  }
  void OnReset(codec::ResetReason, std::string_view) override;
  void OnSendReady() override {}
  void OnEnd();

  HttpLink& link_;
  base::Arena arena_;
  const size_t most_body_;
  Answer answer_;
};

class HttpProbe::HttpLink final : public Link, private codec::ClientEvents {
 public:
  HttpLink(HttpProbe& probe, bool http2)
      : Link(probe, http2 ? upstream::Protocol::kHttp2 : upstream::Protocol::kHttp1),
        blocks_(probe.thread_.worker.blocks()) {
    codec::ClientEvents& events = *this;
    if (http2) {
      codec_ = std::make_unique<codec::http2::ClientConnection>(connection(), events, blocks_,
                                                                probe.thread_.http2_memory, kHttp2Options);
    } else {
      codec_ = std::make_unique<codec::http1::ClientConnection>(connection(), events, blocks_, kHttp1Options);
    }
    connection().set_codec(*codec_);
  }

  void Ask() {
    HttpProbe& asking = *http_probe();
    exchange_ = std::make_unique<Exchange>(*this, blocks_, asking.MostBody());
    base::Arena& arena = exchange_->arena();
    http::RequestHead& head = *arena.New<http::RequestHead>(arena);
    asking.BuildHead(head);
    codec::ClientStream& stream = codec_->NewStream(*exchange_);
    stream.SendHead(head, asking.body_.empty());
    // The stream has room for what a configuration can hold; what it does not send at once it keeps.
    if (!asking.body_.empty()) (void)stream.SendData(base::Slice::Copy(blocks_, asking.body_), true);
  }
  bool can_ask() const { return usable() && codec_->reusable() && codec_->capacity() > 0; }
  HttpProbe* http_probe() { return static_cast<HttpProbe*>(probe()); }
  bool reusable() const { return codec_->reusable(); }

 private:
  void OnStreamEnd() override {}
  void OnCapacityChanged() override {}
  void OnFlood(codec::Flood, bool) override {}
  void OnConnectionError(std::string_view) override {}

  base::BlockPool& blocks_;
  std::unique_ptr<Exchange> exchange_;
  std::unique_ptr<codec::ClientConnection> codec_;
};

void HttpProbe::Exchange::OnReset(codec::ResetReason, std::string_view) {
  if (HttpProbe* probe = link_.http_probe()) probe->OnReset();
}

void HttpProbe::Exchange::OnEnd() {
  if (HttpProbe* probe = link_.http_probe()) probe->OnAnswer(answer_);
}

HttpProbe::HttpProbe(const ProbeThread& thread, const Target& target, Done done)
    : Probe(thread, target, std::move(done)),
      http_(std::get_if<config::HttpHealthCheck>(&config().how)),
      grpc_(std::get_if<config::GrpcHealthCheck>(&config().how)),
      body_(Body()) {}

Probe::Link& HttpProbe::NewLink() { return *new HttpLink(*this, http_ == nullptr || http_->http2); }

bool HttpProbe::LinkUsable() { return link() != nullptr && static_cast<HttpLink*>(link())->can_ask(); }

void HttpProbe::OnOpen() { static_cast<HttpLink*>(link())->Ask(); }

std::string HttpProbe::Body() const { return http_ != nullptr ? http_->send : GrpcRequest(grpc_->service_name); }

size_t HttpProbe::MostBody() const {
  if (http_ == nullptr) return kMostGrpcBody;
  if (http_->receive.empty()) return 0;
  return http_->response_buffer == 0 ? kMostBody : http_->response_buffer;
}

// All texts are the configuration's or the target's, which outlive the exchange, or its arena's.
void HttpProbe::BuildHead(http::RequestHead& head) const {
  head.scheme = "http";
  head.authority = target_.authority;
  head.version = http_ == nullptr || http_->http2 ? http::Version::kHttp2 : http::Version::kHttp11;
  head.method = http_ != nullptr ? std::string_view(http_->method) : "POST";
  head.method_id = http::FindMethod(head.method);
  head.path = http_ != nullptr ? std::string_view(http_->path) : "/grpc.health.v1.Health/Check";
  head.headers.Add(http::HeaderId::kUserAgent, kUserAgent);
  if (grpc_ != nullptr) {
    head.headers.Add(http::HeaderId::kTe, "trailers");
    head.headers.Add(http::HeaderId::kContentType, "application/grpc");
  }
  for (const config::CheckHeader& added : http_ != nullptr ? http_->add : grpc_->add) {
    if (!added.append) head.headers.Remove(added.name);
    head.headers.Add(added.name, added.value);
  }
  if (http_ != nullptr) {
    for (const http::FieldName& removed : http_->remove) {
      head.headers.RemoveIf([&](const http::HeaderField& field) { return removed.Is(field); });
    }
  }
  if (http_ != nullptr && !body_.empty()) {
    head.content_length = static_cast<int64_t>(body_.size());
    head.headers.Add(http::HeaderId::kContentLength, head.headers.arena().Copy(std::to_string(body_.size())));
  }
}

Result HttpProbe::Judge(const Answer& answer) const {
  if (http_ == nullptr) {
    const bool serving = answer.status == 200 && answer.grpc && answer.grpc_status == "0" && SaysServing(answer.body);
    return {.outcome = serving ? Outcome::kPassed : Outcome::kFailed};
  }
  if (!InRanges(answer.status, http_->expected_statuses)) {
    const bool retriable = InRanges(answer.status, http_->retriable_statuses);
    return {.outcome = retriable ? Outcome::kRetriable : Outcome::kFailed, .exclude = answer.immediate_failure};
  }
  if (!ContainsInOrder(answer.body, http_->receive)) {
    return {.outcome = Outcome::kFailed, .exclude = answer.immediate_failure};
  }
  const bool named = !http_->service_name || http_->service_name->Matches(answer.service);
  const Outcome passed = answer.degraded ? Outcome::kDegraded : Outcome::kPassed;
  return {.outcome = named ? passed : Outcome::kFailed, .name_compared = http_->service_name.has_value()};
}

void HttpProbe::OnAnswer(const Answer& answer) {
  Finish(Judge(answer), static_cast<HttpLink*>(link())->reusable());
}

void HttpProbe::OnReset() { Finish({.outcome = Outcome::kNetworkFailure}, false); }

}  // namespace pillion::health
