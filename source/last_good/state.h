#pragma once

// What control planes gave and was taken, as a file has it.

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "google/protobuf/any.pb.h"
#include "source/base/clock.h"
#include "source/xds/kind.h"

namespace pillion::last_good {

// Who has written a file, and may read it.
struct Owner {
  std::string node;
  std::string cluster;  // the node's

  bool operator==(const Owner&) const = default;
};

struct Kept {
  std::string version;  // empty: a control plane is to give it anew in any case
  std::shared_ptr<const google::protobuf::Any> body;
};

// Of one control plane and kind.
struct Section {
  std::map<std::string, Kept, std::less<>> kept;  // by name
  std::map<std::string, std::string, std::less<>> left_out;  // name: why; none that is among `kept`
};

using SectionId = std::pair<std::string, xds::Kind>;  // the control plane, as the log names it
using Sections = std::map<SectionId, Section>;

struct State {
  base::WallTime written;
  Sections sections;
};

}  // namespace pillion::last_good
