// Trees of matchers: rules about who may do what, and the choice of a filter chain.

#include "envoy/extensions/matching/common_inputs/network/v3/network_inputs.pb.h"
#include "envoy/extensions/matching/common_inputs/ssl/v3/ssl_inputs.pb.h"
#include "envoy/type/matcher/v3/http_inputs.pb.h"
#include "source/access/tree.h"
#include "source/config/build_access.h"
#include "source/config/build_expression.h"
#include "source/config/text.h"
#include "xds/type/matcher/v3/cel.pb.h"
#include "xds/type/matcher/v3/domain.pb.h"
#include "xds/type/matcher/v3/http_inputs.pb.h"
#include "xds/type/matcher/v3/ip.pb.h"

namespace pillion::config {
namespace {

namespace v3 = xds::type::matcher::v3;
namespace network = envoy::extensions::matching::common_inputs::network::v3;
namespace ssl = envoy::extensions::matching::common_inputs::ssl::v3;
using access::Conditions;
using access::Input;
using access::Target;
using HeaderInput = envoy::type::matcher::v3::HttpRequestHeaderMatchInput;
using Predicate = v3::Matcher::MatcherList::Predicate;

std::optional<Input> FindInput(const google::protobuf::Any& from) {
  if (from.Is<ssl::UriSanInput>()) return Input::kUris;
  if (from.Is<ssl::DnsSanInput>()) return Input::kDns;
  if (from.Is<ssl::SubjectInput>()) return Input::kSubject;
  if (from.Is<network::ServerNameInput>()) return Input::kServerNameIfAny;
  if (from.Is<network::DestinationIPInput>()) return Input::kDestinationIp;
  if (from.Is<network::DestinationPortInput>()) return Input::kDestinationPort;
  if (from.Is<network::SourceIPInput>()) return Input::kSourceIp;
  if (from.Is<network::SourcePortInput>()) return Input::kSourcePort;
  if (from.Is<network::DirectSourceIPInput>()) return Input::kDirectSourceIp;
  if (from.Is<network::SourceTypeInput>()) return Input::kSourceType;
  if (from.Is<network::TransportProtocolInput>()) return Input::kTransportProtocol;
  if (from.Is<network::ApplicationProtocolInput>()) return Input::kApplicationProtocols;
  return std::nullopt;
}

constexpr bool IsOfCertificate(Input input) {
  return input == Input::kUris || input == Input::kDns || input == Input::kSubject;
}

// The two messages have the same fields.
template <typename To, typename From>
To ToEnvoy(const From& from) {
  To to;
  to.ParseFromString(from.SerializeAsString());
  return to;
}

envoy::type::matcher::v3::StringMatcher TextMatcher(const v3::StringMatcher& from) {
  return ToEnvoy<envoy::type::matcher::v3::StringMatcher>(from);
}

class Builder {
 public:
  Builder(BuildContext& context, AccessTo to, BuildTreeAction build_action)
      : context_(context), to_(to), build_action_(build_action) {}

  // Both once.
  void Build(const v3::Matcher& from, const std::string& path) { AddMatcher(from, path); }
  template <typename Tree, typename... More>
  std::shared_ptr<const Tree> Take(More&&... more) {
    return std::make_shared<const Tree>(std::move(conditions_), std::move(matchers_), std::forward<More>(more)...);
  }

 private:
  // Its number.
  uint32_t AddMatcher(const v3::Matcher& from, const std::string& path) {
    const auto number = static_cast<uint32_t>(matchers_.size());
    matchers_.emplace_back();
    access::Matcher built;
    if (from.has_matcher_list()) built.kind = BuildList(from.matcher_list(), FieldPath(path, "matcher_list"));
    if (from.has_matcher_tree()) built.kind = BuildMap(from.matcher_tree(), FieldPath(path, "matcher_tree"));
    if (from.matcher_type_case() == v3::Matcher::MATCHER_TYPE_NOT_SET && !from.has_on_no_match()) {
      context_.errors.AddMissing(path, path, "one of matcher_list, matcher_tree, on_no_match is required");
    }
    if (from.has_on_no_match()) built.otherwise = BuildTarget(from.on_no_match(), FieldPath(path, "on_no_match"));
    matchers_[number] = std::move(built);
    return number;
  }

