// Rules about who may do what, as policies.

#include "source/config/build_access.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "source/access/connection_attributes.h"
#include "source/access/policies.h"
#include "source/config/build_expression.h"
#include "source/config/text.h"

namespace pillion::config {
namespace {

namespace v3 = envoy::config::rbac::v3;
using access::AddressOf;
using access::Conditions;
using access::Input;

class Builder {
 public:
  Builder(BuildContext& context, AccessTo to) : context_(context), to_(to) {}

  // What a policy lets do, under its condition.
  Conditions::Index PermissionsOf(const v3::Policy& from, const std::string& path) {
    if (from.has_condition() && from.has_checked_condition()) {
      context_.errors.Add(FieldPath(path, "checked_condition"), "there is a condition as well, expected one of them");
    }
    const std::string field = FieldPath(path, from.has_condition() ? "condition" : "checked_condition");
    if (!from.has_condition() && !from.has_checked_condition()) {
      return AnyOf(from.permissions(), FieldPath(path, "permissions"));
    }
    const Conditions::Index begun = conditions_.Begin(true);
    AnyOf(from.permissions(), FieldPath(path, "permissions"));
    const expression::CompileOptions options = OptionsOfExpressions(to_);
    const Expression program = from.has_condition()
                                   ? BuildExpression(context_, from.condition(), options, field)
                                   : BuildExpression(context_, from.checked_condition(), options, field);
    if (program != nullptr) conditions_.AddExpression(program);
    conditions_.End(begun);
    return begun;
  }

  template <typename Message>
  Conditions::Index AnyOf(const google::protobuf::RepeatedPtrField<Message>& from, const std::string& path) {
    const Conditions::Index begun = conditions_.Begin(false);
    AddParts(from, path);
    conditions_.End(begun);
    return begun;
  }

  Conditions Take() { return std::move(conditions_); }

 private:
  template <typename Message>
  void AddParts(const google::protobuf::RepeatedPtrField<Message>& from, const std::string& path) {
    for (int i = 0; i < from.size(); ++i) Add(from[i], ElementPath(path, i));
  }
  template <typename Message>
  void AddSet(bool all, const google::protobuf::RepeatedPtrField<Message>& from, const std::string& path) {
    const Conditions::Index begun = conditions_.Begin(all);
    AddParts(from, path);
    conditions_.End(begun);
  }
  template <typename Message>
  void AddNot(const Message& from, const std::string& path) {
    const Conditions::Index begun = conditions_.BeginNot();
    Add(from, path);
    conditions_.End(begun);
  }

  // Where it looks like a SPIFFE ID, or the path of one, and is none; DNS names and subjects are compared, too. The first is
  // enough to be told.
  void NoteName(const envoy::type::matcher::v3::StringMatcher& name, const std::string& path) {
    constexpr std::string_view kScheme = "spiffe://";
    const std::string_view text = name.has_exact() ? name.exact() : name.prefix();
    const bool path_only = text.find('/') != text.npos && text.find("://") == text.npos && text.find('=') == text.npos;
    const bool misspelt = absl::StartsWithIgnoreCase({text.data(), text.size()}, "spiffe:");
    const bool as_any_case = name.ignore_case() && absl::StartsWithIgnoreCase({text.data(), text.size()}, "spiffe://");
    const bool begins = as_any_case || text.starts_with(kScheme);
    const bool odd = (path_only || misspelt) && !begins && !kScheme.starts_with(text);
    const bool star = begins && text.find('*') != text.npos;
    if ((!odd && !star) || std::exchange(noted_, true)) return;
    const std::string_view why = odd ? "expected one that begins with spiffe://"
                                     : "for * stands for itself, expected a prefix, suffix or safe_regex";
    context_.Note(path, Concat(Quote(text, 200), " never matches a SPIFFE ID, ", why));
  }

  // A test in the place of one that is an error.
  void AddNothing() { conditions_.End(conditions_.Begin(false)); }

  void AddAny(bool any, const std::string& path) {
    if (!any) context_.errors.Add(FieldPath(path, "any"), "false, expected true");
    conditions_.AddTrue();
  }
  void AddHeader(const envoy::config::route::v3::HeaderMatcher& from, const std::string& path) {
    if (to_ == AccessTo::kConnections) {
      context_.errors.Add(path, "a connection has no header fields, expected a rule about connections");
      return AddNothing();
    }
    conditions_.AddHeader(BuildHeaderMatcher(context_, from, path),
                          from.has_safe_regex_match() || from.string_match().has_safe_regex());
  }
  void AddPath(const envoy::type::matcher::v3::PathMatcher& from, const std::string& path) {
    conditions_.AddText(Input::kPath, BuildTextTest(context_, from.path(), FieldPath(path, "path")));
  }
  void AddAddress(AddressOf of, const envoy::config::core::v3::CidrRange& from, const std::string& path) {
    if (from.address_prefix().empty()) {
      context_.errors.AddMissing(path, FieldPath(path, "address_prefix"), "missing, but required");
    }
    conditions_.AddAddress(of, BuildIpRange(context_, from, path));
  }
  void AddSourced(const v3::SourcedMetadata& from, const std::string& path) {
    conditions_.AddMetadata(
        BuildMetadataMatcher(context_, from.metadata_matcher(), FieldPath(path, "metadata_matcher")),
        from.metadata_source() == v3::ROUTE);
  }

