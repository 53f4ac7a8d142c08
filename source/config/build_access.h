#pragma once

// From rules about who may do what to engines that decide. Beside build.h; for the filters that have such rules.

#include <memory>
#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "envoy/config/rbac/v3/rbac.pb.h"
#include "source/access/condition.h"
#include "source/access/engine.h"
#include "source/access/matcher_tree.h"
#include "source/access/text_index.h"
#include "source/config/build.h"
#include "source/expression/compiler.h"
#include "xds/type/matcher/v3/matcher.pb.h"

namespace pillion::config {

// What the rules are asked about: without requests there are no header fields.
enum class AccessTo : uint8_t {
  kArrivals,  // connections that have no filter chain yet, and so no certificate of the peer
  kConnections,
  kRequests,
};

// What conditions give, and may ask.
expression::CompileOptions OptionsOfExpressions(AccessTo to);
access::Action ToAccessAction(envoy::config::rbac::v3::RBAC::Action from);
// By which rules are found that ask for it; nothing: they are not.
std::optional<access::TextPattern> PatternOf(const envoy::type::matcher::v3::StringMatcher& from);
access::TextTest BuildTextTest(BuildContext& context, const envoy::type::matcher::v3::StringMatcher& from,
                               const std::string& path);

std::shared_ptr<const access::Engine> BuildPolicies(BuildContext& context, const envoy::config::rbac::v3::RBAC& from,
                                                    AccessTo to, const std::string& path);
std::shared_ptr<const access::Engine> BuildAccessTree(BuildContext& context, const xds::type::matcher::v3::Matcher& from,
                                                      AccessTo to, const std::string& path);

// What an action says is its number; an error where it says nothing that is known.
using BuildTreeAction =
    absl::FunctionRef<uint32_t(const xds::core::v3::TypedExtensionConfig& action, const std::string& path)>;
std::shared_ptr<const access::MatcherTree> BuildMatcherTree(BuildContext& context,
                                                            const xds::type::matcher::v3::Matcher& from, AccessTo to,
                                                            BuildTreeAction build_action, const std::string& path);

// Of a filter's message: `rules`, else `matcher`; null: neither.
template <typename Message>
std::shared_ptr<const access::Engine> BuildAccess(BuildContext& context, const Message& from, AccessTo to,
                                                  const std::string& path) {
  if (from.has_matcher() && from.has_rules()) {
    context.errors.Add(FieldPath(path, "matcher"), "there are rules as well, expected one of them");
  }
  if (from.has_rules()) return BuildPolicies(context, from.rules(), to, FieldPath(path, "rules"));
  if (!from.has_matcher()) return nullptr;
  return BuildAccessTree(context, from.matcher(), to, FieldPath(path, "matcher"));
}

// The same of its shadow.
template <typename Message>
std::shared_ptr<const access::Engine> BuildShadowAccess(BuildContext& context, const Message& from, AccessTo to,
                                                        const std::string& path) {
  if (from.has_shadow_matcher() && from.has_shadow_rules()) {
    context.errors.Add(FieldPath(path, "shadow_matcher"), "there are shadow_rules as well, expected one of them");
  }
  if (from.has_shadow_rules()) return BuildPolicies(context, from.shadow_rules(), to, FieldPath(path, "shadow_rules"));
  if (!from.has_shadow_matcher()) return nullptr;
  return BuildAccessTree(context, from.shadow_matcher(), to, FieldPath(path, "shadow_matcher"));
}

}  // namespace pillion::config
