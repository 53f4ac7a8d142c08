#include "source/explain/limits.h"

#include <fmt/format.h>

#include "source/explain/texts.h"
#include "source/expression/evaluator.h"
#include "source/filters/limit/limit.h"

namespace pillion::explain {
namespace {

namespace limits = filters::limit_rules;

std::string AtTheLimit(const limits::Rule& rule) {
  if (rule.dry_run) return "counted only";
  const std::string before = rule.queue ? "waits, then " : "";
  if (!rule.degrade) return fmt::format("{}refused: {}", before, rule.reject.status);
  if (rule.degrade->answer) return fmt::format("{}answered: {}", before, rule.degrade->answer->status);
  return fmt::format("{}sent to cluster \"{}\"", before, rule.degrade->cluster);
}

// The value of one of a key's dimensions; nothing: the request has none.
std::optional<std::string> ValueOf(const limits::Dimension& dimension, const Asked& asked) {
  const expression::Value value =
      expression::AsText(expression::Evaluate(*dimension.value, asked, asked.arena()), asked.arena());
  if (!value.is_error()) return std::string(value.text());
  return dimension.otherwise;
}

// As far as the question knows of the request what a rule asks about it.
std::string Applies(const limits::Rule& rule, const Asked& asked) {
  if (rule.when != nullptr) {
    const expression::Value value = expression::Evaluate(*rule.when, asked, asked.arena());
    if (value.is_error()) return "no, unless a request has more than the question: its condition has no value";
    if (!value.is_true()) return "no: its condition does not hold";
  }
  for (const limits::Dimension& dimension : rule.key) {
    if (!ValueOf(dimension, asked)) {
      return fmt::format("no, unless a request has more than the question: its key has no {}", dimension.name);
    }
  }
  return "yes";
}

void Describe(const limits::Rule& rule, const Asked& asked, Answer& answer) {
  answer.Text("rule", rule.name);
  answer.Text("applies", Applies(rule, asked));
  if (rule.when != nullptr) answer.Text("when", rule.when->source());
  if (!rule.key.empty()) {
    Answer::List& key = answer.Elements("key");
    for (const limits::Dimension& dimension : rule.key) {
      const std::optional<std::string> value = ValueOf(dimension, asked);
      const std::string shown = value ? fmt::format(" = {}", Quoted(*value)) : "";
      key.Text(fmt::format("{}: {}{}", dimension.name, dimension.value->source(), shown));
    }
  }
  if (rule.cost != nullptr) answer.Text("cost", rule.cost->source());
  answer.Text("limit", rule.state->TermsText());
  answer.Text("at_the_limit", AtTheLimit(rule));
}

}  // namespace

bool DescribeLimits(const config::FilterConfig& filter, const config::FilterConfig* override_config, const Asked& asked,
                    Answer& answer) {
  const auto* const config = dynamic_cast<const limits::Config*>(&filter);
  if (config == nullptr) return false;
  const limits::InForce terms(config->settings(), override_config);
  if (terms.disabled) {
    answer.Text("verdict", "disabled for this request");
    return true;
  }
  if (terms.more.empty() && terms.settings.rules.empty()) {
    answer.Text("verdict", "allowed: it has no rules");
    return true;
  }
  answer.Text("verdict", terms.settings.first_decides ? "the first rule that applies decides when a request comes"
                                                 : "each rule that applies has to admit it when it comes");
  Answer::List& rules = answer.Elements("rules");
  for (const limits::Rule& rule : terms.more) Describe(rule, asked, rules.Object());
  for (const limits::Rule& rule : terms.settings.rules) Describe(rule, asked, rules.Object());
  return true;
}

}  // namespace pillion::explain
