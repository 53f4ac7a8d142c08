#include "source/filters/grpc_web/grpc_web.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "source/base/number_text.h"
#include "source/filter/grpc_calls.h"
#include "source/filters/grpc_web/text.h"
#include "source/http/grpc_message.h"
#include "source/http/parameters.h"
#include "source/http/status.h"

namespace pillion::filters::grpc_web {
namespace {

using filter::Step;
using http::HeaderId;

constexpr std::string_view kText = "application/grpc-web-text";
constexpr std::string_view kTextProto = "application/grpc-web-text+proto";
constexpr std::string_view kBinary = "application/grpc-web";
constexpr std::string_view kBinaryProto = "application/grpc-web+proto";
constexpr char kTrailersFrame = '\x80';  // its flags

bool IsText(std::string_view type) { return type == kText || type == kTextProto; }
bool IsGrpcWeb(std::string_view type) { return type == kBinary || type == kBinaryProto || IsText(type); }

// An answer whose content-type is one of gRPC-Web in binary, with whatever parameters.
bool IsBinaryAnswer(const http::ResponseHead& head) {
  std::string_view type = head.headers.Get(HeaderId::kContentType);
  type = type.substr(0, type.find(';'));
  while (type.ends_with(' ') || type.ends_with('\t')) type.remove_suffix(1);
  return type == kBinary || type == kBinaryProto;
}

// False: the client would not find in it how the call ended.
bool IsAnswerOfCall(const http::ResponseHead& head, bool end) {
  if (end) return head.headers.Has(HeaderId::kGrpcStatus);
  return head.status == 200 && (http::IsGrpc(head.headers) || IsBinaryAnswer(head));
}

class Shard final : public filter::HttpFilterShard {
 public:
  explicit Shard(const filter::ShardContext& context) : registry_(context.registry), stats_(context.stats) {}

  filter::HttpFilter* Make(filter::StreamContext& stream, const config::FilterConfig*) override;

  // Where a call of `path` to `cluster` counts; null: nowhere.
  filter::GrpcCallStats* Find(std::string_view cluster, std::string_view path) {
    if (cluster.empty()) return nullptr;
    path = http::WithoutQuery(path);
    Calls& calls = clusters_[absl::string_view(cluster.data(), cluster.size())];
    const auto found = calls.find(absl::string_view(path.data(), path.size()));
    if (found != calls.end()) return found->second.get();
    const std::optional<filter::GrpcMethod> method = filter::GrpcMethodOf(path);
    if (!method) return nullptr;
    stats::Prefix prefix = stats::Prefix("cluster").Add(stats::kClusterName, cluster).Add("grpc-web");
    // Those that have no counters of their own count for the cluster: by the path that none has.
    if (methods_ == Config::kMostMethods) path = "";
    std::unique_ptr<filter::GrpcCallStats>& made = calls[absl::string_view(path.data(), path.size())];
    if (made != nullptr) return made.get();
    if (!path.empty()) {
      ++methods_;
      prefix.Add(method->service).Add(method->name);
    }
    made = std::make_unique<filter::GrpcCallStats>(registry_, stats_, prefix);
    return made.get();
  }

 private:
  using Calls = absl::flat_hash_map<std::string, std::unique_ptr<filter::GrpcCallStats>>;  // by path

  stats::Registry& registry_;
  stats::Shard& stats_;
  absl::flat_hash_map<std::string, Calls> clusters_;  // by the name under which they are counted
  size_t methods_ = 0;
};

// Of a request that is one of gRPC-Web.
class GrpcWeb final : public filter::HttpFilter {
 public:
  explicit GrpcWeb(Shard& shard)
      : shard_(shard), send_(this, [](void* self) { static_cast<GrpcWeb*>(self)->Send(); }) {}

  Step OnRequestHead(http::RequestHead& head, bool) override {
    calls_ = shard_.Find(stream().cluster_stat_name(), head.path);
    text_request_ = IsText(head.headers.Get(HeaderId::kContentType));
    text_response_ = IsText(head.headers.Get(HeaderId::kAccept));
    head.headers.Remove(HeaderId::kContentLength);
    head.content_length = http::kNoContentLength;
    head.headers.Set(HeaderId::kContentType, "application/grpc");
    head.headers.Set(HeaderId::kTe, "trailers");
    constexpr std::string_view kEncodings = "grpc-accept-encoding";
    if (head.headers.Find(kEncodings) == nullptr) head.headers.Add(kEncodings, "identity");
    asked_ = true;
    return Step::kContinue;
  }

  Step OnRequestData(base::Slice& data, bool end) override {
    if (!text_request_) return Step::kContinue;
    std::optional<base::Slice> bytes = reader_.Read(stream().worker().blocks(), data.view());
    if (!bytes) return Refuse("grpc_base_64_decode_failed");
    if (end && reader_.partial()) return Refuse("grpc_base_64_decode_failed_bad_size");
    data = *std::move(bytes);
    return Step::kContinue;
  }