  std::vector<access::Matcher::Entry> BuildList(const v3::Matcher::MatcherList& from, const std::string& path) {
    std::vector<access::Matcher::Entry> entries;
    for (int i = 0; i < from.matchers_size(); ++i) {
      const auto& item = from.matchers(i);
      const std::string place = ElementPath(FieldPath(path, "matchers"), i);
      access::Matcher::Entry& entry = entries.emplace_back();
      entry.condition = conditions_.next();
      AddPredicate(item.predicate(), FieldPath(place, "predicate"));
      if (!TakePatterns(item.predicate(), entry)) entry.patterns.clear();
      entry.target = BuildTarget(item.on_match(), FieldPath(place, "on_match"));
    }
    return entries;
  }

  // True: it asks for texts of one input, which `entry` has now.
  bool TakePatterns(const Predicate& from, access::Matcher::Entry& entry) {
    if (from.has_or_matcher()) {
      for (const Predicate& part : from.or_matcher().predicate()) {
        if (!TakePatterns(part, entry)) return false;
      }
      return true;
    }
    const auto& single = from.single_predicate();
    if (single.has_custom_match()) return false;
    const std::optional<Input> input = TakeInput(single.input().typed_config());
    const std::optional<access::TextPattern> pattern = PatternOf(TextMatcher(single.value_match()));
    if (!from.has_single_predicate() || !input || !pattern) return false;
    if (!entry.patterns.empty() && entry.input != *input) return false;
    entry.input = *input;
    entry.patterns.push_back(*pattern);
    return true;
  }

  access::Matcher::Map BuildMap(const v3::Matcher::MatcherTree& from, const std::string& path) {
    access::Matcher::Map map{.input = Input::kPath};
    const std::string input_path = FieldPath(path, "input");
    if (const std::optional<Input> input = TakeInput(from.input().typed_config())) {
      map.input = *input;
    } else if (const std::optional<http::FieldName> name = BuildHeaderInput(from.input(), input_path)) {
      map.input = *name;
    }
    if (from.has_custom_match()) {
      AddCustom(from.custom_match().typed_config(), FieldPath(FieldPath(path, "custom_match"), "typed_config"), map);
      return map;
    }
    const bool prefixes = from.has_prefix_match_map();
    if (prefixes) map.by = access::Matcher::Map::By::kPrefix;
    const std::string_view field = prefixes ? "prefix_match_map" : "exact_match_map";
    const std::string place = FieldPath(FieldPath(path, field), "map");
    const auto& items = prefixes ? from.prefix_match_map().map() : from.exact_match_map().map();
    if (items.empty()) context_.errors.AddMissing(path, place, "empty, but required");
    const std::map<std::string, v3::Matcher::OnMatch> ordered(items.begin(), items.end());  // for errors
    for (const auto& [key, on_match] : ordered) map.targets.emplace(key, BuildTarget(on_match, KeyPath(place, key)));
    return map;
  }

  void AddCustom(const google::protobuf::Any& from, const std::string& path, access::Matcher::Map& map) {
    v3::IPMatcher ranges;
    v3::ServerNameMatcher domains;
    if (from.UnpackTo(&ranges)) {
      AddRanges(ranges, FieldPath(path, "range_matchers"), map);
    } else if (from.UnpackTo(&domains)) {
      AddDomains(domains, FieldPath(path, "domain_matchers"), map);
    } else {
      context_.errors.AddMissing(path, path, WrongType(from, "IPMatcher or ServerNameMatcher"));
    }
  }

  void AddRanges(const v3::IPMatcher& from, const std::string& path, access::Matcher::Map& map) {
    map.by = access::Matcher::Map::By::kRange;
    for (int i = 0; i < from.range_matchers_size(); ++i) {
      const auto& item = from.range_matchers(i);
      const std::string place = ElementPath(path, i);
      const Target target = BuildTarget(item.on_match(), FieldPath(place, "on_match"));
      for (int j = 0; j < item.ranges_size(); ++j) {
        const auto range = ToEnvoy<envoy::config::core::v3::CidrRange>(item.ranges(j));
        map.ranges.push_back({.range = BuildIpRange(context_, range, ElementPath(FieldPath(place, "ranges"), j)),
                              .target = target,
                              .exclusive = item.exclusive()});
      }
    }
  }

