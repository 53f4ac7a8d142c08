#include "source/filters/extension_with_matcher/extension_with_matcher.h"

#include "source/access/request.h"
#include "source/config/route.h"
#include "source/filter/request_attributes.h"

namespace pillion::filters::extension_with_matcher {
namespace {

bool Skips(const access::MatcherTree* matcher, filter::StreamContext& stream) {
  if (matcher == nullptr) return false;
  access::Request request = stream.AccessRequest();
  request.arena = &stream.arena();
  const filter::RequestAttributes attributes(stream);
  request.attributes = &attributes;
  const uint32_t found = matcher->Find(request);
  // Where nobody knows, the filter does what it is there for.
  return found != access::MatcherTree::kNothing && found != access::MatcherTree::kUnclear;
}

class Shard final : public filter::HttpFilterShard {
 public:
  Shard(const Config& config, std::unique_ptr<filter::HttpFilterShard> inner) : config_(config), inner_(std::move(inner)) {}

  filter::HttpFilter* Make(filter::StreamContext& stream, const config::FilterConfig* override_config) override {
    const access::MatcherTree* const matcher =
        override_config != nullptr ? static_cast<const RouteConfig&>(*override_config).matcher() : config_.matcher();
    return Skips(matcher, stream) ? nullptr : inner_->Make(stream, nullptr);
  }
  filter::HttpFilter* MakeDisabled(filter::StreamContext& stream) override { return inner_->MakeDisabled(stream); }

 private:
  const Config& config_;
  const std::unique_ptr<filter::HttpFilterShard> inner_;
};

}  // namespace

std::unique_ptr<filter::HttpFilterShard> Config::MakeShard(const filter::ShardContext& context) const {
  // What routes say under the filter's name is said of the matcher: without a name the filter within asks for nothing.
  return std::make_unique<Shard>(*this, inner().MakeShard({.worker = context.worker,
                                                           .random = context.random,
                                                           .registry = context.registry,
                                                           .stats = context.stats,
                                                           .stat_prefix = context.stat_prefix,
                                                           .health = context.health,
                                                           .calls = context.calls,
                                                           .name = {}}));
}

}  // namespace pillion::filters::extension_with_matcher
