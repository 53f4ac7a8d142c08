#pragma once

// Clusters, listeners and secrets as texts have them, each by itself and with what is wrong with it, so that one that can't
// be read takes no other with it. Internal to config/.

#include <memory>
#include <string>
#include <vector>

#include "envoy/config/bootstrap/v3/bootstrap.pb.h"
#include "google/protobuf/message.h"
#include "source/config/config_error.h"
#include "source/config/load.h"
#include "source/config/static_part.h"
#include "source/config/tree.h"

namespace pillion::config {

struct StaticText {
  struct Item {
    StaticPart part;
    std::shared_ptr<const google::protobuf::Message> message;
    std::string path;                 // "static_resources.clusters[2]", counted over all texts; "resources[0]"
    std::vector<ConfigError> errors;  // not empty: it can't be used
  };

  std::vector<Item> items;
  bool is_list = false;          // of resources; else it is a bootstrap
  bool has_resources = false;    // it says something of them, if only that there are none
  envoy::config::bootstrap::v3::Bootstrap rest;  // of a bootstrap, without static_resources
  std::vector<ConfigError> errors;   // not empty: nothing of it can be used
  std::vector<ConfigError> outside;  // wrong in none of the items
  std::vector<ConfigError> notes;    // what was passed over, to be logged
  std::vector<Tree> trees;           // of each text
  std::vector<std::string> names;    // of the texts

  // Fills in where the path of an error, counted over all texts, stands.
  void Place(ConfigError& error) const;
};

// Each text is YAML or JSON, as LoadSources() has it; `list_too`: or one that is a list of resources, or an object with
// `resources`, each with its "@type".
StaticText ReadStatic(const std::vector<Source>& sources, const LoadOptions& options, bool list_too);

}  // namespace pillion::config
