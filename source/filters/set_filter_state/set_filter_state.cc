#include "source/filters/set_filter_state/set_filter_state.h"

namespace pillion::filters::set_filter_state {
namespace {

class Shard final : public filter::HttpFilterShard {
 public:
  explicit Shard(const Config& config) : config_(config) {}

  filter::HttpFilter* Make(filter::StreamContext& stream, const config::FilterConfig* override_config) override;

  std::string scratch;

 private:
  const Config& config_;
};

class SetFilterState final : public filter::HttpFilter {
 public:
  SetFilterState(Shard& shard, const Config& config) : shard_(shard), config_(config) {}

  filter::Step OnRequestHead(http::RequestHead&, bool) override {
    base::Arena& arena = stream().arena();
    for (const Object& object : config_.objects()) {
      telemetry::RequestRecord record;  // anew: it shows what was set before
      stream().Describe(record);
      const std::string_view text = object.text.Evaluate(record, object.missing, arena, shard_.scratch);
      if (text.empty() && object.skip_if_empty) continue;
      // What is read-only, or too much, stays as it was.
      (void)stream().annotations().filter_state.Set(arena, object.name, text, object.read_only, {}, object.shared);
    }
    return filter::Step::kContinue;
  }

 private:
  Shard& shard_;
  const Config& config_;
};

filter::HttpFilter* Shard::Make(filter::StreamContext& stream, const config::FilterConfig* override_config) {
  const Config& config = override_config != nullptr ? static_cast<const Config&>(*override_config) : config_;
  return config.objects().empty() ? nullptr : stream.arena().New<SetFilterState>(*this, config);
}

}  // namespace

std::unique_ptr<filter::HttpFilterShard> Config::MakeShard(const filter::ShardContext&) const {
  return std::make_unique<Shard>(*this);
}

}  // namespace pillion::filters::set_filter_state
