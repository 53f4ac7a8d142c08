#include "source/filters/grpc_stats/grpc_stats.h"

#include <algorithm>
#include <charconv>

#include "absl/container/flat_hash_map.h"
#include "source/filter/grpc_calls.h"
#include "source/filters/grpc_stats/message_counter.h"
#include "source/http/parameters.h"

namespace pillion::filters::grpc_stats {
namespace {

using filter::Step;
using telemetry::TimePoint;

constexpr std::string_view kObject = "envoy.filters.http.grpc_stats";
constexpr std::string_view kServiceLabel = "envoy_grpc_bridge_service";
constexpr std::string_view kMethodLabel = "envoy_grpc_bridge_method";

// Counters of one method, or of all that have none of their own.
class Calls final : public filter::GrpcCallStats {
 public:
  Calls(stats::Registry& registry, stats::Shard& shard, const stats::Prefix& prefix)
      : GrpcCallStats(registry, shard, prefix),
        request_messages(*shard.counter(scope_.AddCounter("request_message_count"))),
        response_messages(*shard.counter(scope_.AddCounter("response_message_count"))) {}

  stats::Histogram& upstream_time() {
    if (upstream_time_ == nullptr) upstream_time_ = shard_.histogram(scope_.AddHistogram("upstream_rq_time"));
    return *upstream_time_;
  }

 private:
  stats::Histogram* upstream_time_ = nullptr;

 public:
  stats::Counter& request_messages;
  stats::Counter& response_messages;
};

class Shard final : public filter::HttpFilterShard {
 public:
  Shard(const Config& config, const filter::ShardContext& context)
      : settings(config.settings()), registry_(context.registry), stats_(context.stats) {}

  filter::HttpFilter* Make(filter::StreamContext& stream, const config::FilterConfig*) override;

  // Where a call of `path` to `cluster` counts; null: nowhere.
  Calls* Find(std::string_view cluster, std::string_view path) {
    if (cluster.empty()) return nullptr;
    Cluster& own = clusters_[absl::string_view(cluster.data(), cluster.size())];
    const std::string_view plain = http::WithoutQuery(path);
    const auto found = own.methods.find(absl::string_view(plain.data(), plain.size()));
    if (found != own.methods.end()) return found->second.get();
    const bool listed = settings.all_methods || settings.methods.contains(plain);
    const std::optional<filter::GrpcMethod> method = listed ? filter::GrpcMethodOf(path) : std::nullopt;
    if (!method && settings.all_methods) return nullptr;
    if (!method || methods_ == Config::kMostMethods) return &AllOf(own, cluster);
    ++methods_;
    std::string service(method->service);
    if (settings.replace_dots) std::replace(service.begin(), service.end(), '.', '_');
    auto calls = std::make_unique<Calls>(
        registry_, stats_, PrefixOf(cluster).Add(kServiceLabel, service).Add(kMethodLabel, method->name));
    return own.methods.emplace(std::string(plain), std::move(calls)).first->second.get();
  }

  const Settings& settings;

 private:
  struct Cluster {
    std::unique_ptr<Calls> all;
    absl::flat_hash_map<std::string, std::unique_ptr<Calls>> methods;  // by path
  };

  static stats::Prefix PrefixOf(std::string_view cluster) {
    return stats::Prefix("cluster").Add(stats::kClusterName, cluster).Add("grpc");
  }
  Calls& AllOf(Cluster& own, std::string_view cluster) {
    if (own.all == nullptr) own.all = std::make_unique<Calls>(registry_, stats_, PrefixOf(cluster));
    return *own.all;
  }

  stats::Registry& registry_;
  stats::Shard& stats_;
  absl::flat_hash_map<std::string, Cluster> clusters_;  // by the name under which they are counted
  size_t methods_ = 0;
};

class GrpcStats final : public filter::HttpFilter {
 public:
  explicit GrpcStats(Shard& shard) : shard_(shard) {}

  Step OnRequestHead(http::RequestHead& head, bool) override {
    calls_ = shard_.Find(stream().cluster_stat_name(), head.path);
    return Step::kContinue;
  }
  Step OnRequestData(base::Slice& data, bool) override {
    const uint32_t begun = requests_.Count(data.view());
    if (calls_ != nullptr) calls_->request_messages.Add(begun);
    return Step::kContinue;
  }
  Step OnResponseHead(http::ResponseHead& head, bool) override {
    CountStatus(head.headers);
    return Step::kContinue;
  }
  Step OnResponseData(base::Slice& data, bool) override {
    const uint32_t begun = responses_.Count(data.view());
    if (calls_ != nullptr) calls_->response_messages.Add(begun);
    return Step::kContinue;
  }
  Step OnResponseTrailers(http::HeaderMap& trailers) override {
    CountStatus(trailers);
    return Step::kContinue;
  }

  void OnEnd() override {
    if (shard_.settings.filter_state && requests_.total() + responses_.total() > 0) Emit();
    if (!shard_.settings.upstream_time || calls_ == nullptr) return;
    telemetry::RequestRecord record;
    stream().Describe(record);
    const base::MonotonicTime sent = record.at(TimePoint::kUpstreamTxEnd);
    const base::MonotonicTime received = record.at(TimePoint::kUpstreamRxEnd);
    if (sent == base::MonotonicTime() || received == base::MonotonicTime() || received < sent) return;
    const auto time = std::chrono::duration_cast<std::chrono::milliseconds>(received - sent);
    calls_->upstream_time().Record(static_cast<uint64_t>(time.count()));
  }

 private:
  void CountStatus(const http::HeaderMap& headers) {
    const http::HeaderField* const status = headers.Find(http::HeaderId::kGrpcStatus);
    if (calls_ != nullptr && status != nullptr) calls_->CountStatus(status->value());
  }

  void Emit() {
    base::Arena& arena = stream().arena();
    char digits[2][20];
    std::string_view numbers[2];
    const uint64_t counts[2] = {requests_.total(), responses_.total()};
    for (int i = 0; i < 2; ++i) {
      const char* const end = std::to_chars(digits[i], digits[i] + sizeof digits[i], counts[i]).ptr;
      numbers[i] = {digits[i], static_cast<size_t>(end - digits[i])};
    }
    base::ArenaText text;
    for (const std::string_view part : {numbers[0], std::string_view(","), numbers[1]}) text.Append(arena, part);
    base::ArenaText json;
    for (const std::string_view part : {std::string_view("{\"requestMessageCount\":\""), numbers[0],
                                        std::string_view("\",\"responseMessageCount\":\""), numbers[1],
                                        std::string_view("\"}")}) {
      json.Append(arena, part);
    }
    (void)stream().annotations().filter_state.Set(arena, kObject, text.view(), false, json.view());
  }

  Shard& shard_;
  Calls* calls_ = nullptr;  // null: not counted
  MessageCounter requests_;
  MessageCounter responses_;
};

filter::HttpFilter* Shard::Make(filter::StreamContext& stream, const config::FilterConfig*) {
  return http::IsGrpc(stream.request().headers) ? stream.arena().New<GrpcStats>(*this) : nullptr;
}

}  // namespace

std::unique_ptr<filter::HttpFilterShard> Config::MakeShard(const filter::ShardContext& context) const {
  return std::make_unique<Shard>(*this, context);
}

}  // namespace pillion::filters::grpc_stats
