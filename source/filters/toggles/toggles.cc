#include "source/filters/toggles/toggles.h"

#include <algorithm>
#include <utility>

#include "source/config/text.h"
#include "source/filters/toggles/explanation.h"
#include "source/http/syntax.h"
#include "source/stats/tags.h"

namespace pillion::filters::toggles {
namespace {

using filter::Feature;
using http::HeaderField;

constexpr std::string_view kOff = "x-pillion-off";
constexpr std::string_view kLane = "x-pillion-lane";
constexpr std::string_view kExplain = "x-pillion-explain";
constexpr std::string_view kSpace = "pillion.toggles";

bool IsToggle(const HeaderField& field) {
  const std::string_view name = field.name();
  return field.id == http::HeaderId::kUnknown && (name == kOff || name == kLane || name == kExplain);
}

// Words, by commas.
class Words {
 public:
  explicit Words(base::Arena& arena) : arena_(arena) {}

  void Add(std::string_view word, std::string_view sign = {}, std::string_view more = {}) {
    if (!text_.empty()) text_.Append(arena_, ",");
    for (const std::string_view part : {word, sign, more}) text_.Append(arena_, part);
  }
  std::string_view text() const { return text_.view(); }

 private:
  base::Arena& arena_;
  base::ArenaText text_;
};

// What a request's fields ask for.
struct Asked {
  explicit Asked(base::Arena& arena) : unknown(arena), not_allowed(arena) {}

  filter::FeatureSet off;
  std::vector<upstream::Label> labels;  // of the lane
  bool explain = false;
  Words unknown;
  Words not_allowed;
};

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
  void ReadOff(std::string_view value, const Allow& allow, Asked& asked);
  void ReadLane(std::string_view value, const Allow& allow, Asked& asked);
  void ReadExplain(std::string_view value, const Allow& allow, Asked& asked);
  void Force(filter::StreamContext& stream, Asked& asked);
  void Note(filter::StreamContext& stream, const Asked& asked);

  void AddUnknown(Asked& asked, std::string_view word) {
    unknown_.Increment();
    asked.unknown.Add(word);
  }
  void AddNotAllowed(Asked& asked, std::string_view word) {
    not_allowed_.Increment();
    asked.not_allowed.Add(word);
  }

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
  Asked asked(stream.arena());
  for (const HeaderField& field : stream.request().headers) {
    if (!IsToggle(field)) continue;
    if (field.name() == kOff) {
      ReadOff(field.value(), allow, asked);
    } else if (field.name() == kLane) {
      ReadLane(field.value(), allow, asked);
    } else {
      ReadExplain(field.value(), allow, asked);
    }
  }
  if (!asked.off.empty()) stream.TurnOff(asked.off);
  if (!asked.labels.empty()) Force(stream, asked);
  if (asked.explain) stream.Explain();
  Note(stream, asked);
}

void Shard::ReadOff(std::string_view value, const Allow& allow, Asked& asked) {
  http::ForEachListElement(value, [&](std::string_view name) {
    const auto found = std::find(kFeatureNames.begin(), kFeatureNames.end(), name);
    const auto feature = static_cast<Feature>(found - kFeatureNames.begin());
    if (found == kFeatureNames.end()) {
      AddUnknown(asked, name);
    } else if (!allow.off.Has(feature)) {
      AddNotAllowed(asked, name);
    } else if (!asked.off.Has(feature)) {
      asked.off.Add(feature);
      off_[static_cast<size_t>(feature)]->Increment();
    }
    return true;
  });
}

// Of two labels with one key the first counts.
void Shard::ReadLane(std::string_view value, const Allow& allow, Asked& asked) {
  if (!allow.lane) return AddNotAllowed(asked, "lane");
  http::ForEachListElement(value, [&](std::string_view text) {
    const size_t equals = std::min(text.find('='), text.size());
    const upstream::Label label{http::TrimBlanks(text.substr(0, equals)),
                                http::TrimBlanks(text.substr(std::min(equals + 1, text.size())))};
    if (label.value.empty() || std::ranges::find(settings_.labels, label.key) == settings_.labels.end()) {
      AddUnknown(asked, text);
    } else if (std::ranges::find(asked.labels, label.key, &upstream::Label::key) == asked.labels.end()) {
      asked.labels.push_back(label);
    }
    return true;
  });
}

void Shard::ReadExplain(std::string_view value, const Allow& allow, Asked& asked) {
  if (value == "0") return;
  if (value != "1") return AddUnknown(asked, value);
  if (!allow.explain) return AddNotAllowed(asked, "explain");
  if (!std::exchange(asked.explain, true)) explain_.Increment();
}

void Shard::Force(filter::StreamContext& stream, Asked& asked) {
  std::ranges::sort(asked.labels, {}, &upstream::Label::key);
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
  Words off(arena);
  Words lane(arena);
  for (size_t i = 0; i < kFeatureNames.size(); ++i) {
    if (asked.off.Has(static_cast<Feature>(i))) off.Add(kFeatureNames[i]);
  }
  for (const upstream::Label& label : asked.labels) lane.Add(label.key, "=", label.value);
  const auto note = [&](std::string_view key, const Words& words) {
    if (!words.text().empty()) (void)notes.SetKept(arena, kSpace, key, metadata::Value::Text(words.text()));
  };
  note("off", off);
  note("lane", lane);
  if (asked.explain) (void)notes.SetKept(arena, kSpace, "explain", metadata::Value::Flag(true));
  note("unknown", asked.unknown);
  note("not_allowed", asked.not_allowed);
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
