#pragma once

// What was taken of a kind of resources, for who shows or keeps it.

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "google/protobuf/any.pb.h"
#include "source/base/clock.h"

namespace pillion::push {

struct Taken {
  std::string version;
  base::WallTime updated;
  std::shared_ptr<const google::protobuf::Any> body;
};

using TakenByName = std::map<std::string, Taken, std::less<>>;

}  // namespace pillion::push
