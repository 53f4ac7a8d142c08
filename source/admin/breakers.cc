// Rules of breakers (filter pillion.filters.http.degradation), and how these are.

#include <fmt/format.h>

#include "source/admin/endpoints.h"
#include "source/admin/json_writer.h"

namespace pillion::admin {
namespace {

using Breaker = BreakersView::Breaker;

std::string FiguresOf(const Breaker& breaker) {
  if (breaker.state == "open") {
    return fmt::format(", by {} bad of {} calls; a probe in {} ms", breaker.opened_by_bad, breaker.opened_by_calls,
                       breaker.retry_after_ms);
  }
  if (breaker.state == "half_open") {
    return fmt::format("; probes: {} good, {} on their way", breaker.good_probes, breaker.probes_on_their_way);
  }
  const std::string calls = fmt::format("; {} bad of {} calls", breaker.bad, breaker.calls);
  if (breaker.state != "recovering") return calls;
  return fmt::format("{} in this window, {} good ones before", calls, breaker.good_windows);
}

std::string ToText(const std::vector<BreakersView>& rules) {
  std::string out;
  for (const BreakersView& rule : rules) {
    out += fmt::format("{}: {}{}{}\n", rule.rule, rule.terms, rule.per.empty() ? "" : "; per ", rule.per);
    out += fmt::format("  {} of {} breakers; {} forgotten, {} times there was no room\n", rule.count, rule.most,
                       rule.forgotten, rule.no_room);
    for (const Breaker& breaker : rule.breakers) {
      out += fmt::format("  {}: {} for {} ms{}\n", breaker.key.empty() ? "all" : breaker.key, breaker.state,
                         breaker.since_ms, FiguresOf(breaker));
      out += fmt::format("    passed {}, refused {}, probes {}, opened {}, late {}\n", breaker.passed, breaker.refused,
                         breaker.probes, breaker.opened, breaker.late);
    }
  }
  return out;
}

void Write(const Breaker& breaker, JsonWriter& json) {
  json.BeginElement();
  json.String("key", breaker.key);
  json.String("state", breaker.state);
  json.Number64("since_ms", breaker.since_ms);
  json.Number64("retry_after_ms", breaker.retry_after_ms);
  json.Number64("calls", breaker.calls);
  json.Number64("bad", breaker.bad);
  json.Number64("opened_by_calls", breaker.opened_by_calls);
  json.Number64("opened_by_bad", breaker.opened_by_bad);
  json.Number64("probes_on_their_way", breaker.probes_on_their_way);
  json.Number64("good_probes", breaker.good_probes);
  json.Number64("good_windows", breaker.good_windows);
  json.Number64("passed", breaker.passed);
  json.Number64("refused", breaker.refused);
  json.Number64("probes", breaker.probes);
  json.Number64("opened", breaker.opened);
  json.Number64("late", breaker.late);
  json.EndObject();
}

std::string ToJson(const std::vector<BreakersView>& rules) {
  JsonWriter json;
  json.BeginArray("rules");
  for (const BreakersView& rule : rules) {
    json.BeginElement();
    json.String("rule", rule.rule);
    json.String("terms", rule.terms);
    json.String("per", rule.per);
    json.Number64("count", rule.count);
    json.Number64("most", rule.most);
    json.Number64("no_room", rule.no_room);
    json.Number64("forgotten", rule.forgotten);
    json.BeginArray("breakers");
    for (const Breaker& breaker : rule.breakers) Write(breaker, json);
    json.EndArray();
    json.EndObject();
  }
  json.EndArray();
  return json.Finish();
}

}  // namespace

Reply Endpoints::Breakers(const Request& request) {
  const std::optional<bool> json = request.WantsJson();
  if (!json) return Reply::WrongFormat();
  const std::vector<BreakersView> rules = sources_.breakers ? sources_.breakers() : std::vector<BreakersView>();
  if (rules.empty()) return Reply::Text(404, "no listener has a rule of the filter pillion.filters.http.degradation\n");
  return *json ? Reply::Json(ToJson(rules)) : Reply::Text(200, ToText(rules));
}

}  // namespace pillion::admin
