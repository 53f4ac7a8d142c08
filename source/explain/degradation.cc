#include "source/explain/degradation.h"

#include <fmt/format.h>

#include "source/filters/degradation/degradation.h"

namespace pillion::explain {
namespace {

namespace breakers = filters::degradation_rules;

std::string WhenOpen(const breakers::Rule& rule) {
  if (rule.dry_run) return "counted only";
  if (!rule.degrade) return fmt::format("refused: {}", rule.reject.status);
  if (rule.degrade->answer) return fmt::format("answered: {}", rule.degrade->answer->status);
  return fmt::format("sent to cluster \"{}\"", rule.degrade->cluster);
}

void Describe(const breakers::Rule& rule, Answer& answer) {
  answer.Text("rule", rule.name);
  if (rule.when != nullptr) answer.Text("when", rule.when->source());
  if (!rule.per.empty()) answer.Text("per", rule.per.Text());
  if (rule.errors != nullptr) answer.Text("errors", rule.errors->source());
  answer.Text("opens_at", rule.state->terms_text);
  const auto counts = rule.state->breakers.Read();
  answer.Text("breakers", fmt::format("{}, {} of them not closed", counts.breakers, counts.breakers - counts.by_state[0]));
  answer.Text("when_open", WhenOpen(rule));
}

}  // namespace

bool DescribeBreakers(const config::FilterConfig& filter, const config::FilterConfig* override_config, Answer& answer) {
  const auto* const config = dynamic_cast<const breakers::Config*>(&filter);
  if (config == nullptr) return false;
  const breakers::InForce terms(config->settings(), override_config);
  if (terms.disabled) {
    answer.Text("verdict", "disabled for this request");
    return true;
  }
  if (terms.more.empty() && terms.settings.rules.empty()) {
    answer.Text("verdict", "allowed: it has no rules");
    return true;
  }
  answer.Text("verdict", "the first rule that applies, and whose breaker is open when it comes, decides");
  Answer::List& rules = answer.Elements("rules");
  for (const breakers::Rule& rule : terms.more) Describe(rule, rules.Object());
  for (const breakers::Rule& rule : terms.settings.rules) Describe(rule, rules.Object());
  return true;
}

}  // namespace pillion::explain
