#include "source/config/home.h"

#include <utility>

#include "source/config/build.h"
#include "source/config/text.h"

namespace pillion::config {

std::string Home::KeyOf(std::string_view at) const {
  if (name.empty() || !at.starts_with(path)) return {};
  return Concat(name, at.substr(path.size()));
}

// With its length a name can't be taken for several.
AtHome::AtHome(BuildContext& context, std::string_view kind, std::string_view name, const std::string& path)
    : context_(context), outer_(std::exchange(context.home, {})) {
  context.home = {.name = Concat(outer_.name, kind, " ", name.size(), ":", name, " "), .path = path};
}

AtHome::AtHome(BuildContext& context, const envoy::config::route::v3::Route& route, const std::string& path)
    : AtHome(context, "route", Concat(route.name(), " ", route.match().SerializeAsString()), path) {}

AtHome::~AtHome() { context_.home = std::move(outer_); }

}  // namespace pillion::config