  void AddDomains(const v3::ServerNameMatcher& from, const std::string& path, access::Matcher::Map& map) {
    map.by = access::Matcher::Map::By::kDomain;
    for (int i = 0; i < from.domain_matchers_size(); ++i) {
      const auto& item = from.domain_matchers(i);
      const std::string place = ElementPath(path, i);
      const Target target = BuildTarget(item.on_match(), FieldPath(place, "on_match"));
      for (int j = 0; j < item.domains_size(); ++j) {
        const std::string& domain = item.domains(j);
        const std::string at = ElementPath(FieldPath(place, "domains"), j);
        const std::string_view plain = std::string_view(domain).substr(domain.starts_with("*.") ? 2 : 0);
        if (domain != "*" && (plain.empty() || plain.find('*') != plain.npos)) {
          context_.errors.Add(at, Concat(Quote(domain), ", expected a name, \"*.\" and the end of one, or \"*\""));
        } else if (!map.targets.emplace(domain, target).second) {
          context_.errors.Add(at, Concat(Quote(domain), " has been there before, expected each domain once"));
        }
      }
    }
  }

  Target BuildTarget(const v3::Matcher::OnMatch& from, const std::string& path) {
    Target target;
    if (from.has_matcher()) {
      target = {Target::Kind::kMatcher, AddMatcher(from.matcher(), FieldPath(path, "matcher"))};
    } else if (from.has_action()) {
      target = {Target::Kind::kAction, build_action_(from.action(), FieldPath(path, "action"))};
    }
    // Nobody would be told of what is passed over.
    if (from.keep_matching()) {
      context_.errors.Add(FieldPath(path, "keep_matching"), "true, but the first that fits decides here");
    }
    return target;
  }

  // Nothing: it is none, or one that there is not yet.
  std::optional<Input> TakeInput(const google::protobuf::Any& from) const {
    const std::optional<Input> input = FindInput(from);
    return input && to_ == AccessTo::kArrivals && IsOfCertificate(*input) ? std::nullopt : input;
  }

  // Of a header field; nothing, and an error, where it is something else.
  std::optional<http::FieldName> BuildHeaderInput(const xds::core::v3::TypedExtensionConfig& from,
                                                  const std::string& path) {
    const std::string place = FieldPath(path, "typed_config");
    HeaderInput header;
    if (FindInput(from.typed_config())) {
      context_.errors.Add(place,
                          "nothing is known of a certificate before a filter chain is chosen, expected another input");
      return std::nullopt;
    }
    if (to_ != AccessTo::kRequests && from.typed_config().Is<HeaderInput>()) {
      context_.errors.Add(place, "a connection has no header fields, expected an input of connections");
      return std::nullopt;
    }
    if (!from.typed_config().UnpackTo(&header)) {
      context_.errors.AddMissing(path, place, WrongType(from.typed_config(), "an input"));
      return std::nullopt;
    }
    if (!http::FieldName::IsFieldName(header.header_name())) {
      if (!header.header_name().empty()) {
        context_.errors.Add(FieldPath(place, "header_name"),
                            Concat(Quote(header.header_name()), ", expected a header's name"));
      }
      return std::nullopt;
    }
    return http::FieldName(header.header_name());
  }

