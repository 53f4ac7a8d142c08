#include "source/config/build_bootstrap_extensions.h"

#include <algorithm>
#include <map>
#include <vector>

#include "envoy/extensions/bootstrap/internal_listener/v3/internal_listener.pb.h"
#include "pillion/admin/v1/admin_access.pb.h"
#include "pillion/bootstrap/last_good/v1/last_good.pb.h"
#include "pillion/bootstrap/workload_api/v1/workload_api.pb.h"
#include "pillion/guard/v1/guard.pb.h"
#include "pillion/load_balancing_policies/lanes/v1/lanes.pb.h"
#include "source/config/build_admin_access.h"
#include "source/config/build_guard.h"
#include "source/config/build_lanes.h"
#include "source/config/build_last_good.h"
#include "source/config/build_tls.h"
#include "source/config/text.h"

namespace pillion::config {
namespace {

void BuildInternalListener(BuildContext& context, const google::protobuf::Any& from, const std::string&,
                           Bootstrap& bootstrap) {
  envoy::extensions::bootstrap::internal_listener::v3::InternalListener message;
  from.UnpackTo(&message);
  constexpr uint32_t kDefaultKb = 1024;
  bootstrap.internal_pipe_bytes = 1024 * (message.has_buffer_size_kb() ? message.buffer_size_kb().value() : kDefaultKb);
  context.internal_listeners = true;
}

struct ExtensionOfBootstrap {
  const google::protobuf::Descriptor* type;
  // `from` is of that type; `path` is its place.
  void (*build)(BuildContext& context, const google::protobuf::Any& from, const std::string& path, Bootstrap& bootstrap);
};

// Each may be there once. Built in this order: later ones may refer to earlier ones.
const std::vector<ExtensionOfBootstrap>& Extensions() {
  static const auto* const extensions = new std::vector<ExtensionOfBootstrap>{
      {pillion::bootstrap::workload_api::v1::WorkloadApi::descriptor(), BuildWorkloadApi},
      {pillion::admin::v1::AdminAccess::descriptor(), BuildAdminAccess},
      {pillion::guard::v1::Guard::descriptor(), BuildBootstrapGuard},
      {pillion::guard::v1::PushedGuard::descriptor(), BuildPushedGuard},
      {pillion::bootstrap::last_good::v1::LastGood::descriptor(), BuildLastGood},
      {pillion::load_balancing_policies::lanes::v1::Lanes::descriptor(), BuildDefaultLanes},
      {envoy::extensions::bootstrap::internal_listener::v3::InternalListener::descriptor(), BuildInternalListener},
  };
  return *extensions;
}

std::string Names() {
  std::string names;
  for (const ExtensionOfBootstrap& extension : Extensions()) {
    names += Concat(names.empty() ? "" : " or ", extension.type->name());
  }
  return names;
}

}  // namespace

void BuildBootstrapExtensions(BuildContext& context, const envoy::config::bootstrap::v3::Bootstrap& from,
                              Bootstrap& bootstrap) {
  struct Place {
    std::string path;
    const google::protobuf::Any* config;
  };
  std::map<const ExtensionOfBootstrap*, Place> places;
  for (int i = 0; i < from.bootstrap_extensions_size(); ++i) {
    const google::protobuf::Any& config = from.bootstrap_extensions(i).typed_config();
    const std::string path = FieldPath(ElementPath("bootstrap_extensions", i), "typed_config");
    const std::string name = config.type_url().substr(config.type_url().rfind('/') + 1);
    const auto found = std::find_if(Extensions().begin(), Extensions().end(),
                                    [&](const ExtensionOfBootstrap& e) { return e.type->full_name() == name; });
    if (found == Extensions().end()) {
      context.errors.AddMissing(ElementPath("bootstrap_extensions", i), path, WrongType(config, Names()));
    } else if (!places.emplace(&*found, Place{path, &config}).second) {
      context.errors.Add(path, Concat("a second ", found->type->name(), ", expected one"));
    }
  }
  for (const auto& [extension, place] : places) extension->build(context, *place.config, place.path, bootstrap);
}

}  // namespace pillion::config
