#pragma once

// What was refused last of each resource of a type, until it is taken or gone: for who looks into it. Part of a
// TypeProtocol.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "google/protobuf/any.pb.h"
#include "source/base/clock.h"

namespace pillion::xds {

class Refused {
 public:
  static constexpr size_t kMost = 100;                // resources; the oldest goes
  static constexpr size_t kMostDetails = 1024;        // bytes; of longer names nothing is kept
  static constexpr size_t kMostBodies = 1024 * 1024;  // bytes of them all; of what is refused beyond, the body is not kept

  struct Entry {
    std::string details;
    std::string version;
    base::WallTime time;
    std::shared_ptr<const google::protobuf::Any> body;  // null: it is not known, or not kept. It may hold keys.
    uint64_t turn;                                      // the older the smaller
  };

  void Set(const std::string& name, std::string_view details, std::string_view version, base::WallTime time,
           std::shared_ptr<const google::protobuf::Any> body);
  void Erase(std::string_view name);
  void Keep(const std::function<bool(const std::string& name)>& which);
  void Clear();

  const std::map<std::string, Entry, std::less<>>& all() const { return entries_; }

 private:
  std::map<std::string, Entry, std::less<>> entries_;
  size_t bodies_ = 0;
  uint64_t turn_ = 0;
};

}  // namespace pillion::xds