  void AddPredicate(const Predicate& from, const std::string& path) {
    switch (from.match_type_case()) {
      case Predicate::kSinglePredicate: {
        const auto& single = from.single_predicate();
        const std::string place = FieldPath(path, "single_predicate");
        const bool attributes = single.input().typed_config().Is<v3::HttpAttributesCelMatchInput>();
        if (single.has_custom_match() || attributes) return AddExpression(single, place);
        access::TextTest test =
            BuildTextTest(context_, TextMatcher(single.value_match()), FieldPath(place, "value_match"));
        if (const std::optional<Input> input = TakeInput(single.input().typed_config())) {
          conditions_.AddText(*input, std::move(test));
        } else if (const auto name = BuildHeaderInput(single.input(), FieldPath(place, "input"))) {
          conditions_.AddHeaderText(*name, std::move(test));
        } else {
          conditions_.AddTrue();
        }
        return;
      }
      case Predicate::kAndMatcher:
        return AddSet(true, from.and_matcher(), FieldPath(path, "and_matcher.predicate"));
      case Predicate::kOrMatcher:
        return AddSet(false, from.or_matcher(), FieldPath(path, "or_matcher.predicate"));
      case Predicate::kNotMatcher: {
        const Conditions::Index begun = conditions_.BeginNot();
        AddPredicate(from.not_matcher(), FieldPath(path, "not_matcher"));
        conditions_.End(begun);
        return;
      }
      case Predicate::MATCH_TYPE_NOT_SET:
        break;
    }
    conditions_.AddTrue();
  }

  // An expression and what it is asked about, each of which there is only for the other.
  void AddExpression(const Predicate::SinglePredicate& from, const std::string& path) {
    const std::string input = FieldPath(FieldPath(path, "input"), "typed_config");
    const std::string place = FieldPath(FieldPath(path, "custom_match"), "typed_config");
    v3::CelMatcher matcher;
    if (to_ == AccessTo::kArrivals) {
      context_.errors.AddMissing(
          path, path, "an expression can't choose a filter chain, expected value_match and an input of connections");
    } else if (!from.input().typed_config().Is<v3::HttpAttributesCelMatchInput>()) {
      context_.errors.AddMissing(path, input,
                                 WrongType(from.input().typed_config(), "xds.type.matcher.v3.HttpAttributesCelMatchInput"));
    } else if (!from.custom_match().typed_config().UnpackTo(&matcher)) {
      context_.errors.AddMissing(path, place,
                                 WrongType(from.custom_match().typed_config(), "xds.type.matcher.v3.CelMatcher"));
    } else if (const Expression program = BuildExpression(context_, matcher.expr_match(), OptionsOfExpressions(to_),
                                                          FieldPath(place, "expr_match"))) {
      conditions_.AddExpression(program);
      return;
    }
    conditions_.AddTrue();
  }

  void AddSet(bool all, const Predicate::PredicateList& from, const std::string& path) {
    if (from.predicate_size() < 2) {
      context_.errors.AddMissing(path, path, Concat(from.predicate_size(), " predicates, expected at least 2"));
    }
    const Conditions::Index begun = conditions_.Begin(all);
    for (int i = 0; i < from.predicate_size(); ++i) AddPredicate(from.predicate(i), ElementPath(path, i));
    conditions_.End(begun);
  }

  BuildContext& context_;
  const AccessTo to_;
  const BuildTreeAction build_action_;
  Conditions conditions_;
  std::vector<access::Matcher> matchers_;
};

}  // namespace

std::shared_ptr<const access::Engine> BuildAccessTree(BuildContext& context, const v3::Matcher& from, AccessTo to,
                                                      const std::string& path) {
  std::vector<access::Tree::NamedAction> actions;
  const auto build_action = [&](const xds::core::v3::TypedExtensionConfig& item, const std::string& place) {
    envoy::config::rbac::v3::Action action;
    if (!item.typed_config().UnpackTo(&action)) {
      context.errors.AddMissing(place, FieldPath(place, "typed_config"),
                                WrongType(item.typed_config(), "envoy.config.rbac.v3.Action"));
    }
    actions.push_back({action.name(), ToAccessAction(action.action())});
    return static_cast<uint32_t>(actions.size() - 1);
  };
  Builder builder(context, to, build_action);
  builder.Build(from, path);
  return builder.Take<access::Tree>(std::move(actions));
}

std::shared_ptr<const access::MatcherTree> BuildMatcherTree(BuildContext& context, const v3::Matcher& from, AccessTo to,
                                                            BuildTreeAction build_action, const std::string& path) {
  Builder builder(context, to, build_action);
  builder.Build(from, path);
  return builder.Take<access::MatcherTree>();
}

}  // namespace pillion::config
