#include "source/filters/header_mutation/header_mutation.h"

#include <algorithm>

#include "source/filters/header_mutation/query.h"
#include "source/route/header_edits.h"

namespace pillion::filters::header_mutation {
namespace {

using filter::Step;

class Shard final : public filter::HttpFilterShard {
 public:
  Shard(const Config& config, std::string_view name) : config_(config), name_(name) {}

  filter::HttpFilter* Make(filter::StreamContext& stream, const config::FilterConfig*) override;

  std::string scratch;

 private:
  const Config& config_;
  const std::string_view name_;
};

// The filter's own, then what route, virtual host and table have; null: nothing.
using Levels = std::array<const Mutations*, 4>;

class Filter final : public filter::HttpFilter {
 public:
  Filter(Shard& shard, const Levels& levels) : shard_(shard), levels_(levels) {}

  Step OnRequestHead(http::RequestHead& head, bool) override {
    for (const Mutations* const level : levels_) {
      if (level == nullptr) continue;
      Apply(level->request, head.headers, nullptr);
      for (const QueryMutation& mutation : level->query) Apply(mutation, head);
    }
    return Step::kContinue;
  }
  Step OnResponseHead(http::ResponseHead& head, bool) override {
    ApplyAll(&Mutations::response, head.headers, &head);
    return Step::kContinue;
  }
  Step OnRequestTrailers(http::HeaderMap& trailers) override {
    ApplyAll(&Mutations::request_trailers, trailers, nullptr);
    return Step::kContinue;
  }
  Step OnResponseTrailers(http::HeaderMap& trailers) override {
    ApplyAll(&Mutations::response_trailers, trailers, nullptr);
    return Step::kContinue;
  }

 private:
  void ApplyAll(std::vector<config::HeaderMutation> Mutations::*which, http::HeaderMap& headers,
                const http::ResponseHead* response) {
    for (const Mutations* const level : levels_) {
      if (level != nullptr) Apply(level->*which, headers, response);
    }
  }

  // `response`: the head that is being changed.
  void Apply(const std::vector<config::HeaderMutation>& mutations, http::HeaderMap& headers,
             const http::ResponseHead* response) {
    if (mutations.empty()) return;
    telemetry::RequestRecord record;
    Describe(record, response);
    route::ApplyHeaderMutations(mutations, record, headers);
  }

  void Apply(const QueryMutation& mutation, http::RequestHead& head) {
    std::string_view value;
    if (mutation.value) {
      telemetry::RequestRecord record;
      Describe(record, nullptr);
      value = mutation.value->Evaluate(record, "", stream().arena(), shard_.scratch);
    }
    head.path = ApplyQueryMutation(mutation, value, head.path, stream().arena());
  }

  void Describe(telemetry::RequestRecord& record, const http::ResponseHead* response) {
    stream().Describe(record);
    if (response == nullptr) return;
    record.response = response;
    record.response_code = static_cast<uint64_t>(response->status);
  }

  Shard& shard_;
  const Levels levels_;
};

filter::HttpFilter* Shard::Make(filter::StreamContext& stream, const config::FilterConfig*) {
  Levels levels{};
  if (!config_.mutations().empty()) levels[0] = &config_.mutations();
  std::array<const config::FilterConfig*, 3> overrides = stream.Overrides(name_);
  if (config_.most_specific_last()) std::reverse(overrides.begin(), overrides.end());
  for (size_t i = 0; i < overrides.size(); ++i) {
    if (overrides[i] != nullptr) levels[i + 1] = &static_cast<const Config&>(*overrides[i]).mutations();
  }
  const bool any = std::any_of(levels.begin(), levels.end(), [](const Mutations* level) { return level != nullptr; });
  return any ? stream.arena().New<Filter>(*this, levels) : nullptr;
}

}  // namespace

std::unique_ptr<filter::HttpFilterShard> Config::MakeShard(const filter::ShardContext& context) const {
  return std::make_unique<Shard>(*this, context.name);
}

}  // namespace pillion::filters::header_mutation
