#pragma once

// Parts of rules as they are configured. Only for config.cc of the filters that have them.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "source/base/clock.h"
#include "source/config/build.h"
#include "source/config/text.h"
#include "source/expression/program.h"
#include "source/filters/rules/answer.h"

namespace pillion::filters::http::limit::v1 {
class Rule_Answer;
class Rule_Degrade;
}  // namespace pillion::filters::http::limit::v1

namespace pillion::filters::rules {

using Expression = std::shared_ptr<const expression::Program>;

constexpr int kUnavailable = 14;  // of gRPC

// Null, and an error, for one that is none.
Expression BuildExpression(config::BuildContext& context, const std::string& text, const std::string& path,
                           std::optional<expression::Kind> result = std::nullopt);
// The same of one that is asked when there is an answer.
Expression BuildExpressionOfAnswers(config::BuildContext& context, const std::string& text, const std::string& path,
                                    std::optional<expression::Kind> result);

void CheckName(config::BuildContext& context, const std::string& name, const std::string& path);
// Each name of a list is there once.
template <typename Rules>
void CheckNamesDiffer(config::BuildContext& context, const Rules& from, const std::string& path) {
  std::map<std::string_view, int> places;
  for (int i = 0; i < from.size(); ++i) {
    const auto [other, is_new] = places.emplace(from[i].name(), i);
    if (is_new) continue;
    context.errors.Add(config::FieldPath(config::ElementPath(path, i), "name"),
                       config::Concat(config::Quote(from[i].name()), " is that of rules[", other->second,
                                      "], expected another one"));
  }
}

// What a route says: who disables the filter says nothing else of it. `name`: of the member with settings, which are there.
template <typename PerRoute>
void CheckDisabledAlone(config::BuildContext& context, const PerRoute& from, bool has_settings, std::string_view name,
                        const std::string& path) {
  if (!from.disabled() || (!has_settings && from.more_rules_size() == 0)) return;
  context.errors.Add(config::FieldPath(path, "disabled"),
                     config::Concat("expected no ", name, " and no more_rules beside it"));
}

// `answer`: what it is where nothing is said.
Answer BuildAnswer(config::BuildContext& context, const http::limit::v1::Rule_Answer& from, const std::string& path,
                   Answer answer);
// An answer of at least 400: who is refused has no other.
Answer BuildRefusal(config::BuildContext& context, const http::limit::v1::Rule_Answer& from, const std::string& path,
                    Answer answer);
Degrade BuildDegrade(config::BuildContext& context, const http::limit::v1::Rule_Degrade& from, const std::string& path);

}  // namespace pillion::filters::rules