  Step OnRequestTrailers(http::HeaderMap&) override {
    return reader_.partial() ? Refuse("grpc_base_64_decode_failed_bad_size") : Step::kContinue;
  }

  Step OnResponseHead(http::ResponseHead& head, bool end) override {
    if (!asked_) return Step::kContinue;
    head_ = &head;
    CountStatus(head.headers);
    head.headers.Remove(HeaderId::kContentLength);
    head.content_length = http::kNoContentLength;
    const bool of_call = IsAnswerOfCall(head, end);
    head.headers.Set(HeaderId::kContentType, text_response_ ? kTextProto : kBinaryProto);
    return of_call || end ? Step::kContinue : Step::kCollect;
  }

  // What is no answer of gRPC becomes one: its text is the message.
  Step OnResponseBody(base::Buffer& body, http::HeaderMap* trailers) override {
    base::ArenaText text;
    for (; !body.empty(); body.Drain(body.front().size())) text.Append(stream().arena(), body.front());
    http::HeaderMap& headers = head_->headers;
    headers.Set(HeaderId::kGrpcMessage, http::EncodeGrpcMessage(stream().arena(), text.view()));
    headers.Set(HeaderId::kGrpcStatus, base::NumberText(http::GrpcStatusOf(head_->status), stream().arena()));
    headers.Set(HeaderId::kContentLength, "0");
    head_->content_length = 0;
    if (trailers != nullptr) CountStatus(*trailers);
    return Step::kContinue;
  }
  size_t collect_limit() const override { return Config::kMostMessage; }
  bool drops_excess() const override { return true; }

  Step OnResponseData(base::Slice& data, bool end) override {
    if (!text_response_ || !asked_) return Step::kContinue;
    writer_.Write(data.view(), Out());
    if (end) writer_.Finish(*out_);
    return Later(end);
  }

  Step OnResponseTrailers(http::HeaderMap& trailers) override {
    if (!asked_) return Step::kContinue;
    CountStatus(trailers);
    size_t size = 0;
    for (const http::HeaderField& field : trailers) size += field.name().size() + field.value().size() + 3;
    const auto length = static_cast<uint32_t>(size);
    const std::array<char, 5> prefix = {kTrailersFrame, static_cast<char>(length >> 24), static_cast<char>(length >> 16),
                                        static_cast<char>(length >> 8), static_cast<char>(length)};
    // A frame of its own, also where the one before it was cut off.
    if (text_response_) writer_.Finish(Out());
    Put({prefix.data(), prefix.size()});
    for (const http::HeaderField& field : trailers) {
      Put(field.name());
      Put(":");
      Put(field.value());
      Put("\r\n");
    }
    return Later(true);
  }

  void OnEnd() override {
    send_.Unlink();
    out_.reset();
  }

 private:
  Step Refuse(std::string_view details) {
    SendReply({.status = 400, .body = "Bad gRPC-web request, invalid base64 data.", .details = details});
    return Step::kPause;
  }

  void CountStatus(const http::HeaderMap& headers) {
    const http::HeaderField* const status = headers.Find(HeaderId::kGrpcStatus);
    if (calls_ != nullptr && status != nullptr) calls_->CountStatus(status->value());
  }

  base::Buffer& Out() {
    if (!out_) out_.emplace(stream().worker().blocks());
    return *out_;
  }
  void Put(std::string_view bytes) { text_response_ ? writer_.Write(bytes, Out()) : Out().Append(bytes); }

  // Nothing is sent from inside a hook.
  Step Later(bool end) {
    out_end_ = end;
    stream().worker().Step(send_);
    return Step::kTake;
  }
  void Send() {
    base::Slice data;
    do {
      if (!Out().empty()) data = out_->TakeFront();
      const bool end = out_end_ && out_->empty();
      if (!data.empty() || end) EmitResponseData(std::move(data), end);
    } while (out_ && !out_->empty());  // there is none once the stream is over
  }

  Shard& shard_;
  filter::GrpcCallStats* calls_ = nullptr;  // null: not counted
  http::ResponseHead* head_ = nullptr;
  TextReader reader_;
  TextWriter writer_;
  std::optional<base::Buffer> out_;  // what is to be sent on
  event::Task send_;
  bool out_end_ = false;
  bool text_request_ = false;
  bool text_response_ = false;
  bool asked_ = false;  // the request was seen: a filter before this one did not answer it
};

filter::HttpFilter* Shard::Make(filter::StreamContext& stream, const config::FilterConfig*) {
  const std::string_view type = stream.request().headers.Get(HeaderId::kContentType);
  return IsGrpcWeb(type) && !stream.request().path.empty() ? stream.arena().New<GrpcWeb>(*this) : nullptr;
}

}  // namespace

std::unique_ptr<filter::HttpFilterShard> Config::MakeShard(const filter::ShardContext& context) const {
  return std::make_unique<Shard>(context);
}

}  // namespace pillion::filters::grpc_web
