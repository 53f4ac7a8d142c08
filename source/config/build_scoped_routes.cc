// Route tables that are chosen by scope: in a connection manager, and scopes that come while the process runs.

#include <map>

#include "envoy/config/route/v3/route.pb.h"
#include "source/config/build.h"
#include "source/config/judge_resource.h"
#include "source/config/text.h"

namespace pillion::config {
namespace {

namespace v3 = envoy::config::route::v3;
using Message = envoy::extensions::filters::network::http_connection_manager::v3::ScopedRoutes;

ScopeKeyFragment BuildFragment(BuildContext& context, const Message::ScopeKeyBuilder::FragmentBuilder& from,
                               const std::string& path) {
  const auto& extractor = from.header_value_extractor();
  const std::string place = FieldPath(path, "header_value_extractor");
  if (!http::FieldName::IsFieldName(extractor.name())) {
    context.errors.Add(FieldPath(place, "name"), Concat(Quote(extractor.name()), ", expected a header's name"));
  }
  ScopeKeyFragment fragment{http::FieldName(extractor.name()), extractor.element_separator(), extractor.index()};
  if (extractor.has_element()) {
    fragment.of = ScopeKeyFragment::Pair{extractor.element().separator(), extractor.element().key()};
  } else if (extractor.index() > 0 && fragment.element_separator.empty()) {
    context.errors.Add(FieldPath(place, "index"),
                       Concat(extractor.index(), ", but without an element_separator there is one element, expected 0"));
  }
  return fragment;
}

std::vector<std::string> BuildKey(const v3::ScopedRouteConfiguration::Key& from) {
  std::vector<std::string> key;
  for (const auto& fragment : from.fragments()) key.push_back(fragment.string_key());
  return key;
}

std::string KeyText(const std::vector<std::string>& key) {
  std::string text;
  for (const std::string& fragment : key) text += Concat(text.empty() ? "" : ", ", Quote(fragment));
  return text;
}

// Each has its table: there is nobody who could give another one.
void BuildScopes(BuildContext& context, const Message& from, const std::string& path, const BuildOwnTable& build_table,
                 ScopedRoutes& to) {
  std::map<std::string, std::string> names;                // and where they stand
  std::map<std::vector<std::string>, std::string> keys;  // the same
  const auto& list = from.scoped_route_configurations_list().scoped_route_configurations();
  const std::string place = FieldPath(path, "scoped_route_configurations_list.scoped_route_configurations");
  for (int i = 0; i < list.size(); ++i) {
    const v3::ScopedRouteConfiguration& each = list[i];
    const std::string at = ElementPath(place, static_cast<size_t>(i));
    const auto scope = std::make_shared<Scope>(Scope{.name = each.name(), .key = BuildKey(each.key())});
    if (!each.route_configuration_name().empty()) {
      context.errors.Add(FieldPath(at, "route_configuration_name"), "is for scoped_rds, expected a route_configuration");
    } else if (!each.has_route_configuration()) {
      context.errors.AddMissing(at, FieldPath(at, "route_configuration"), "missing, but required");
    } else {
      scope->table = build_table(each.route_configuration(), FieldPath(at, "route_configuration"));
    }
    if (const auto [former, is_new] = names.emplace(scope->name, at); !is_new) {
      context.errors.Add(FieldPath(at, "name"), Concat("duplicate name ", Quote(scope->name), ", as of ", former->second));
    }
    if (const auto [former, is_new] = keys.emplace(scope->key, at); !is_new) {
      context.errors.Add(FieldPath(at, "key"), Concat("duplicate key ", KeyText(scope->key), ", as of ", former->second));
    }
    if (scope->key.size() != to.key.size()) {
      context.errors.Add(FieldPath(at, "key.fragments"), Concat(scope->key.size(), ", which no request has, expected ",
                                                                to.key.size(), ", as scope_key_builder has"));
    }
    to.scopes.push_back(scope);
  }
}

}  // namespace

std::shared_ptr<const ScopedRoutes> BuildScopedRoutes(BuildContext& context, const Message& from, const std::string& path,
                                                      const BuildOwnTable& build_table) {
  const auto scoped = std::make_shared<ScopedRoutes>(ScopedRoutes{.name = from.name()});
  const std::string builder = FieldPath(path, "scope_key_builder.fragments");
  for (int i = 0; i < from.scope_key_builder().fragments_size(); ++i) {
    scoped->key.push_back(BuildFragment(context, from.scope_key_builder().fragments(i),
                                        ElementPath(builder, static_cast<size_t>(i))));
  }
  if (from.has_rds_config_source()) {
    scoped->tables = BuildFeed(context, from.rds_config_source(), FieldPath(path, "rds_config_source"));
  }
  if (from.has_scoped_rds()) {
    scoped->source = BuildFeed(context, from.scoped_rds().scoped_rds_config_source(),
                               FieldPath(path, "scoped_rds.scoped_rds_config_source"));
  } else {
    BuildScopes(context, from, path, build_table, *scoped);
  }
  return scoped;
}

Judged<Scope> Resources::BuildScope(const google::protobuf::Any& resource) const {
  ErrorList errors;
  std::vector<ConfigError> notes;
  const auto scope = std::make_shared<Scope>();
  v3::ScopedRouteConfiguration from;
  if (IsOfType(resource, *v3::ScopedRouteConfiguration::descriptor(), errors) &&
      ParseAndJudge(options_.unknown, resource.value(), "", from, errors, notes)) {
    BuildContext context = MakeContext(errors);
    context.notes = &notes;
    scope->name = from.name();
    scope->key = BuildKey(from.key());
    scope->table_name = from.route_configuration_name();
    if (from.has_route_configuration() != scope->table_name.empty()) {
      errors.Add("", Concat(from.has_route_configuration() ? "both" : "none",
                            " of route_configuration and route_configuration_name, expected one"));
    } else if (from.has_route_configuration()) {
      scope->table = BuildRouteConfig(context, from.route_configuration(), "route_configuration");
    }
  }
  return Conclude<Scope>(scope, errors, std::move(notes));
}

}  // namespace pillion::config
