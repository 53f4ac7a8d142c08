#pragma once

// What two sides of a comparison are made of: resources by kind and name, from a file or from a process that runs.

#include <compare>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "google/protobuf/message.h"

namespace pillion::ctl {

struct Configuration {
  enum class Kind : uint8_t { kBootstrap, kListener, kScope, kRoutes, kCluster, kEndpoints, kSecret, kFilter };

  struct Name {
    Kind kind;
    std::string name;  // empty: of the bootstrap
    auto operator<=>(const Name&) const = default;
  };

  enum class From : uint8_t { kBootstrap, kResources, kProcess };

  From from = From::kBootstrap;
  // The bootstrap is without its static resources, which are parts of their own.
  std::map<Name, std::unique_ptr<google::protobuf::Message>> parts;
  std::set<Kind> kinds;  // that it says something about, though perhaps there is none
  std::set<Name> given;  // that a process got from others: a bootstrap only asks for them
};

// "cluster db", "bootstrap".
std::string PartText(const Configuration::Name& name);

// A bootstrap, or a set of resources. An error has one line for each thing that is wrong.
absl::StatusOr<Configuration> ReadConfiguration(const std::string& path);

// Of /config_dump.
absl::StatusOr<Configuration> ReadConfigDump(const std::string& json);

}  // namespace pillion::ctl
