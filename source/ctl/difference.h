#pragma once

// What is different between two configurations: by name, not by line, and said in the words of those who read it. Generic
// over the messages: it knows fields by their descriptors. Elements of lists are the same where their names are; without
// names, where they match the same or are equal, as far as a longest common subsequence goes; what is left between two of
// those is compared by position. Keys, passwords and credentials are compared, but never shown.

#include <string>
#include <vector>

#include "source/ctl/configuration.h"

namespace pillion::ctl {

struct Difference {
  enum class Kind : uint8_t { kAdded, kRemoved, kChanged, kMoved };

  std::string part;    // "cluster db"
  std::string place;   // within it: "filter chain 0, tls"; empty: it as a whole
  std::string field;   // "timeout"; empty: the place as a whole
  Kind kind = Kind::kChanged;
  std::string before;  // values; empty: there is none that can be shown
  std::string after;

  // "virtual host pay, route 3: timeout 15s -> 1s", after the part and a colon.
  std::string Text() const;
};

// From `a` to `b`, of the kinds that both say something about, and what NotCompared() has not.
std::vector<Difference> Compare(const Configuration& a, const Configuration& b);

// What a process has and the other side can't have, which is no difference between the two: of a bootstrap what others
// give; of a set of resources, as others give them, what stands in the bootstrap of a process that is given something.
std::vector<Configuration::Name> NotCompared(const Configuration& a, const Configuration& b);

// Of two messages of one type.
std::vector<Difference> Compare(const std::string& part, const google::protobuf::Message& a,
                                const google::protobuf::Message& b);

}  // namespace pillion::ctl
