#pragma once

// /config_dump: the configuration in use, in the shape of envoy.admin.v3.ConfigDump.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "google/protobuf/any.pb.h"
#include "source/admin/sources.h"
#include "source/base/clock.h"
#include "source/config/model.h"
#include "source/config/static_part.h"

namespace pillion::admin {

// One that came while the process runs, or would have.
struct PushedResource {
  std::string name;
  std::string version;
  std::optional<base::WallTime> updated;
  std::shared_ptr<const google::protobuf::Any> body;  // null: none was taken
  bool warming = false;
  bool came = true;  // false: nobody gave it, it is only how things are
  struct Serving {
    std::string version;
    base::WallTime updated;
    std::shared_ptr<const google::protobuf::Any> body;
  };
  std::optional<Serving> serving = {};  // as long as this one warms: the version before
  struct Refused {
    std::string details;
    std::string version;
    base::WallTime time;
    std::shared_ptr<const google::protobuf::Any> body;  // null: it is not known
  };
  std::optional<Refused> refused;  // the last one was
};

// All scopes that a connection manager has from elsewhere.
struct PushedScopes {
  std::string name;
  std::string version;
  std::optional<base::WallTime> updated;  // of the newest; nothing: none has come
  std::vector<std::shared_ptr<const google::protobuf::Any>> scopes;
  std::optional<PushedResource::Refused> refused;  // some scope was last; without a body
};

struct Pushed {
  std::string clusters_version;
  std::string listeners_version;
  std::vector<PushedResource> clusters;
  std::vector<PushedResource> listeners;
  std::vector<PushedResource> routes;
  std::vector<PushedScopes> scopes;
  std::vector<PushedResource> endpoints;
  std::vector<PushedResource> filters;
  bool filters_come = false;  // some listener has filters that come apart from it
};

// When what is configured was taken.
struct Times {
  base::WallTime start;
  std::map<config::StaticPart, base::WallTime> later;  // of what came while the process runs

  base::WallTime Of(const config::StaticPart& part) const {
    const auto found = later.find(part);
    return found == later.end() ? start : found->second;
  }
};

// `bootstrap` is a loaded one, taken at `times`. NotFound: there is no such resource field.
absl::StatusOr<std::string> DumpConfig(const config::Bootstrap& bootstrap, const Times& times, const Pushed& pushed,
                                       const ConfigDumpQuery& query);

}  // namespace pillion::admin
