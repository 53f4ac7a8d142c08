#include "source/explain/scope.h"

#include <fmt/format.h>

#include <optional>
#include <string>

#include "source/explain/texts.h"
#include "source/route/scope_key.h"

namespace pillion::explain {
namespace {

std::string KeyText(const route::ScopeKey& key) {
  std::string text;
  for (const std::string_view fragment : key) text += fmt::format("{}{}", text.empty() ? "" : ", ", Quoted(fragment));
  return text;
}

}  // namespace

std::shared_ptr<const proxy::Routes> RoutesOfScope(const Running& running, const proxy::ConnectionManager& manager,
                                                   const http::RequestHead& head, Answer* answer) {
  const auto say = [answer](const char* name, std::string text) {
    if (answer != nullptr) answer->Text(name, std::move(text));
  };
  const config::ScopeKeyBuilder& builder = manager.config().scoped_routes->key;
  route::ScopeKey key;
  if (!route::ReadScopeKey(builder, head, key)) {
    const config::ScopeKeyFragment& missing = builder[key.size()];
    const bool is_there = missing.field.First(head).has_value();
    say("no_scope", fmt::format("the request has no key: {} {}", missing.field.text(),
                                is_there ? "has no such element" : "is not there"));
    return nullptr;
  }
  say("key", KeyText(key));
  const std::shared_ptr<const proxy::Scopes> scopes = running.scopes(manager);
  if (scopes == nullptr) {
    say("no_scope", "none has come yet");
    return nullptr;
  }
  const std::optional<uint32_t> found = scopes->Find(key);
  if (!found) {
    say("no_scope", fmt::format("none of {} has this key", scopes->all().size()));
    return nullptr;
  }
  const proxy::Scopes::Scope& scope = scopes->all()[*found];
  say("name", scope.name);
  std::shared_ptr<const proxy::Routes> routes = scope.own != nullptr ? scope.own : running.routes_of_scope(scope.id);
  if (routes == nullptr) {
    say("no_route_table", "it has not come yet");
  } else {
    say("route_table", routes->table.config().name);
  }
  return routes;
}

}  // namespace pillion::explain
