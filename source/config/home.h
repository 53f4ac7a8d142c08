#pragma once

// By what a part of the configuration is known again in a later version of it: the names of what it stands in, and not its
// place in lists, which others change. For filters whose state is to outlast a change elsewhere. Internal to config/.

#include <string>
#include <string_view>

namespace envoy::config::route::v3 {
class Route;
}

namespace pillion::config {

struct BuildContext;

struct Home {
  std::string name;  // of what is built, within what it stands in; empty: it is known by nothing
  std::string path;  // where that stands in this version

  // Of what stands at `at`, in it. Empty: nothing is known of it.
  std::string KeyOf(std::string_view at) const;
};

// What is built stands in a part of that kind ("listener") and name, which is at `path`, until this goes.
class AtHome {
 public:
  AtHome(BuildContext& context, std::string_view kind, std::string_view name, const std::string& path);
  // A route has no name of its own that is sure: what it matches is its name, too.
  AtHome(BuildContext& context, const envoy::config::route::v3::Route& route, const std::string& path);
  ~AtHome();
  AtHome(const AtHome&) = delete;
  AtHome& operator=(const AtHome&) = delete;

 private:
  BuildContext& context_;
  Home outer_;
};

}  // namespace pillion::config
