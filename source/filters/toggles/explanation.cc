#include "source/filters/toggles/explanation.h"

#include <algorithm>
#include <span>
#include <utility>

#include "source/base/escape.h"
#include "source/config/route.h"
#include "source/filters/toggles/toggles.h"
#include "source/match/mismatch.h"

namespace pillion::filters::toggles {
namespace {

using metadata::Value;
using telemetry::ResponseFlag;
using upstream::LaneFit;
using upstream::LaneLack;

constexpr size_t kMostOfAText = 128;   // bytes, before they are escaped
constexpr uint32_t kMostMembers = 32;  // of a value that filters have noted
constexpr int kMostDepth = 4;
constexpr size_t kLeftOut = 160;       // bytes, for the names of what has no room
constexpr std::string_view kLabels = "envoy.lb";

// What filters note, and the name that it has here.
constexpr std::pair<std::string_view, std::string_view> kNotes[] = {
    {"grey", "pillion.grey"},
    {"limit", "pillion.limit"},
    {"degradation", "pillion.degradation"},
    {"concurrency", "pillion.concurrency"},
    {"rate_limit", "envoy.filters.http.ratelimit"},
};

void AppendEscape(std::string& out, uint32_t unit) {
  constexpr char kDigits[] = "0123456789abcdef";
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += kDigits[unit >> shift & 0xf];
}

// As a string of JSON in ASCII.
void AppendText(std::string& out, std::string_view text) {
  std::string shown;
  base::AppendJsonPart(shown, base::CutUtf8(text, kMostOfAText));
  out += '"';
  for (size_t i = 0; i < shown.size();) {
    const auto byte = static_cast<unsigned char>(shown[i]);
    if (byte < 0x7f) {
      out += shown[i++];
      continue;
    }
    const size_t length = base::Utf8Length(std::string_view(shown).substr(i));
    uint32_t point = length < 2 ? byte : byte & (0x7fu >> length);
    for (size_t next = 1; next < length; ++next) point = point << 6 | (static_cast<unsigned char>(shown[i + next]) & 0x3f);
    i += std::max<size_t>(length, 1);
    if (point < 0x10000) {
      AppendEscape(out, point);
    } else {
      AppendEscape(out, 0xd800 + ((point - 0x10000) >> 10));
      AppendEscape(out, 0xdc00 + ((point - 0x10000) & 0x3ff));
    }
  }
  out += text.size() > kMostOfAText ? "...\"" : "\"";
}

// An object, or a list, as it is written.
class Members {
 public:
  explicit Members(char bracket) : text_(1, bracket) {}

  std::string& Add(std::string_view name) {
    if (text_.size() > 1) text_ += ',';
    if (text_[0] == '[') return text_;
    AppendText(text_, name);
    return text_ += ':';
  }
  void Text(std::string_view name, std::string_view text) {
    if (!text.empty()) AppendText(Add(name), text);
  }
  void Number(std::string_view name, uint64_t number) { Add(name) += std::to_string(number); }
  void Flag(std::string_view name) { Add(name) += "true"; }
  // What Members made; not of an empty one.
  void Object(std::string_view name, const std::string& object) {
    if (object.size() > 2) Add(name) += object;
  }

  size_t size() const { return text_.size(); }
  std::string Finish() && {
    text_ += text_[0] == '[' ? ']' : '}';
    return std::move(text_);
  }

