#include "source/filters/toggles/toggles.h"

#include <algorithm>

#include "source/config/route.h"
#include "source/config/text.h"
#include "source/filters/toggles/asked.h"
#include "source/filters/toggles/explanation.h"
#include "source/stats/tags.h"

namespace pillion::filters::toggles {
namespace {

using filter::Feature;
using http::HeaderField;

constexpr std::string_view kSpace = "pillion.toggles";

// The answer tells what was chosen.
class Explaining final : public filter::HttpFilter {
 public:
  filter::Step OnResponseHead(http::ResponseHead& head, bool) override {
    head.headers.Remove(kExplain);
    head.headers.Add(kExplain, Explanation(stream()));
    return filter::Step::kContinue;
  }
};

class Shard final : public filter::HttpFilterShard {
 public:
  Shard(const Settings& settings, const filter::ShardContext& shard)
      : settings_(settings),
        stats_(shard.stats),
        scope_(shard.registry, stats::Prefix(shard.stat_prefix).Add("toggles")),
        untrusted_(Counter("untrusted")),
        not_allowed_(Counter("not_allowed")),
        unknown_(Counter("unknown")),
        lane_(Counter("lane")),
        explain_(Counter("explain")) {
    for (size_t i = 0; i < off_.size(); ++i) off_[i] = &Counter("off." + std::string(kFeatureNames[i]));
  }

  filter::HttpFilter* Make(filter::StreamContext& stream, const config::FilterConfig* of_route) override {
    http::RequestHead& head = stream.request();
    if (std::any_of(head.headers.begin(), head.headers.end(), IsToggle)) [[unlikely]] {
      if (!Trusts(stream)) return Remove(stream);
      const Allow* const allow = RouteConfig::Of(of_route);
      Do(stream, allow == nullptr ? settings_.allow : *allow);
      head.headers.RemoveIf(IsToggle);
    }
    // Also of one that has been here before, and was redirected.
    return stream.explains() ? stream.arena().New<Explaining>() : nullptr;
  }
  // A stranger may have chosen that route: by his fields, or his path. Behind it they would count.
  filter::HttpFilter* MakeDisabled(filter::StreamContext& stream) override {
    const http::HeaderMap& headers = stream.request().headers;
    const bool toggles = std::any_of(headers.begin(), headers.end(), IsToggle);
    return toggles && !Trusts(stream) ? Remove(stream) : nullptr;
  }

 private:
  stats::Counter& Counter(const std::string& name) { return *stats_.counter(scope_.AddCounter(name)); }
  bool Trusts(filter::StreamContext& stream) const { return settings_.trust.Takes(stream.AccessRequest().connection); }

  // A stranger's fields, which choose nothing.
  filter::HttpFilter* Remove(filter::StreamContext& stream) {
    stream.request().headers.RemoveIf(IsToggle);
    untrusted_.Increment();
    stream.ChooseRoute();
    return nullptr;
  }

  void Do(filter::StreamContext& stream, const Allow& allow);
  void Force(filter::StreamContext& stream, const Asked& asked);
  void Note(filter::StreamContext& stream, const Asked& asked);

  const Settings& settings_;
  stats::Shard& stats_;
  stats::Scope scope_;
  stats::Counter& untrusted_;
  stats::Counter& not_allowed_;
  stats::Counter& unknown_;
  stats::Counter& lane_;
  stats::Counter& explain_;
  std::array<stats::Counter*, filter::kFeatures> off_;
};

void Shard::Do(filter::StreamContext& stream, const Allow& allow) {
  const Asked asked = ReadToggles(stream.request().headers, allow, settings_.labels, stream.arena());
  for (size_t i = 0; i < off_.size(); ++i) {
    if (asked.off.Has(static_cast<Feature>(i))) off_[i]->Increment();
  }
  unknown_.Add(asked.unknown.count());
  not_allowed_.Add(asked.not_allowed.count());
  if (!asked.off.empty()) stream.TurnOff(asked.off);
  if (!asked.labels.empty()) Force(stream, asked);
  if (asked.explain) {
    explain_.Increment();
    stream.Explain();
  }
  Note(stream, asked);
}

void Shard::Force(filter::StreamContext& stream, const Asked& asked) {
  upstream::Label* const labels = stream.arena().NewArray<upstream::Label>(asked.labels.size());
  std::ranges::copy(asked.labels, labels);
  stream.GoToLane(*stream.arena().New<upstream::LaneWish>(
      upstream::LaneWish{.labels = {labels, asked.labels.size()}, .forced = true}));
  lane_.Increment();
}

// Of what has no room among the notes nothing is noted.
void Shard::Note(filter::StreamContext& stream, const Asked& asked) {
  base::Arena& arena = stream.arena();
  metadata::DynamicMetadata& notes = stream.annotations().metadata;
  const auto note = [&](std::string_view key, std::string_view words) {
    if (!words.empty()) (void)notes.SetKept(arena, kSpace, key, metadata::Value::Text(words));
  };
  note("off", asked.OffText(arena));
  note("lane", asked.LaneText(arena));
  if (asked.explain) (void)notes.SetKept(arena, kSpace, "explain", metadata::Value::Flag(true));
  note("unknown", asked.unknown.text());
  note("not_allowed", asked.not_allowed.text());
}

}  // namespace

std::string Allow::Text() const {
  std::string text;
  for (size_t i = 0; i < kFeatureNames.size(); ++i) {
    if (off.Has(static_cast<Feature>(i))) text += config::Concat(text.empty() ? "off: " : ",", kFeatureNames[i]);
  }
  if (lane) text += config::Concat(text.empty() ? "" : "; ", "lane");
  if (explain) text += config::Concat(text.empty() ? "" : "; ", "explain");
  return text.empty() ? "nothing" : text;
}

std::string Config::CannotFollow(const config::FilterConfig& former) const {
  const auto* const filter = dynamic_cast<const filter::HttpFilterConfig*>(&former);
  if (filter == nullptr || !filter->feature()) return {};
  const std::string_view name = kFeatureNames[static_cast<size_t>(*filter->feature())];
  return config::Concat("which is made before it could be turned off (", kOff, ": ", name, "), expected before that");
}

std::unique_ptr<filter::HttpFilterShard> Config::MakeShard(const filter::ShardContext& context) const {
  return std::make_unique<Shard>(settings_, context);
}

}  // namespace pillion::filters::toggles
