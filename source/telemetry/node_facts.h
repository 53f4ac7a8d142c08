#pragma once

// Who this process is to control planes, as texts and expressions show it. Immutable; any thread.

#include <memory>
#include <string>

#include "source/metadata/value.h"

namespace pillion::telemetry {

struct NodeFacts {
  std::string id;
  std::string cluster;
  std::string region;
  std::string zone;
  std::string sub_zone;
  std::shared_ptr<const metadata::Tree> tree;
  const metadata::Value* metadata = nullptr;  // in `tree`: by key; null: there is none
};

}  // namespace pillion::telemetry
