#include "source/filters/grey/grey.h"

#include "source/filter/http_gate.h"
#include "source/filters/grey/colouring.h"
#include "source/filters/grey/lane_fault.h"

namespace pillion::filters::grey_rules {
namespace {

class Shard final : public filter::HttpGate {
 public:
  Shard(const Config& config, const filter::ShardContext& context) : colouring_(config, context) {}

  std::optional<filter::Reply> Check(filter::StreamContext& stream, const config::FilterConfig* of_route) override {
    (void)colouring_.Colour(stream, of_route);
    return std::nullopt;
  }
  filter::HttpFilter* MakeDisabled(filter::StreamContext& stream) override { return colouring_.MakeDisabled(stream); }

 private:
  Colouring colouring_;
};

}  // namespace

uint32_t Config::hooks() const { return HasEffects(settings_) ? filter::kRequestHead | filter::kEnd : filter::kRequestHead; }

std::unique_ptr<filter::HttpFilterShard> Config::MakeShard(const filter::ShardContext& context) const {
  if (HasEffects(settings_)) return MakeLaneShard(*this, context);
  return std::make_unique<Shard>(*this, context);
}

}  // namespace pillion::filters::grey_rules