  void Add(const v3::Permission& from, const std::string& path);
  void Add(const v3::Principal& from, const std::string& path);

  BuildContext& context_;
  const AccessTo to_;
  Conditions conditions_;
  bool noted_ = false;
};

void Builder::Add(const v3::Permission& from, const std::string& path) {
  using Message = v3::Permission;
  switch (from.rule_case()) {
    case Message::kAndRules:
      return AddSet(true, from.and_rules().rules(), FieldPath(path, "and_rules.rules"));
    case Message::kOrRules:
      return AddSet(false, from.or_rules().rules(), FieldPath(path, "or_rules.rules"));
    case Message::kNotRule:
      return AddNot(from.not_rule(), FieldPath(path, "not_rule"));
    case Message::kAny:
      return AddAny(from.any(), path);
    case Message::kHeader:
      return AddHeader(from.header(), FieldPath(path, "header"));
    case Message::kUrlPath:
      return AddPath(from.url_path(), FieldPath(path, "url_path"));
    case Message::kDestinationIp:
      return AddAddress(AddressOf::kDestination, from.destination_ip(), FieldPath(path, "destination_ip"));
    case Message::kDestinationPort:
      return conditions_.AddDestinationPort(from.destination_port(), int64_t{from.destination_port()} + 1);
    case Message::kDestinationPortRange: {
      const auto& range = from.destination_port_range();
      if (range.start() < 0 || range.end() > 65536 || range.start() >= range.end()) {
        context_.errors.Add(FieldPath(path, "destination_port_range"),
                            Concat("from ", range.start(), " to below ", range.end(), ", expected ports"));
      }
      return conditions_.AddDestinationPort(range.start(), range.end());
    }
    case Message::kMetadata:
      return conditions_.AddMetadata(BuildMetadataMatcher(context_, from.metadata(), FieldPath(path, "metadata")), false);
    case Message::kSourcedMetadata:
      return AddSourced(from.sourced_metadata(), FieldPath(path, "sourced_metadata"));
    case Message::kRequestedServerName:
      return conditions_.AddText(Input::kServerName, BuildTextTest(context_, from.requested_server_name(),
                                                                   FieldPath(path, "requested_server_name")));
    case Message::kUriTemplate: {
      const auto uri = BuildUriTemplate(context_, from.uri_template(), FieldPath(path, "uri_template"));
      if (!uri) return AddNothing();
      return conditions_.AddText(Input::kPath, {match::StringMatcher(uri->regex()), true});
    }
    case Message::RULE_NOT_SET:
      break;
  }
  AddNothing();
}

void Builder::Add(const v3::Principal& from, const std::string& path) {
  using Message = v3::Principal;
  switch (from.identifier_case()) {
    case Message::kAndIds:
      return AddSet(true, from.and_ids().ids(), FieldPath(path, "and_ids.ids"));
    case Message::kOrIds:
      return AddSet(false, from.or_ids().ids(), FieldPath(path, "or_ids.ids"));
    case Message::kNotId:
      return AddNot(from.not_id(), FieldPath(path, "not_id"));
    case Message::kAny:
      return AddAny(from.any(), path);
    case Message::kAuthenticated:
      if (!from.authenticated().has_principal_name()) return conditions_.AddAuthenticated();
      NoteName(from.authenticated().principal_name(), FieldPath(path, "authenticated.principal_name"));
      return conditions_.AddPrincipal(BuildTextTest(context_, from.authenticated().principal_name(),
                                                    FieldPath(path, "authenticated.principal_name")));
    case Message::kSourceIp:
      return AddAddress(AddressOf::kConnection, from.source_ip(), FieldPath(path, "source_ip"));
    case Message::kDirectRemoteIp:
      return AddAddress(AddressOf::kPeer, from.direct_remote_ip(), FieldPath(path, "direct_remote_ip"));
    case Message::kRemoteIp:
      return AddAddress(AddressOf::kRequester, from.remote_ip(), FieldPath(path, "remote_ip"));
    case Message::kHeader:
      return AddHeader(from.header(), FieldPath(path, "header"));
    case Message::kUrlPath:
      return AddPath(from.url_path(), FieldPath(path, "url_path"));
    case Message::kMetadata:
      return conditions_.AddMetadata(BuildMetadataMatcher(context_, from.metadata(), FieldPath(path, "metadata")), false);
    case Message::kSourcedMetadata:
      return AddSourced(from.sourced_metadata(), FieldPath(path, "sourced_metadata"));
    case Message::kFilterState:
      return conditions_.AddFilterState(
          {from.filter_state().key(), BuildStringMatcher(context_, from.filter_state().string_match(),
                                                         FieldPath(path, "filter_state.string_match"))});
    case Message::IDENTIFIER_NOT_SET:
      break;
  }
  AddNothing();
}

struct NameList {
  std::vector<access::TextPattern> patterns;
  bool is_all = true;  // who fits one fits
};
using Names = std::optional<NameList>;

// Of whom only those with names like these may fit all of them, or one; nothing: others may as well.
Names NamesOfAny(const google::protobuf::RepeatedPtrField<v3::Principal>& from);

Names NamesOf(const v3::Principal& from) {
  switch (from.identifier_case()) {
    case v3::Principal::kAuthenticated: {
      const std::optional<access::TextPattern> pattern = PatternOf(from.authenticated().principal_name());
      if (!pattern) return std::nullopt;
      return NameList{.patterns = {*pattern}};
    }
    case v3::Principal::kOrIds:
      return NamesOfAny(from.or_ids().ids());
    case v3::Principal::kAndIds: {
      Names fewest;
      for (const v3::Principal& part : from.and_ids().ids()) {
        Names names = NamesOf(part);
        if (names && (!fewest || names->patterns.size() < fewest->patterns.size())) fewest = std::move(names);
      }
      if (fewest) fewest->is_all = false;
      return fewest;
    }
    default:
      return std::nullopt;
  }
}

Names NamesOfAny(const google::protobuf::RepeatedPtrField<v3::Principal>& from) {
  NameList all;
  for (const v3::Principal& part : from) {
    const Names names = NamesOf(part);
    if (!names) return std::nullopt;
    all.patterns.insert(all.patterns.end(), names->patterns.begin(), names->patterns.end());
    all.is_all = all.is_all && names->is_all;
  }
  return all;
}

}  // namespace

expression::CompileOptions OptionsOfExpressions(AccessTo to) {
  expression::CompileOptions options = {.result = expression::Kind::kBool};
  if (to == AccessTo::kConnections) options.check.catalog = &access::ConnectionAttributes::Names();
  return options;
}

access::Action ToAccessAction(v3::RBAC::Action from) {
  switch (from) {
    case v3::RBAC::ALLOW:
      return access::Action::kAllow;
    case v3::RBAC::LOG:
      return access::Action::kLog;
    default:
      return access::Action::kDeny;
  }
}

std::optional<access::TextPattern> PatternOf(const envoy::type::matcher::v3::StringMatcher& from) {
  using Kind = access::TextPattern::Kind;
  if (from.ignore_case()) return std::nullopt;
  if (from.has_exact()) return access::TextPattern{Kind::kExact, from.exact()};
  if (from.has_prefix()) return access::TextPattern{Kind::kPrefix, from.prefix()};
  if (from.has_safe_regex()) return access::TextPattern{Kind::kRegex, from.safe_regex().regex()};
  return std::nullopt;
}

access::TextTest BuildTextTest(BuildContext& context, const envoy::type::matcher::v3::StringMatcher& from,
                               const std::string& path) {
  return {BuildStringMatcher(context, from, path), from.has_safe_regex()};
}

std::shared_ptr<const access::Engine> BuildPolicies(BuildContext& context, const v3::RBAC& from, AccessTo to,
                                                    const std::string& path) {
  Builder builder(context, to);
  // A protobuf map has no order; errors have.
  std::vector<const google::protobuf::Map<std::string, v3::Policy>::value_type*> items;
  for (const auto& item : from.policies()) items.push_back(&item);
  std::sort(items.begin(), items.end(), [](const auto* a, const auto* b) { return a->first < b->first; });
  std::vector<access::Policy> policies;
  for (const auto* item : items) {
    const v3::Policy& policy = item->second;
    const std::string place = KeyPath(FieldPath(path, "policies"), item->first);
    const Conditions::Index permissions = builder.PermissionsOf(policy, place);
    const Conditions::Index principals = builder.AnyOf(policy.principals(), FieldPath(place, "principals"));
    const NameList only = NamesOfAny(policy.principals()).value_or(NameList());
    policies.push_back({.name = item->first,
                        .permissions = permissions,
                        .principals = principals,
                        .only = only.patterns,
                        .only_is_all = only.is_all});
  }
  return std::make_shared<access::Policies>(ToAccessAction(from.action()), builder.Take(), std::move(policies));
}

}  // namespace pillion::config
