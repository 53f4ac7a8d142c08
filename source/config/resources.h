#pragma once

// What comes while the process runs: each resource is judged by itself, and built, or refused with all that is wrong with
// it. Who asked keeps what it had then: nothing is touched by a resource that is refused.
//
// References between resources are not judged, for the other one may come later: clusters that a route or a filter names,
// a route table's filters (check_routes.h), addresses of listeners.

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "source/config/assignment.h"
#include "source/config/config_error.h"
#include "source/config/filter_place.h"
#include "source/config/load.h"
#include "source/config/model.h"

namespace envoy::config::bootstrap::v3 {
class Bootstrap;
}
namespace google::protobuf {
class Any;
}

namespace pillion::config {

struct BuildContext;

template <typename Part>
struct Judged {
  std::shared_ptr<const Part> part;  // null if and only if there are errors
  std::vector<ConfigError> errors;   // with paths below the resource: "filter_chains[0].filters[1].typed_config"
  std::vector<ConfigError> notes;    // what was passed over, to be logged
};

// The version of a resource that was taken before, with what was built of it. What is equal in both is shared.
template <typename Part>
struct Earlier {
  const google::protobuf::Any* resource = nullptr;  // null: there is none
  std::shared_ptr<const Part> part;
};

// What a resource goes by, of any of the kinds; empty: it has no name, or is none of them.
std::string NameOf(const google::protobuf::Any& resource);

// Made of what the process is configured with; lives as long as it. Main thread.
class Resources {
 public:
  // `options` are those that `bootstrap` was loaded with, but for `unknown`, the rule for what comes.
  Resources(std::shared_ptr<const Bootstrap> bootstrap, LoadOptions options);
  ~Resources();
  Resources(const Resources&) = delete;
  Resources& operator=(const Resources&) = delete;

  // What the process is configured with from now on.
  void Follow(std::shared_ptr<const Bootstrap> bootstrap);

  // `sender` gave it: what `self` means in it. Secrets that it names are in Bootstrap::remote_secrets from then on, for as
  // long as what was built is there; RemoteSecrets::Settle() is for who takes it, or not.
  Judged<Cluster> BuildCluster(const google::protobuf::Any& resource, const ConfigSource& sender) const;
  Judged<Listener> BuildListener(const google::protobuf::Any& resource, const ConfigSource& sender) const;
  Judged<RouteConfig> BuildRoutes(const google::protobuf::Any& resource, const Earlier<RouteConfig>& earlier = {}) const;
  Judged<Scope> BuildScope(const google::protobuf::Any& resource) const;
  // An envoy.service.runtime.v3.Runtime.
  Judged<runtime::Keys::Values> BuildRuntimeLayer(const google::protobuf::Any& resource) const;
  // In an envoy.config.core.v3.TypedExtensionConfig.
  Judged<Guard> BuildGuard(const google::protobuf::Any& resource) const;
  // The same, for the filter of a listener that has it from elsewhere: `place` as it is to be from now on, without `came`.
  // Where `place` has no source: of any HTTP filter.
  Judged<HttpFilter> BuildHttpFilter(const google::protobuf::Any& resource, const HttpFilter& place,
                                     TrafficDirection direction) const;
  // The same, for whatever filter of `listener` has it from elsewhere, without `came`.
  Judged<DiscoveredFilter> BuildFilter(const google::protobuf::Any& resource, const FilterPlace& place,
                                       const Listener& listener) const;
  // The same, of any filter that may come apart.
  Judged<DiscoveredFilter> BuildFilter(const google::protobuf::Any& resource) const;
  Judged<Assignment> BuildAssignment(const google::protobuf::Any& resource, const Earlier<Assignment>& earlier = {}) const;

 private:
  BuildContext MakeContext(ErrorList& errors) const;
  // Of a TypedExtensionConfig, for `source` (null: anybody): build(context, typed_config) gives what is at the place then.
  template <typename Build>
  auto BuildExtension(const google::protobuf::Any& resource, const FilterSource* source, const Build& build) const;
  // One that may name secrets, and who is to be asked: build(context, message).
  template <typename Message, typename Build>
  auto BuildOwner(const google::protobuf::Any& resource, const ConfigSource& sender, const Build& build) const;

  const envoy::config::bootstrap::v3::Bootstrap& source() const;  // that bootstrap_ was built of

  std::shared_ptr<const Bootstrap> bootstrap_;
  const LoadOptions options_;
  std::set<std::string, std::less<>> clusters_;
  BindOptions bind_;  // of clusters that have none of their own
};

}  // namespace pillion::config