 private:
  std::string text_;
};

void AppendValue(std::string& out, const Value& value, int depth) {
  switch (value.kind) {
    case Value::Kind::kNull:
      out += "null";
      return;
    case Value::Kind::kFlag:
      out += value.flag ? "true" : "false";
      return;
    case Value::Kind::kNumber:
      return metadata::AppendJsonNumber(out, value.number);
    case Value::Kind::kText:
      return AppendText(out, value.text);
    case Value::Kind::kList:
    case Value::Kind::kObject:
      break;
  }
  if (depth == kMostDepth) return AppendText(out, "...");
  Members members(value.kind == Value::Kind::kList ? '[' : '{');
  for (uint32_t i = 0; i < std::min(value.size, kMostMembers); ++i) {
    AppendValue(members.Add(value.members[i].key), value.members[i].value, depth + 1);
  }
  if (value.size > kMostMembers) AppendText(members.Add("..."), "...");
  out += std::move(members).Finish();
}

std::string NotesOf(const metadata::Annotations* annotations, std::string_view space) {
  if (annotations == nullptr) return {};
  Members notes('{');
  uint32_t count = 0;
  annotations->metadata.ForEach(space, [&](std::string_view key, const Value& value) {
    if (++count <= kMostMembers) AppendValue(notes.Add(key), value, 1);
  });
  return std::move(notes).Finish();
}

std::string_view NameOf(LaneFit fit) {
  switch (fit) {
    case LaneFit::kNone:
      return "none";
    case LaneFit::kBaseline:
      return "baseline";
    case LaneFit::kExact:
      return "exact";
    case LaneFit::kFallback:
      return "fallback";
    case LaneFit::kInstead:
      return "baseline_instead";
    case LaneFit::kRefused:
      return "refused";
  }
  return {};
}

std::string_view NameOf(LaneLack lack) {
  switch (lack) {
    case LaneLack::kNone:
      return {};
    case LaneLack::kNoHosts:
      return "no_hosts";
    case LaneLack::kUnhealthy:
      return "unhealthy";
    case LaneLack::kFull:
      return "full";
  }
  return {};
}

std::string RouteText(const Chosen& chosen) {
  if (chosen.route == nullptr) return R"({"none":true})";
  Members route('{');
  if (chosen.virtual_host != nullptr) {
    const auto& routes = chosen.virtual_host->routes;
    const auto at = std::find_if(routes.begin(), routes.end(), [&](const auto& one) { return one.get() == chosen.route; });
    route.Text("virtual_host", chosen.virtual_host->name);
    if (at != routes.end()) route.Number("number", static_cast<uint64_t>(at - routes.begin()));
  }
  route.Text("name", chosen.route->name);
  route.Text("path", match::PathText(chosen.route->match));
  return std::move(route).Finish();
}

std::string LabelsText(std::span<const upstream::Label> labels) {
  Members wish('{');
  for (const upstream::Label& label : labels) AppendText(wish.Add(label.key), label.value);
  return std::move(wish).Finish();
}

std::string LaneText(const Chosen& chosen) {
  if (chosen.lane_wish == nullptr && chosen.lane_outcome.fit == LaneFit::kNone) return {};
  Members lane('{');
  if (chosen.lane_wish != nullptr) {
    lane.Object("wish", LabelsText(chosen.lane_wish->labels));
    if (chosen.lane_wish->fails_closed) lane.Flag("fails_closed");
  }
  lane.Text("fit", NameOf(chosen.lane_outcome.fit));
  lane.Text("why", NameOf(chosen.lane_outcome.lack));
  return std::move(lane).Finish();
}

std::string UpstreamText(const telemetry::RequestRecord& record) {
  Members upstream('{');
  upstream.Text("cluster", record.upstream_cluster);
  upstream.Text("endpoint", record.upstream_remote_address);
  if (record.upstream_host_name != record.upstream_host_address) upstream.Text("host", record.upstream_host_name);
  if (record.upstream_metadata != nullptr) {
    const Value* const labels = metadata::Find(*record.upstream_metadata, kLabels);
    if (labels != nullptr) AppendValue(upstream.Add("labels"), *labels, 1);
  }
  if (record.upstream_attempts > 0) upstream.Number("attempts", record.upstream_attempts);
  Members hosts('[');
  uint32_t count = 0;
  for (const telemetry::AttemptedHost* host = record.attempted_hosts; host != nullptr; host = host->earlier) {
    if (++count <= kMostMembers) hosts.Text({}, host->address);
  }
  if (count > 1) upstream.Object("last_first", std::move(hosts).Finish());
  upstream.Text("failure", record.upstream_transport_failure_reason);
  return std::move(upstream).Finish();
}

// Whose the answer is. `details` of one that upstream gave say so.
std::string AnswerText(const telemetry::RequestRecord& record) {
  const bool upstream = record.response_code_details == "via_upstream";
  Members answer('{');
  answer.Text("by", upstream ? "upstream" : "pillion");
  if (!upstream) answer.Text("why", record.response_code_details);
  if (!record.response_flags.empty()) {
    std::string flags;
    record.response_flags.AppendLongNames(flags);
    answer.Text("flags", flags);
  }
  return std::move(answer).Finish();
}

std::string OffText(filter::FeatureSet off) {
  Members names('[');
  for (int i = 0; i < filter::kFeatures; ++i) {
    if (off.Has(static_cast<filter::Feature>(i))) names.Text({}, kFeatureNames[i]);
  }
  return std::move(names).Finish();
}

}  // namespace

std::string Explanation(const Chosen& chosen) {
  Members all('{');
  Members left_out('[');
  const auto add = [&](std::string_view name, const std::string& object) {
    if (object.size() <= 2) return;
    if (all.size() + name.size() + object.size() + kLeftOut > kMostExplanation) return left_out.Text({}, name);
    all.Object(name, object);
  };
  add("route", RouteText(chosen));
  add("lane", LaneText(chosen));
  add("answer", AnswerText(chosen.record));
  add("upstream", UpstreamText(chosen.record));
  add("off", OffText(chosen.turned_off));
  for (const auto& [name, space] : kNotes) add(name, NotesOf(chosen.record.annotations, space));
  all.Object("left_out", std::move(left_out).Finish());
  return std::move(all).Finish();
}

std::string_view Explanation(filter::StreamContext& stream) {
  telemetry::RequestRecord record;
  stream.Describe(record);
  const std::string text = Explanation(Chosen{.record = record,
                                              .virtual_host = stream.virtual_host(),
                                              .route = stream.route(),
                                              .lane_wish = stream.lane_wish(),
                                              .lane_outcome = stream.lane_outcome(),
                                              .turned_off = stream.turned_off()});
  return stream.arena().Copy(text);
}

}  // namespace pillion::filters::toggles
